"""Store an account's custom field definitions and check the `custom_fields` of records against them.

| item | pk | sk | access |
| --- | --- | --- | --- |
| `CustomFieldDefinition` | `<account>#custom_field` | id | all definitions of an account, by one query |
| `DefinitionsVersion` | `<account>#custom_field` | `!version` | their version, moved by every change of one |

A process caches the definitions that it has read and asks for the version only. A write is conditional on the version
that its values were checked against.
"""

import math
from collections import OrderedDict
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final

from keel import ids
from keel.api.fields import is_blank, is_date, is_storable
from keel.records.models import Record
from keel.storage import table
from keel.storage.attribute_types import (
    DefaultIntegerAttribute,
    FlagAttribute,
    IntegerAttribute,
    TextAttribute,
    TextListAttribute,
)
from keel.storage.models import AttributeMap, Item, Key
from keel.storage.table import Write

ENTITY_TYPES: Final = ("contact", "company")  # those whose records have custom fields
TEXT_LENGTH: Final = 10_000

_VERSION: Final = "!version"  # sorts before every id, so that it is the first item of a query
_CACHED_ACCOUNTS: Final = 500
_SHOWN_CHARACTERS: Final = 200  # of all options in a message


class CustomFieldDefinition(Record, discriminator="custom_field"):
    """The definition of a custom field."""

    entity_type = TextAttribute()
    label = TextAttribute()
    field_type = TextAttribute()
    options = TextListAttribute()
    required = FlagAttribute()
    display_order = DefaultIntegerAttribute()


class DefinitionsVersion(Item, discriminator="custom_fields"):
    """The version of an account's definitions. There is none before the first definition."""

    version = IntegerAttribute()


_ABSENT: Final = DefinitionsVersion.pk.does_not_exist()
_NEXT_VERSION: Final = (
    DefinitionsVersion.version.add(1),
    DefinitionsVersion.item_type.set(DefinitionsVersion),
)


class DefinitionsChanged(Exception):
    """The definitions are no longer those that a write was checked against."""


class InvalidValue(Exception):
    """A value does not fit its definition. The text says why."""


@dataclass(frozen=True)
class Definition:
    """What a record's value is checked against."""

    id: str
    entity_type: str
    label: str
    field_type: str
    required: bool
    options: tuple[str, ...]

    def __str__(self) -> str:
        return f'The custom field "{self.label}" ({self.id})'


@dataclass(frozen=True)
class Definitions:
    """All of an account's definitions at a version."""

    version: int
    all: tuple[Definition, ...] = ()

    def of(self, entity_type: str) -> dict[str, Definition]:
        return {definition.id: definition for definition in self.all if definition.entity_type == entity_type}


_cache: OrderedDict[str, Definitions] = OrderedDict()


def version_key(account_id: str) -> Key:
    return Key(table.partition(account_id, "custom_field"), _VERSION)


def at(account_id: str, version: AttributeMap | None) -> Definitions:
    """The definitions of the version that was just read. Takes a query only if this process has cached others."""
    return _of_version(account_id, int(version["version"]["N"]) if version else 0)


def current(account_id: str) -> Definitions:
    """The definitions as they are now."""
    stored = table.get(DefinitionsVersion, version_key(account_id))
    return _of_version(account_id, stored.version if stored else 0)


def _of_version(account_id: str, version: int) -> Definitions:
    if version == 0:
        return Definitions(0)
    cached = _cache.get(account_id)
    if cached is None or cached.version != version:
        cached = _query(account_id)
        _cache[account_id] = cached
        if len(_cache) > _CACHED_ACCOUNTS:
            _cache.popitem(last=False)
    return cached


