"""Declare an entity type as data: its model, schema, rules, references, filters and search fields."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, Final

from keel.api.fields import Body, is_blank
from keel.errors import ApiError
from keel.records import field_definitions
from keel.records.filters import Filter
from keel.records.models import Record
from keel.records.search import Searchable
from keel.storage import table
from keel.storage.models import AttributeMap, Key
from keel.storage.table import Write

Values = dict[str, Any]
"""Values by the name of the field, as a client sends or sees them."""

# Stored as JSON text: their values are any JSON, and DynamoDB's numbers are not JSON's.
JSON_FIELDS: Final = ("custom_fields", "metadata")

# Its own message names no field.
_GENERAL_CODE: Final = "invalid_request"


@dataclass(frozen=True)
class Join:
    """A computed name: `name` shows the label of the record that the id in `field` points to.

    `target` is the name of the entity type pointed to, or `user`. `label` makes the name of the stored attributes.
    """

    field: str
    target: str
    name: str
    label: Callable[[AttributeMap], str]

    def key(self, account_id: str, target_id: str) -> Key:
        return Key(table.partition(account_id, self.target), target_id)


@dataclass(frozen=True)
class Reference(Join):
    """A writable id of another record.

    `missing` is the code of an id that points to nothing, `malformed` the code of an id that is not a UUID, if it has
    one of its own. A target that has the attribute `inactive_when` keeps its references, but cannot be newly assigned.
    """

    missing: str
    malformed: str = ""
    inactive_when: str = ""

    @property
    def message(self) -> str | None:
        """The message for an id that points to nothing, if the code's own message names no field."""
        return (
            f"{self.field} must be the id of a {self.target} in this account."
            if self.missing == _GENERAL_CODE
            else None
        )


@dataclass(frozen=True)
class Rule:
    """A rule for the value of a field and the code if it does not hold. `null` in an update breaks every rule.

    `message` is for codes whose own message names no field.
    """

    field: str
    code: str
    holds: Callable[[Any], bool]
    message: str | None = None


def required_text(field: str, code: str) -> Rule:
    message = f"{field} is required and must not be blank." if code == _GENERAL_CODE else None
    return Rule(field, code, lambda value: not is_blank(value), message)


def not_null(field: str, code: str) -> Rule:
    """For a field whose type is its only rule, but that cannot be cleared."""
    return Rule(field, code, lambda _value: True, f"{field} must not be null." if code == _GENERAL_CODE else None)


@dataclass(frozen=True)
class SearchFields:
    """The fields that `search` looks into; `joined` are references whose name counts as text."""

    texts: tuple[str, ...]
    emails: tuple[str, ...] = ()
    phones: tuple[str, ...] = ()
    joined: tuple[str, ...] = ()

    def searchable(self, record: Record, *names: str) -> Searchable:
        """The searchable content of a record; `names` are those of the records that it points to."""
        values = record.attribute_values
        return Searchable.of(
            (*(values[field] for field in self.texts), *names),
            [values[field] for field in self.emails],
            [values[field] for field in self.phones],
        )


def _accept(_values: Values) -> None:
    """No rule."""


def _keep(_record: Record) -> None:
    """Nothing to finalize."""


@dataclass(frozen=True)
class EntityType:
    """An entity type of the CRM.

    - `name`: its name in keys and events (`contact`). `resource`: the prefix of its codes (`contacts`).
    - `model`: how its records are stored. `schema`: the writable fields with their defaults.
    - `read_only`: attributes that a record shows and no body can write, with their defaults.
    - `filters`: the parameters by which a list can be filtered. `search_fields`: what `search` looks into.
    - `match_fields`: the texts by which an import finds a record, the most significant first.
    - `extra_writes`: further writes for the transaction of every change in an account.

    On create, checks run in this order: `rules`, `validate` (all values together), `references`, custom fields,
    `finalize` (the whole record, on update as well; it may set a field that depends on others).
    """

    name: str
    resource: str
    model: type[Record]
    schema: type[Body]
    rules: tuple[Rule, ...] = ()
    validate: Callable[[Values], None] = _accept
    references: tuple[Reference, ...] = ()
    joins: tuple[Join, ...] = ()
    finalize: Callable[[Any], None] = _keep  # takes a record of `model`
    read_only: Values = field(default_factory=dict)
    filters: tuple[Filter, ...] = ()
    search_fields: SearchFields | None = None
    match_fields: tuple[str, ...] = ()
    extra_writes: Callable[[str], Iterable[Write]] = lambda _account_id: ()

    def key(self, account_id: str, record_id: str) -> Key:
        return Key(table.partition(account_id, self.name), record_id)

    @cached_property
    def defaults(self) -> Values:
        """Every field that a record shows in addition to those of all records, with its default."""
        fields = self.schema.model_fields.items()
        return {name: info.get_default(call_default_factory=True) for name, info in fields} | self.read_only

    @property
    def has_custom_fields(self) -> bool:
        """Whether the account's custom field definitions apply to this entity type."""
        return self.name in field_definitions.ENTITY_TYPES

    @cached_property
    def all_joins(self) -> tuple[Join, ...]:
        return (*self.references, *self.joins)

    def error(self, code: str, field: str = "", message: str | None = None) -> ApiError:
        """An error of this resource, by its code without the prefix."""
        full_code = f"{self.resource}.{code}"
        return ApiError.for_field(full_code, field, message) if field else ApiError(full_code, message)
