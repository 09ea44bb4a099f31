"""What does a resource declare about its records? Its fields, rules, references and codes, as data."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, Final

from keel.api.fields import Body, is_blank
from keel.errors import ApiError
from keel.records import field_definitions
from keel.records.filters import Filter
from keel.records.search import Searchable
from keel.storage import legacy_table as table
from keel.storage.legacy_table import Item, Key, Write

Record = dict[str, Any]
Values = dict[str, Any]

# Kept as JSON text: their values are any JSON, and DynamoDB's numbers are not JSON's.
JSON_FIELDS: Final = ("custom_fields", "metadata")


# The code whose own text says nothing of the field.
_GENERAL: Final = "invalid_request"


@dataclass(frozen=True)
class Join:
    """A computed name: `name` shows the label of what the id in `field` points to."""

    field: str
    kind: str
    name: str
    label: Callable[[Item], str]

    def key(self, account_id: str, target_id: str) -> Key:
        return Key(table.partition(account_id, self.kind), target_id)


@dataclass(frozen=True)
class Reference(Join):
    """A writable id of another record, and the code when it points to nothing.

    `malformed` is the code of an id that is no UUID, where that has one of its own. A target that has the
    attribute `closed_by` keeps what points to it, but cannot be newly assigned.
    """

    missing: str
    malformed: str = ""
    closed_by: str = ""

    @property
    def message(self) -> str | None:
        """What to say of an id that points to nothing, where the code's own text does not."""
        return f"{self.field} must be the id of a {self.kind} in this account." if self.missing == _GENERAL else None


@dataclass(frozen=True)
class Rule:
    """What a field's value must be, and the code when it is not; `null` in an update never is.

    `message` says it where the code's own text does not.
    """

    field: str
    code: str
    holds: Callable[[Any], bool]
    message: str | None = None


def required_text(field: str, code: str) -> Rule:
    message = f"{field} is required and must not be blank." if code == _GENERAL else None
    return Rule(field, code, lambda value: not is_blank(value), message)


def not_null(field: str, code: str) -> Rule:
    """For a field whose type says everything, but that cannot be cleared."""
    return Rule(field, code, lambda _value: True, f"{field} must not be null." if code == _GENERAL else None)


@dataclass(frozen=True)
class Searched:
    """The fields that `search` looks into; `joined` are references whose name counts as text."""

    texts: tuple[str, ...]
    emails: tuple[str, ...] = ()
    phones: tuple[str, ...] = ()
    joined: tuple[str, ...] = ()

    def of(self, record: Record, *names: str) -> Searchable:
        """What of a record can be found; `names` are those of what it points to."""
        return Searchable.of(
            (*(record[field] for field in self.texts), *names),
            [record[field] for field in self.emails],
            [record[field] for field in self.phones],
        )


def _nothing(_values: Values) -> None:
    """No rule."""


@dataclass(frozen=True)
class EntityType:
    """One kind of record.

    `name` is its name in keys and events (`contact`), `resource` the prefix of its codes (`contacts`).
    `fields` are the writable fields with their defaults. On create the checks run in this order: `rules`,
    `whole` (of all values together), `references`, custom fields, `details` (of the whole record, on update as
    well; it may settle a field that depends on others). `reads_only` are attributes that a record shows and no
    body can write, with their defaults. `filters` are the parameters by which a list can be filtered, `searched`
    what its `search` looks into, `matched` the texts by which an import finds a record, the weightiest first.
    `alongside` gives further writes for the transaction of every change in an account, `attached` the keys of the
    items, other than postings, that a deleted record leaves behind.
    """

    name: str
    resource: str
    fields: type[Body]
    rules: tuple[Rule, ...] = ()
    whole: Callable[[Values], None] = _nothing
    references: tuple[Reference, ...] = ()
    joins: tuple[Join, ...] = ()
    details: Callable[[Record], None] = _nothing
    reads_only: Values = field(default_factory=dict)
    filters: tuple[Filter, ...] = ()
    searched: Searched | None = None
    matched: tuple[str, ...] = ()
    alongside: Callable[[str], Iterable[Write]] = lambda _account_id: ()
    attached: Callable[[str, str], Iterable[Key]] = lambda _account_id, _record_id: ()

    def key(self, account_id: str, record_id: str) -> Key:
        return Key(table.partition(account_id, self.name), record_id)

    @cached_property
    def defaults(self) -> Values:
        """Every field that a record shows besides those that all records have, with its default."""
        written = {name: info.get_default(call_default_factory=True) for name, info in self.fields.model_fields.items()}
        return written | self.reads_only

    @property
    def has_custom_fields(self) -> bool:
        """Whether the account's definitions for this kind apply."""
        return self.name in field_definitions.ENTITY_TYPES

    @property
    def all_joins(self) -> tuple[Join, ...]:
        return (*self.references, *self.joins)

    def error(self, code: str, field: str = "", message: str | None = None) -> ApiError:
        """A fault of this resource, by its code without the prefix."""
        full = f"{self.resource}.{code}"
        return ApiError.for_field(full, field, message) if field else ApiError(full, message)
