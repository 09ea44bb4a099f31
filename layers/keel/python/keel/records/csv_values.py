"""Format values for CSV files and parse them."""

import json
import re
from collections.abc import Callable
from typing import Any, Final, get_args

from keel.api.fields import clean_tags, is_date
from keel.records.entity_type import JSON_FIELDS, EntityType

_FORMULA: Final = "=+-@\t\r"
_AS_NUMBER: Final = re.compile(r"[+-]?(\d[\d.,]*|\.\d+)([eE][+-]?\d+)?")
_AS_PHONE: Final = re.compile(r"\+\d[\d ().\-/]{4,}")

_THOUSANDS: Final = r"(?:\d{1,3}(?:,\d{3})+|\d+)"
_NUMBER: Final = re.compile(rf"[+-]?(?:{_THOUSANDS}(?:\.\d*)?|\.\d+)(?:[eE][+-]?\d+)?", re.ASCII)
_INTEGER: Final = re.compile(rf"([+-]?{_THOUSANDS})(?:\.0*)?", re.ASCII)
_MONEY: Final = re.compile(rf"([+-]?)({_THOUSANDS})(?:\.(\d{{1,2}})?)?", re.ASCII)
_DATE: Final = re.compile(r"(\d{1,4})[-/. ](\d{1,2})[-/. ](\d{1,4})", re.ASCII)
_BOOLEANS: Final = {"true": True, "yes": True, "y": True, "t": True, "1": True} | {
    "false": False,
    "no": False,
    "n": False,
    "f": False,
    "0": False,
}
_DIGITS: Final = 400


def type_of(entity_type: EntityType, field: str) -> str:
    """The type of a field: one of the types of custom fields, `json`, `tags`, `cents` or `integer`."""
    if field in JSON_FIELDS:
        return "json"
    if field not in entity_type.schema.model_fields:
        return "text"
    annotation = entity_type.schema.model_fields[field].annotation
    [only, *_] = [each for each in get_args(annotation) if each is not type(None)] or [annotation]
    if annotation is bool:
        return "boolean"
    if isinstance(entity_type.defaults[field], list):
        return "tags"
    if "cents" in get_args(only):
        return "cents"
    return "integer" if int in (only, *get_args(only)) else "text"


# --- Formatting -------------------------------------------------------------------------------------


def format_value(type_: str, value: Any) -> str:
    """The CSV value, safe to open in a spreadsheet."""
    if value is None:
        return ""
    if type_ == "cents":
        return f"{value // 100}.{value % 100:02}"
    if type_ == "tags":
        return escape_formula(";".join(value))
    if type_ in ("text", "date", "enum"):
        return escape_formula(str(value))
    if type_ == "json":
        return escape_formula(json.dumps(value, ensure_ascii=False))
    return json.dumps(value)


def escape_formula(text: str) -> str:
    """The text, with a quote before it if a spreadsheet would run it as a formula."""
    if not text or text[0] not in _FORMULA or _AS_NUMBER.fullmatch(text) or _AS_PHONE.fullmatch(text):
        return text
    return f"'{text}"


# --- Parsing ----------------------------------------------------------------------------------------


def strip_guard(value: str) -> str:
    """The CSV value, trimmed and without the quote that `escape_formula` put before it."""
    text = value.strip()
    return text[1:] if text[:1] == "'" and text[1:2] and text[1] in _FORMULA else text


def parse_value(type_: str, text: str, date_format: str | None = None) -> Any:
    """The value of a text. Raises ValueError with a message that says what it must be."""
    if type_ == "date":
        return _date(text, date_format)
    return _PARSERS[type_](text) if type_ in _PARSERS else text


def _number(text: str) -> Any:
    if not _NUMBER.fullmatch(text) or len(text) > _DIGITS:
        raise ValueError("must be a number")
    plain = text.replace(",", "")
    return int(plain) if plain.lstrip("+-").isdigit() else float(plain)


def _integer(text: str) -> int:
    match = _INTEGER.fullmatch(text)
    if match is None or len(text) > _DIGITS:
        raise ValueError("must be an integer")
    return int(match[1].replace(",", ""))


def _money(text: str) -> int:
    match = _MONEY.fullmatch(text)
    if match is None or len(text) > _DIGITS:
        raise ValueError("must be an amount with at most two decimal places")
    amount = int(match[2].replace(",", "")) * 100 + int((match[3] or "").ljust(2, "0"))
    return -amount if match[1] == "-" else amount


def _boolean(text: str) -> bool:
    try:
        return _BOOLEANS[text.lower()]
    except KeyError:
        raise ValueError("must be true or false, yes or no, or 1 or 0") from None


def _tags(text: str) -> list[str]:
    return clean_tags(re.split("[;,]", text))


def _date(text: str, date_format: str | None) -> str:
    if is_date(text):
        return text
    match = _DATE.fullmatch(text)
    if match is None or date_format is None:
        raise ValueError("must be a date in the form YYYY-MM-DD, or in the order that date_format gives")
    part = dict(zip(date_format, match.groups(), strict=True))
    parsed = f"{part['y']}-{part['m']:0>2}-{part['d']:0>2}"
    if not is_date(parsed):
        raise ValueError(f"must be a date with year, month and day in the order {date_format}")
    return parsed


_PARSERS: Final[dict[str, Callable[[str], Any]]] = {
    "number": _number,
    "integer": _integer,
    "cents": _money,
    "boolean": _boolean,
    "tags": _tags,
}
