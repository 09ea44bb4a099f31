"""Define the types of request fields, and the base of every request body.

A body is read in two steps. The types here settle JSON type, format, length and range, and whatever fails
is `<resource>.invalid_request`. What a resource has codes of its own for (a required text, an id, a
reference) passes as a plain string and is judged by the resource, in the order of its table.
"""

import re
import unicodedata
from collections.abc import Iterator
from datetime import date, datetime
from typing import Annotated, Any, Final, Self

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, PrivateAttr, ValidationError

from keel import clock

MAX_INTEGER: Final = 2**53 - 1
TAGS: Final = 50
TAG_LENGTH: Final = 64

# What nobody doubts to be an email address: longer ones may have a part that is too long.
_PLAIN_EMAIL: Final = re.compile(
    r"[A-Za-z0-9]+(?:[._+-][A-Za-z0-9]+)*@(?:[A-Za-z0-9]+(?:-[A-Za-z0-9]+)*\.)+[A-Za-z]{2,}"
)
_PLAIN_LENGTH: Final = 64

_DATE: Final = re.compile(r"\d{4}-\d{2}-\d{2}", re.ASCII)
_DATETIME: Final = re.compile(r"(\d{4}-\d{2}-\d{2})[Tt ](\d{2}:\d{2}:\d{2})(\.\d+)?([Zz]|[+-]\d{2}:[0-5]\d)", re.ASCII)


# What pydantic finds, by its types of errors: https://docs.pydantic.dev/latest/errors/validation_errors/
_TOLD: Final = {
    "missing": "is required",
    "string_type": "must be a string",
    "int_type": "must be an integer",
    "bool_type": "must be true or false",
    "dict_type": "must be an object",
    "list_type": "must be an array",
    "literal_error": "must be {expected}",
    "greater_than_equal": "must be at least {ge:,}",
    "less_than_equal": "must be at most {le:,}",
    "too_long": "must have at most {max_length:,} {unit}, but has {actual_length:,}",
    "too_short": "must have {min_length:,} or more {unit}, but has {actual_length:,}",
    "value_error": "{error}",
}


class Body(BaseModel):
    """The body of an operation. Unknown and read-only fields are ignored.

    `null` is as good as absent, and leaves the field's default; `cleared` names the fields that came so,
    for an update, where it means more.
    """

    model_config = ConfigDict(strict=True, extra="ignore", frozen=True, defer_build=True)

    _cleared: frozenset[str] = PrivateAttr(default=frozenset())

    @classmethod
    def read(cls, raw: dict[str, Any]) -> Self:
        """The body of a JSON object; raises pydantic's ValidationError."""
        known = {name: raw[name] for name in cls.model_fields if name in raw}
        body = cls.model_validate({name: value for name, value in known.items() if value is not None})
        body._cleared = frozenset(name for name, value in known.items() if value is None)
        return body

    @property
    def cleared(self) -> frozenset[str]:
        return self._cleared


def problems(error: ValidationError) -> Iterator[tuple[tuple[str, ...], str]]:
    """Where something is wrong, and what, in words for a person; what was sent is not echoed."""
    for entry in error.errors(include_url=False, include_input=False):
        context = entry.get("ctx", {})
        unit = "items" if context.get("field_type") == "List" else "characters"
        told = _TOLD[entry["type"]].format(unit=unit, **context) if entry["type"] in _TOLD else entry["msg"]
        *place, last = map(str, entry["loc"])
        if last == "[key]":
            yield (place[0],), f"has an invalid key: it {told}"
        else:
            yield (*place, last), told


def is_blank(text: str) -> bool:
    return not text.strip()


def not_blank(text: str) -> str:
    if is_blank(text):
        raise ValueError("must not be blank")
    return text


def is_storable(text: str) -> bool:
    """Whether this is Unicode but for NUL and lone surrogates, where no type of a field has seen to it."""
    return not any(character == "\0" or "\ud800" <= character <= "\udfff" for character in text)


def fold(text: str) -> str:
    """The form in which texts are compared without case: Unicode's canonical caseless matching."""
    if text.isascii():
        return text.lower()
    decomposed = unicodedata.normalize("NFD", text).casefold()
    return unicodedata.normalize("NFC", unicodedata.normalize("NFD", decomposed))


