"""By what can a list be filtered? The filters that a kind declares, and what a body asks of them."""

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

from keel import ids

if TYPE_CHECKING:
    from keel.records.entity_type import EntityType, Record
    from keel.records.schemas import ListBody


@dataclass(frozen=True)
class Filter:
    """A parameter of a list: it lets through the records whose `field` has the value that it gives.

    A parameter may give several values, of which a record must have one, or every one with `every`. They are
    ids unless `choices` or `any_text` says otherwise; `code` answers what is not among the choices.
    """

    parameter: str
    field: str
    choices: tuple[str, ...] = ()
    code: str = "invalid_id"
    any_text: bool = False
    every: bool = False


@dataclass(frozen=True)
class Criterion:
    """What a body asks of one filter; there is at least one value, and none twice."""

    filter: Filter
    values: tuple[str, ...]

    def holds(self, record: "Record") -> bool:
        """`record` as a client sees it: an id whose target is gone is `None`."""
        found = record[self.filter.field]
        had = found if isinstance(found, list) else [found]
        return all(value in had for value in self.values) if self.filter.every else not self._allowed.isdisjoint(had)

    @cached_property
    def _allowed(self) -> frozenset[str]:
        return frozenset(self.values)


def asked(kind: "EntityType", body: "ListBody") -> list[Criterion]:
    """The criteria of a body; raises the code of a value that its filter cannot have."""
    found = []
    for each in kind.filters:
        given = getattr(body, each.parameter, None)
        if given is None or given == []:
            continue
        values = given if isinstance(given, list) else [given]
        found.append(Criterion(each, tuple(dict.fromkeys(_value(kind, each, value) for value in values))))
    return found


def _value(kind: "EntityType", asked: Filter, value: str | None) -> str:
    if asked.any_text and value is not None:
        return value
    valid = ids.parse(value) if not asked.choices else value if value in asked.choices else None
    if valid is None:
        raise kind.error(asked.code, asked.parameter)
    return valid
