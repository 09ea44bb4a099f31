"""Read request bodies: size, encoding, strict JSON and field types."""

import base64
import binascii
import json
from typing import Any, Final, TypeVar

from aws_lambda_powertools.utilities.data_classes import APIGatewayProxyEvent
from pydantic import ValidationError

from keel.api.fields import Body, problems
from keel.errors import ApiError, Detail

MAX_BYTES: Final = 1_048_576
_BYTE_ORDER_MARK: Final = "\ufeff"

B = TypeVar("B", bound=Body)


def read_json(event: APIGatewayProxyEvent, resource: str) -> dict[str, Any]:
    """The body as a JSON object, `{}` for an empty body or white space alone. Raises `<resource>.invalid_request`."""
    text = read_text(event, resource)
    if not text or text.isspace():
        return {}
    try:
        raw = json.loads(text, object_pairs_hook=_reject_duplicates, parse_constant=_reject_constant)
    except (ValueError, RecursionError):
        raise invalid_request(resource, "The body must be valid JSON, without duplicate keys.") from None
    if not isinstance(raw, dict):
        raise invalid_request(resource, "The body must be a JSON object.")
    return raw


def read_text(event: APIGatewayProxyEvent, resource: str) -> str:
    """The body as text, without a byte order mark. Raises `<resource>.invalid_request` if too large or not UTF-8."""
    body = event.body or ""
    try:
        raw = base64.b64decode(body, validate=True) if event.is_base64_encoded else body.encode()
        if len(raw) > MAX_BYTES:
            raise invalid_request(resource, "The body must not exceed 1 MB (1,048,576 bytes).")
        return raw.decode().removeprefix(_BYTE_ORDER_MARK)
    except (UnicodeError, binascii.Error):
        raise invalid_request(resource, "The body must be encoded in UTF-8.") from None


def validate(raw: dict[str, Any], schema: type[B], resource: str) -> B:
    """The body that `schema` describes. Raises `<resource>.invalid_request` with the fields that do not fit."""
    try:
        return schema.read(raw)
    except ValidationError as error:
        details = _details(error)
        message = f"{details[0]['field']} {details[0]['message']}."
        raise invalid_request(resource, message, details) from None


def invalid_request(resource: str, message: str, details: list[Detail] | None = None) -> ApiError:
    return ApiError(f"{resource}.invalid_request", message, details=details or [])


def _reject_duplicates(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """A JSON object without duplicate keys, of which parsers may keep either."""
    value = dict(pairs)
    if len(value) < len(pairs):
        raise ValueError("duplicate key")
    return value


def _reject_constant(name: str) -> None:
    """Reject NaN and Infinity, which Python's parser accepts and JSON does not have."""
    raise ValueError(name)


def _details(error: ValidationError) -> list[Detail]:
    details: list[Detail] = []
    for (field, *path), message in problems(error):
        details.append({"field": field, "message": f"{message} (at {'.'.join(path)})" if path else message})
    return details
