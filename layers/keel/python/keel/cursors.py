"""Where does the next page begin? Opaque cursors, sealed to the account, the operation and the filters."""

import hashlib
import hmac
import json
from typing import Any, Final

from keel import base64url, secret_keys

_TAG_BYTES: Final = 16


def seal(position: str, *scope: Any) -> str:
    """A cursor that only opens with the same scope: account, operation, filters; any JSON values."""
    content = position.encode()
    [key, *_] = secret_keys.ring().derive("cursor")
    return base64url.encode(_tag(key, content, scope) + content)


def unseal(cursor: str, *scope: Any) -> str | None:
    """The position in a cursor, or None when it was altered or belongs to another scope."""
    raw = base64url.decode(cursor)
    if raw is None:
        return None
    tag, content = raw[:_TAG_BYTES], raw[_TAG_BYTES:]
    for key in secret_keys.ring().derive("cursor"):
        if hmac.compare_digest(tag, _tag(key, content, scope)):
            return content.decode()
    return None


def _tag(key: bytes, content: bytes, scope: tuple[Any, ...]) -> bytes:
    sealed = json.dumps(scope, sort_keys=True).encode() + b"\0" + content
    return hmac.digest(key, sealed, hashlib.sha256)[:_TAG_BYTES]
