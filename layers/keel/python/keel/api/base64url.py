"""Encode and decode base64url without padding, in one canonical spelling."""

import base64


def encode(raw: bytes) -> str:
    return base64.urlsafe_b64encode(raw).decode().rstrip("=")


def decode(text: str) -> bytes | None:
    """The bytes of a text that `encode` made; None for any other text.

    base64 has several spellings of the same bytes. Taking one only means that no token or cursor can be
    altered and still be good.
    """
    try:
        raw = base64.b64decode(text + "=" * (-len(text) % 4), altchars=b"-_", validate=True)
    except ValueError:
        return None
    return raw if encode(raw) == text else None