def _query(account_id: str) -> Definitions:
    # The version comes first. If a definition changes during the query, the version is the older one and the next
    # reader queries again.
    [version, *items] = table.iterate(version_key(account_id).pk)
    if not isinstance(version, DefinitionsVersion):
        raise TypeError("the definitions of an account have no version")
    definitions = (
        Definition(item.id, item.entity_type, item.label, item.field_type, item.required, tuple(item.options))
        for item in items
        if isinstance(item, CustomFieldDefinition)
    )
    return Definitions(version.version, tuple(definitions))


def next_version(account_id: str) -> Write:
    """The write that moves the version, for the transaction of every change of a definition."""
    return table.update(DefinitionsVersion, version_key(account_id), _NEXT_VERSION, None)


def unchanged(account_id: str, definitions: Definitions) -> Write:
    """The condition check that fails a transaction with `DefinitionsChanged` if the definitions are no longer these."""
    condition = DefinitionsVersion.version == definitions.version if definitions.version else _ABSENT
    changed = table.raise_(DefinitionsChanged())
    return table.check(DefinitionsVersion, version_key(account_id), condition, on_failure=changed)


def with_definition(values: dict[str, Any], definitions: Mapping[str, Definition]) -> dict[str, Any]:
    """The values whose definitions still exist."""
    return {id_: value for id_, value in values.items() if id_ in definitions}


def merge(
    changes: dict[str, Any], stored: dict[str, Any], definitions: Mapping[str, Definition], *, creating: bool
) -> dict[str, Any]:
    """The stored values with changes merged into them, key by key. `null` and blank text remove a value.

    Raises `InvalidValue` for an unknown key, for a value that does not fit its definition, and for a required value
    that is missing on create or is removed. A value that is already stored is not checked again, since the options may
    have changed since.
    """
    values = with_definition(stored, definitions)
    for name, value in changes.items():
        id_ = ids.parse(name)
        definition = definitions.get(id_ or "")
        if id_ is None or definition is None:
            raise InvalidValue("custom_fields has a key that is not the id of a custom field definition.")
        if value is None or (definition.field_type == "text" and isinstance(value, str) and is_blank(value)):
            if definition.required:
                raise InvalidValue(f"{definition} must have a value.")
            values.pop(id_, None)
        elif not (id_ in values and _equal(values[id_], value)):
            if not _IS_VALID[definition.field_type](value, definition):
                raise InvalidValue(f"{definition} must be {_expectation(definition)}.")
            values[id_] = value
    if creating:
        for definition in definitions.values():
            if definition.required and definition.id not in values:
                raise InvalidValue(f"{definition} must have a value.")
    return values


def _equal(one: Any, other: Any) -> bool:
    """Whether two values are equal as JSON. To Python, 1, 1.0 and True are equal."""
    return type(one) is type(other) and bool(one == other)


def _is_text(value: Any, _definition: Definition) -> bool:
    return isinstance(value, str) and len(value) <= TEXT_LENGTH and is_storable(value)


def _is_number(value: Any, _definition: Definition) -> bool:
    if isinstance(value, bool) or not isinstance(value, int | float):
        return False
    try:
        return math.isfinite(value)
    except OverflowError:  # an integer beyond what a float can hold
        return False


_IS_VALID: Final[dict[str, Callable[[Any, Definition], bool]]] = {
    "text": _is_text,
    "number": _is_number,
    "date": lambda value, _definition: isinstance(value, str) and is_date(value),
    "boolean": lambda value, _definition: isinstance(value, bool),
    "enum": lambda value, definition: isinstance(value, str) and value in definition.options,
}
_EXPECTATIONS: Final = {
    "text": f"a string of at most {TEXT_LENGTH:,} characters",
    "number": "a finite number",
    "date": "a date in the form YYYY-MM-DD",
    "boolean": "true or false",
}


def _expectation(definition: Definition) -> str:
    if definition.field_type != "enum":
        return _EXPECTATIONS[definition.field_type]
    options = ", ".join(definition.options)
    return "one of its options: " + (
        options if len(options) <= _SHOWN_CHARACTERS else f"{options[:_SHOWN_CHARACTERS]}…"
    )
