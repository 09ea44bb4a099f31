"""Create and verify cursors, and cut pages to what a response can hold.

A cursor is opaque. A signature binds it to the account, the operation and the filters.
"""

import hashlib
import hmac
import json
from json.encoder import encode_basestring_ascii as quoted
from typing import Any, Final

from keel.api import base64url, signing_keys
from keel.errors import ApiError

_SIGNATURE_BYTES: Final = 16
_RESPONSE_BYTES: Final = 5_000_000  # of the 6 MB that Lambda returns at most
_CHARACTER_BYTES: Final = 12  # at most: a character beyond the basic plane, escaped as ASCII
_NAME_BYTES: Final = 2_000  # of the field names of an item, at most

View = dict[str, Any]


def position(cursor: str, resource: str, *scope: Any) -> str:
    """The position in a cursor, "" for a blank one. Raises `<resource>.invalid_request`."""
    if not cursor.strip():
        return ""
    position = verify(cursor, *scope)
    if position is None:
        raise ApiError.for_field(
            f"{resource}.invalid_request",
            "cursor",
            "cursor must be the next_cursor of a page of this list, requested with the same filters.",
        )
    return position


def page(views: list[View], next_position: str, *scope: Any) -> View:
    """`{"items", "next_cursor"}` with these items, or as many of them as a response can hold.

    The position of a page that is cut is the id of its last item. `next_position` is that of all items, "" at the end
    of the list.
    """
    items = _fitting(views)
    if len(items) < len(views):
        next_position = items[-1]["id"]
    return {"items": items, "next_cursor": sign(next_position, *scope) if next_position else ""}


def _fitting(views: list[View]) -> list[View]:
    # A quick estimate first, since nearly every page is small. A falsy value adds no more than its field name.
    texts = [each if each.__class__ is str else str(each) for view in views for each in view.values() if each]
    if len("".join(texts)) * _CHARACTER_BYTES + len(views) * _NAME_BYTES <= _RESPONSE_BYTES:
        return views
    room = _RESPONSE_BYTES
    for count, view in enumerate(views):
        # The body is a string in the function's result, which Lambda encodes as ASCII up to Python 3.11.
        room -= len(quoted(json.dumps(view, ensure_ascii=False)))
        if room < 0 and count > 0:
            return views[:count]
    return views


def sign(position: str, *scope: Any) -> str:
    """A cursor that is valid for the same scope only: account, operation and filters, as any JSON values."""
    content = position.encode()
    [key, *_] = signing_keys.ring().derive("cursor")
    return base64url.encode(_signature(key, content, scope) + content)


def verify(cursor: str, *scope: Any) -> str | None:
    """The position in a cursor, None if it was altered or belongs to another scope."""
    raw = base64url.decode(cursor)
    if raw is None:
        return None
    signature, content = raw[:_SIGNATURE_BYTES], raw[_SIGNATURE_BYTES:]
    for key in signing_keys.ring().derive("cursor"):
        if hmac.compare_digest(signature, _signature(key, content, scope)):
            return content.decode()
    return None


def _signature(key: bytes, content: bytes, scope: tuple[Any, ...]) -> bytes:
    signed = json.dumps(scope, sort_keys=True).encode() + b"\0" + content
    return hmac.digest(key, signed, hashlib.sha256)[:_SIGNATURE_BYTES]
