"""Which custom fields does an account have, and do a record's `custom_fields` fit them?

The definitions of an account lie together: one query reads them all. Beside them lies an item with their
version, which moves with every change of any of them. A process keeps the definitions that it has read and
asks for the version only; a write is conditional on the version by which it was judged.
"""

import math
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final

from keel import ids
from keel.api.fields import is_blank, is_date, is_storable
from keel.storage import legacy_table as table
from keel.storage.legacy_table import Item, Key, Write

KIND: Final = "custom_field"
ENTITY_TYPES: Final = ("contact", "company")  # the kinds of records that have them
TEXT_LENGTH: Final = 10_000

_VERSION: Final = "!version"  # sorts before every id, so that a query meets it first
_ACCOUNTS: Final = 500
_SHOWN: Final = 200  # characters of all options in a message


class Changed(Exception):
    """The definitions are no longer those by which a write was judged."""


class Unfit(Exception):
    """A value that its definition does not allow; the text says why."""


@dataclass(frozen=True)
class Definition:
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
    """All of an account's definitions, as they stood at a version."""

    version: int
    all: tuple[Definition, ...] = ()

    def of(self, entity_type: str) -> dict[str, Definition]:
        return {found.id: found for found in self.all if found.entity_type == entity_type}


_read: OrderedDict[str, Definitions] = OrderedDict()


def version_key(account_id: str) -> Key:
    return Key(table.partition(account_id, KIND), _VERSION)


def at(account_id: str, version_item: Item | None) -> Definitions:
    """The definitions of the version that was just read; a query only when this process has others."""
    version = version_item["version"] if version_item else 0
    if version == 0:
        return Definitions(0)
    known = _read.get(account_id)
    if known is None or known.version != version:
        known = _query(account_id)
        _read[account_id] = known
        if len(_read) > _ACCOUNTS:
            _read.popitem(last=False)
    return known


def current(account_id: str) -> Definitions:
    """The definitions as they are now."""
    return at(account_id, table.get(version_key(account_id)))


def _query(account_id: str) -> Definitions:
    # The version is read first: should a definition change under the query, the version is the older one
    # and the next reader asks again.
    [version, *items] = table.iterate(version_key(account_id).pk)
    return Definitions(
        version["version"],
        tuple(
            Definition(
                item["sk"],
                item["entity_type"],
                item["label"],
                item["field_type"],
                item.get("required", False),
                tuple(item.get("options", ())),
            )
            for item in items
        ),
    )


def moved(account_id: str) -> Write:
    """For the transaction of every change of a definition: move the version on."""
    return table.update(version_key(account_id), "ADD #version :one SET #kind = :kind", "", one=1, kind=f"{KIND}s")


def still(account_id: str, definitions: Definitions) -> Write:
    """For the transaction of a write: let it stand only if the definitions are these; else `Changed`."""
    key = version_key(account_id)
    if definitions.version == 0:
        return table.check(key, "attribute_not_exists(pk)", failed=lambda _item: Changed())
    return table.check(key, "#version = :version", failed=lambda _item: Changed(), version=definitions.version)


def shown(stored: dict[str, Any], definitions: dict[str, Definition]) -> dict[str, Any]:
    """The values whose definitions still exist."""
    return {id_: value for id_, value in stored.items() if id_ in definitions}


def merged(
    given: dict[str, Any], stored: dict[str, Any], definitions: dict[str, Definition], *, creating: bool
) -> dict[str, Any]:
    """`stored` with `given` merged into it, key by key; `null` and blank text remove a value.

    Raises `Unfit` for an unknown key, a value that its definition does not allow, and a required value
    that is missing on create or removed. A value that is stored already is not judged again, since the
    options may have changed since.
    """
    values = shown(stored, definitions)
    for name, value in given.items():
        id_ = ids.parse(name)
        definition = definitions.get(id_ or "")
        if id_ is None or definition is None:
            raise Unfit("custom_fields has a key that is not the id of a custom field definition.")
        if value is None or (definition.field_type == "text" and isinstance(value, str) and is_blank(value)):
            if definition.required:
                raise Unfit(f"{definition} must have a value.")
            values.pop(id_, None)
        elif not (id_ in values and _same(values[id_], value)):
            if not _FITS[definition.field_type](value, definition):
                raise Unfit(f"{definition} must be {_should_be(definition)}.")
            values[id_] = value
    if creating:
        for definition in definitions.values():
            if definition.required and definition.id not in values:
                raise Unfit(f"{definition} must have a value.")
    return values


def _same(one: Any, other: Any) -> bool:
    """Equal as JSON: Python holds 1, 1.0 and true to be equal."""
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


_FITS: Final[dict[str, Callable[[Any, Definition], bool]]] = {
    "text": _is_text,
    "number": _is_number,
    "date": lambda value, _definition: isinstance(value, str) and is_date(value),
    "boolean": lambda value, _definition: isinstance(value, bool),
    "enum": lambda value, definition: isinstance(value, str) and value in definition.options,
}
_SHOULD_BE: Final = {
    "text": f"a string of at most {TEXT_LENGTH:,} characters",
    "number": "a finite number",
    "date": "a date in the form YYYY-MM-DD",
    "boolean": "true or false",
}


def _should_be(definition: Definition) -> str:
    if definition.field_type != "enum":
        return _SHOULD_BE[definition.field_type]
    options = ", ".join(definition.options)
    return "one of its options: " + (options if len(options) <= _SHOWN else f"{options[:_SHOWN]}…")
