"""How is a value kept in DynamoDB? The conversion between Python's values and attributes, and the text of an item."""

from collections.abc import Mapping
from typing import Any


class Attribute(dict[str, Any]):
    """An attribute that many items have in common, encoded and written once."""

    def __init__(self, value: Any) -> None:
        super().__init__(encode(value))


def encode(value: Any) -> dict[str, Any]:
    """A Python value as a DynamoDB attribute: str, bool, int, None, list and dict."""
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
    if isinstance(value, Attribute):
        return value
    if isinstance(value, dict):
        return {"M": {name: encode(element) for name, element in value.items()}}
    raise TypeError(f"{type(value).__name__} cannot be stored")


def decode(attribute: Mapping[str, Any]) -> Any:
    """The Python value of a DynamoDB attribute that `encode` made."""
    for kind, value in attribute.items():
        if kind in ("S", "BOOL"):
            return value
        if kind == "N":
            return int(value)
        if kind == "L":
            return [decode(element) for element in value]
        if kind == "M":
            return {name: decode(element) for name, element in value.items()}
        if kind == "NULL":
            return None
    raise TypeError(f"attribute of an unknown type: {list(attribute)}")


def encode_item(item: Mapping[str, Any]) -> dict[str, Any]:
    return {name: encode(value) for name, value in item.items()}


def decode_item(attributes: Mapping[str, Any]) -> dict[str, Any]:
    # Nearly all attributes are text: a page of a list has hundreds.
    return {name: value["S"] if "S" in value else decode(value) for name, value in attributes.items()}