def _storable(text: str) -> str:
    if "\0" in text:
        raise ValueError("must not contain the NUL character (U+0000)")
    try:
        text.encode()
    except UnicodeEncodeError:
        raise ValueError("must be valid Unicode, without lone surrogates") from None
    return text


def _email(text: str) -> str:
    if is_blank(text) or (len(text) <= _PLAIN_LENGTH and _PLAIN_EMAIL.fullmatch(text)):
        return text
    # Imported here: it costs 60 ms, and few calls bring an email that is not plain.
    import email_validator

    # Names such as .test and .local are as good as any for a CRM: nothing is mailed to find out.
    email_validator.SPECIAL_USE_DOMAIN_NAMES.clear()
    local, _, domain = text.rpartition("@")
    try:
        # A text has one character more than the longest address of mail: that alone makes it look like none.
        email_validator.validate_email(f"{local[: 253 - len(domain)]}@{domain}", check_deliverability=False)
    except email_validator.EmailNotValidError as error:
        raise ValueError("must be an email address") from error
    return text


def whole(value: Any) -> Any:
    """A number without a fraction as an integer, however it was written: JSON has no integers, and 1.0 is 1."""
    return int(value) if isinstance(value, float) and value.is_integer() else value


def is_date(text: str) -> bool:
    """Whether this is `YYYY-MM-DD` and a day of the calendar."""
    if not _DATE.fullmatch(text):
        return False
    try:
        date.fromisoformat(text)
    except ValueError:
        return False
    return True


def _date(text: str) -> str:
    if not is_date(text):
        raise ValueError("must be a date in the form YYYY-MM-DD")
    return text


def _datetime(text: str) -> str:
    match = _DATETIME.fullmatch(text)
    if match is None:
        raise ValueError("must be an RFC 3339 datetime with an offset, such as 2026-06-01T12:00:00.000Z")
    day, time_of_day, fraction, offset = match.groups()
    millisecond = (fraction or ".000")[:4].ljust(4, "0")
    try:
        return clock.written(datetime.fromisoformat(f"{day}T{time_of_day}{millisecond}{offset.upper()}"))
    except OverflowError:  # the offset leads out of the calendar
        raise ValueError("must be between the years 1 and 9999 in UTC") from None


def clean_tags(tags: list[str]) -> list[str]:
    """Trimmed, blanks and repeats dropped, in the order given."""
    kept = list(dict.fromkeys(tag.strip() for tag in tags if not is_blank(tag)))
    if len(kept) > TAGS:
        raise ValueError(f"must have at most {TAGS} tags")
    if any(len(tag) > TAG_LENGTH for tag in kept):
        raise ValueError(f"must only have tags of at most {TAG_LENGTH} characters")
    return kept


AnyText = Annotated[str, AfterValidator(_storable)]
Text = Annotated[AnyText, Field(max_length=255)]
LongText = Annotated[AnyText, Field(max_length=10_000)]
Url = Annotated[AnyText, Field(max_length=2_048)]
Search = Annotated[AnyText, Field(max_length=1_000)]
Email = Annotated[Text, AfterValidator(_email), Field(json_schema_extra={"format": "email"})]
# After the bounds in an annotation, or a schema of the type does not tell them.
WHOLE: Final = BeforeValidator(whole)
Integer = Annotated[int, Field(ge=0, le=MAX_INTEGER), WHOLE]
Cents = Annotated[int, Field(ge=0, le=MAX_INTEGER), WHOLE, "cents"]
Date = Annotated[AnyText, AfterValidator(_date), Field(json_schema_extra={"format": "date"})]
Datetime = Annotated[AnyText, AfterValidator(_datetime), Field(json_schema_extra={"format": "date-time"})]
Tags = Annotated[
    list[AnyText],
    AfterValidator(clean_tags),
    Field(description=f"At most {TAGS} tags of at most {TAG_LENGTH} characters. Blank and repeated tags are dropped."),
]
# A text that must be there, where its absence has no code of its own.
RequiredText = Annotated[Text, AfterValidator(not_blank)]
RequiredEmail = Annotated[Email, AfterValidator(not_blank)]
# Judged by the resource, which has a code for a malformed one.
Id = str
