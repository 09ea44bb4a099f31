"""Validate the `metadata` of activities by a JSON Schema for each type, which clients can read as data."""

from typing import Any, Final

from keel.api.fields import MAX_INTEGER, is_storable, whole

Schema = dict[str, Any]

_TEXT: Final[Schema] = {"type": "string", "maxLength": 255}
_LONG_TEXT: Final[Schema] = {"type": "string", "maxLength": 10_000}
_COUNT: Final[Schema] = {"type": "integer", "minimum": 0, "maximum": MAX_INTEGER}


def _one_of(*choices: str) -> Schema:
    return {"type": "string", "enum": list(choices)}


def _object(**properties: Schema) -> Schema:
    return {"type": "object", "properties": properties, "additionalProperties": False}


SCHEMAS: Final[dict[str, Schema]] = {
    "call": _object(
        direction=_one_of("inbound", "outbound"),
        outcome=_one_of("connected", "voicemail", "no_answer", "busy"),
        duration_seconds=_COUNT,
        notes=_LONG_TEXT,
    ),
    "email": _object(
        direction=_one_of("sent", "received"),
        subject=_TEXT,
        body=_LONG_TEXT,
        source=_one_of("manual", "bcc"),
    ),
    "meeting": _object(
        subject=_TEXT,
        location=_TEXT,
        duration_minutes=_COUNT,
        outcome=_one_of("completed", "cancelled", "no_show"),
        notes=_LONG_TEXT,
    ),
}


def problem(activity_type: str, metadata: dict[str, Any]) -> str:
    """Why this is not valid metadata of the type, "" if it is. `null` stands for no value."""
    properties = SCHEMAS[activity_type]["properties"]
    for name, value in metadata.items():
        if name not in properties:
            return f"metadata has a key that the schema of {activity_type} does not allow."
        if value is not None and not _is_valid(value, properties[name]):
            return f"metadata.{name} does not match its schema. activity-schemas-list returns the schemas."
    return ""


def normalized(metadata: dict[str, Any]) -> dict[str, Any]:
    """Valid metadata as it is stored: without `null`, and with whole numbers as integers."""
    return {name: whole(value) for name, value in metadata.items() if value is not None}


def _is_valid(value: Any, schema: Schema) -> bool:
    if schema["type"] == "integer":
        number = whole(value)
        is_integer = isinstance(number, int) and not isinstance(number, bool)
        return is_integer and schema["minimum"] <= number <= schema["maximum"]
    if not isinstance(value, str):
        return False
    if "enum" in schema:
        return value in schema["enum"]
    return len(value) <= schema["maxLength"] and is_storable(value)
