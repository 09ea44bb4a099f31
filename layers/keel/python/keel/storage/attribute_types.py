"""Attribute types that PynamoDB lacks: exact integers, attributes that leave out their default, and JSON values.

An attribute that leaves out its default takes no space in the item. A reader gets the default back.
"""

import json
from collections.abc import Callable, Mapping
from typing import Any, Final

from pynamodb.attributes import Attribute, BooleanAttribute, UnicodeAttribute
from pynamodb.constants import LIST, MAP, NUMBER, STRING

_encode_json: Final = json.JSONEncoder(ensure_ascii=False, separators=(",", ":"), sort_keys=True).encode


class IntegerAttribute(Attribute[int]):
    """An integer of any size. PynamoDB's NumberAttribute is typed as float."""

    attr_type = NUMBER

    def serialize(self, value: int) -> str:
        return str(value)

    def deserialize(self, value: str) -> int:
        return int(value)


class DefaultIntegerAttribute(IntegerAttribute):
    """An integer that is not stored while it is its default, 0 unless told otherwise."""

    null = True

    def __init__(self, default: int = 0, attr_name: str | None = None) -> None:
        super().__init__(default=default, attr_name=attr_name)

    def serialize(self, value: int) -> str | None:  # type: ignore[override] # None: not stored
        return None if value == self.default else str(value)


class OptionalIntegerAttribute(Attribute[int | None]):
    """An integer, or None for an attribute that is not stored."""

    attr_type = NUMBER
    null = True

    def serialize(self, value: int | None) -> str | None:
        return None if value is None else str(value)

    def deserialize(self, value: str) -> int:
        return int(value)


class OptionalTextAttribute(Attribute[str | None]):
    """A text, or None for an attribute that is not stored."""

    attr_type = STRING
    null = True


class TextAttribute(UnicodeAttribute):
    """A text that is not stored while it is its default, "" unless told otherwise."""

    null = True

    def __init__(self, default: str = "", attr_name: str | None = None) -> None:
        super().__init__(default=default, attr_name=attr_name)

    def serialize(self, value: str) -> str | None:
        return None if value == self.default else value


class FlagAttribute(BooleanAttribute):
    """A boolean that is not stored while it is its default, False unless told otherwise."""

    null = True

    def __init__(self, default: bool = False, attr_name: str | None = None) -> None:
        super().__init__(default=default, attr_name=attr_name)

    def serialize(self, value: bool) -> bool | None:
        return None if value == self.default else value


class TextListAttribute(Attribute[list[str]]):
    """A list of texts that is not stored while it is empty."""

    attr_type = LIST
    null = True

    def __init__(self, attr_name: str | None = None) -> None:
        super().__init__(default=list, attr_name=attr_name)

    def serialize(self, value: list[str]) -> list[dict[str, str]] | None:
        return [{STRING: each} for each in value] or None

    def deserialize(self, value: list[dict[str, str]]) -> list[str]:
        return [each[STRING] for each in value]


class JsonTextAttribute(Attribute[dict[str, Any]]):
    """A JSON object stored as text, since DynamoDB's numbers are not JSON's. Not stored while it is empty."""

    attr_type = STRING
    null = True

    def __init__(self, attr_name: str | None = None) -> None:
        super().__init__(default=dict, attr_name=attr_name)

    def serialize(self, value: dict[str, Any]) -> str | None:
        return _encode_json(value) if value else None

    def deserialize(self, value: str) -> dict[str, Any]:
        decoded: dict[str, Any] = json.loads(value)
        return decoded


class DocumentAttribute(Attribute[dict[str, Any]]):
    """A map of plain values: str, int, bool, None, lists and maps of these."""

    attr_type = MAP

    def __init__(self, null: bool = False, default: Callable[[], dict[str, Any]] | None = None) -> None:
        super().__init__(null=null, default=default)

    def serialize(self, value: dict[str, Any]) -> dict[str, Any]:
        return encode_attributes(value)

    def deserialize(self, value: dict[str, Any]) -> dict[str, Any]:
        return {name: decode(each) for name, each in value.items()}


class DocumentListAttribute(Attribute[list[dict[str, Any]]]):
    """A list of maps of plain values."""

    attr_type = LIST

    def serialize(self, value: list[dict[str, Any]]) -> list[dict[str, Any]]:
        return [encode(each) for each in value]

    def deserialize(self, value: list[dict[str, Any]]) -> list[dict[str, Any]]:
        return [decode(each) for each in value]


def encode(value: Any) -> dict[str, Any]:
    """A plain value as a DynamoDB attribute."""
    if isinstance(value, str):
        return {"S": value}
    if isinstance(value, bool):
        return {"BOOL": value}
    if isinstance(value, int):
        return {"N": str(value)}
    if value is None:
        return {"NULL": True}
    if isinstance(value, list):
        return {"L": [encode(element) for element in value]}
    if isinstance(value, dict):
        return {"M": encode_attributes(value)}
    raise TypeError(f"{type(value).__name__} cannot be stored")


def encode_attributes(values: Mapping[str, Any]) -> dict[str, Any]:
    """Plain values by name as an attribute map."""
    return {name: encode(value) for name, value in values.items()}


def decode(attribute: Mapping[str, Any]) -> Any:
    """The plain value of a DynamoDB attribute."""
    [(attribute_type, value)] = attribute.items()
    if attribute_type in ("S", "BOOL"):
        return value
    if attribute_type == "N":
        return int(value)
    if attribute_type == "L":
        return [decode(element) for element in value]
    if attribute_type == "M":
        return {name: decode(element) for name, element in value.items()}
    if attribute_type == "NULL":
        return None
    raise TypeError(f"attribute of an unknown type: {attribute_type}")
