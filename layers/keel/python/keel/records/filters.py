"""Parse the filters of a list and match records against them."""

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

from keel import ids

if TYPE_CHECKING:
    from keel.records.entity_type import EntityType
    from keel.records.models import Record
    from keel.records.schemas import ListBody


@dataclass(frozen=True)
class Filter:
    """A list parameter that selects the records whose `field` has its value.

    A parameter may have several values. A record must have one of them, or with `every` all of them. Values are ids,
    unless `choices` or `any_text` are set. `code` is the error for a value that is not allowed.
    """

    parameter: str
    field: str
    choices: tuple[str, ...] = ()
    code: str = "invalid_id"
    any_text: bool = False
    every: bool = False


@dataclass(frozen=True)
class Criterion:
    """The values of one filter in a request: at least one, without duplicates."""

    filter: Filter
    values: tuple[str, ...]

    def matches(self, record: "Record") -> bool:
        """Whether a record matches. References to deleted records must have been removed from it."""
        stored = record.attribute_values.get(self.filter.field)
        actual = stored if isinstance(stored, list) else [stored]
        if self.filter.every:
            return all(value in actual for value in self.values)
        return not self._allowed.isdisjoint(actual)

    @cached_property
    def _allowed(self) -> frozenset[str]:
        return frozenset(self.values)


def parse(entity_type: "EntityType", body: "ListBody") -> list[Criterion]:
    """The criteria of a list request. Raises the filter's code for a value that is not allowed."""
    criteria = []
    for each in entity_type.filters:
        parameter = getattr(body, each.parameter, None)
        if parameter is None or parameter == []:
            continue
        values = parameter if isinstance(parameter, list) else [parameter]
        allowed = dict.fromkeys(_allowed_value(entity_type, each, value) for value in values)
        criteria.append(Criterion(each, tuple(allowed)))
    return criteria


def _allowed_value(entity_type: "EntityType", filter_: Filter, value: str | None) -> str:
    if filter_.any_text and value is not None:
        return value
    allowed = value if filter_.choices else ids.parse(value)
    if allowed is None or (filter_.choices and allowed not in filter_.choices):
        raise entity_type.error(filter_.code, filter_.parameter)
    return allowed
