"""Where does a page begin and end? Opaque cursors, sealed to the account, the operation and the filters, and as much
on a page as an answer can carry."""

import hashlib
import hmac
import json
from json.encoder import encode_basestring_ascii as quoted
from typing import Any, Final

from keel.api import base64url, signing_keys
from keel.errors import ApiError

_TAG_BYTES: Final = 16
_ANSWER_BYTES: Final = 5_000_000  # of the 6 MB that a function may answer with
_CHARACTER_BYTES: Final = 12  # at most: one beyond the basic plane, in ASCII
_NAME_BYTES: Final = 2_000  # of the fields of a view, at most

View = dict[str, Any]


def position(cursor: str, resource: str, *scope: Any) -> str:
    """Where a page begins: the position in its cursor, "" for a blank one; raises `<resource>.invalid_request`."""
    if not cursor.strip():
        return ""
    found = unseal(cursor, *scope)
    if found is None:
        raise ApiError.for_field(
            f"{resource}.invalid_request",
            "cursor",
            "cursor must be the next_cursor of a page of this list, requested with the same filters.",
        )
    return found


def page(views: list[View], further: str, *scope: Any) -> View:
    """`{"items", "next_cursor"}` of these views, or as many of them as an answer can carry; a position is the id of
    the last one shown. `further` is that of all of them, "" when the list ends there."""
    items = _fitting(views)
    if len(items) < len(views):
        further = items[-1]["id"]
    return {"items": items, "next_cursor": seal(further, *scope) if further else ""}


def _fitting(views: list[View]) -> list[View]:
    # At a glance, since nearly every page is small; what is falsy takes no more than its field's name.
    texts = [each if each.__class__ is str else str(each) for view in views for each in view.values() if each]
    if len("".join(texts)) * _CHARACTER_BYTES + len(views) * _NAME_BYTES <= _ANSWER_BYTES:
        return views
    room = _ANSWER_BYTES
    for count, view in enumerate(views):
        # The answer is a text in what the function gives, and up to Python 3.11 Lambda has that in ASCII.
        room -= len(quoted(json.dumps(view, ensure_ascii=False)))
        if room < 0 and count > 0:
            return views[:count]
    return views


def seal(position: str, *scope: Any) -> str:
    """A cursor that only opens with the same scope: account, operation, filters; any JSON values."""
    content = position.encode()
    [key, *_] = signing_keys.ring().derive("cursor")
    return base64url.encode(_tag(key, content, scope) + content)


def unseal(cursor: str, *scope: Any) -> str | None:
    """The position in a cursor, or None when it was altered or belongs to another scope."""
    raw = base64url.decode(cursor)
    if raw is None:
        return None
    tag, content = raw[:_TAG_BYTES], raw[_TAG_BYTES:]
    for key in signing_keys.ring().derive("cursor"):
        if hmac.compare_digest(tag, _tag(key, content, scope)):
            return content.decode()
    return None


def _tag(key: bytes, content: bytes, scope: tuple[Any, ...]) -> bytes:
    sealed = json.dumps(scope, sort_keys=True).encode() + b"\0" + content
    return hmac.digest(key, sealed, hashlib.sha256)[:_TAG_BYTES]
