"""Create and parse the ids of records: UUIDv7, from the same clock reading as `created_at`."""

import os
import re
import uuid
from typing import Final

_CANONICAL: Final = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}")


def mint(milliseconds: int) -> str:
    """A UUIDv7 (RFC 9562) of this instant; ids sort as their instants do.

    The random bits come from the system: a state inside the process would repeat in every copy that
    SnapStart makes of it.
    """
    return from_bits(milliseconds, os.urandom(10))


def from_bits(milliseconds: int, random: bytes) -> str:
    """A UUIDv7 of an instant and ten bytes; the same bytes give the same id."""
    value = milliseconds << 80 | int.from_bytes(random, "big")
    value = value & ~(0xF << 76) | 0x7 << 76  # version
    value = value & ~(0x3 << 62) | 0x2 << 62  # variant
    return str(uuid.UUID(int=value))


def parse(value: object) -> str | None:
    """The id in lower case, or None for anything that is not a UUID in its canonical form."""
    if not isinstance(value, str):
        return None
    lowered = value.lower()
    # lower() maps a few non-ASCII letters to ASCII ones, hence the test on what was given.
    return lowered if value.isascii() and _CANONICAL.fullmatch(lowered) else None
