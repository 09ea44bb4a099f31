"""Read and format the time: milliseconds since 1970 inside, RFC 3339 UTC outside."""

import time
from datetime import UTC, datetime, timedelta
from typing import Final

SECOND: Final = 1_000
MINUTE: Final = 60 * SECOND
HOUR: Final = 60 * MINUTE
DAY: Final = 24 * HOUR

_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_MILLISECOND: Final = timedelta(milliseconds=1)


def now() -> int:
    """Milliseconds since 1970."""
    return time.time_ns() // 1_000_000


def text(milliseconds: int) -> str:
    """`2026-06-01T12:00:00.000Z`; such texts sort as their instants do."""
    return written(_EPOCH + milliseconds * _MILLISECOND)


def written(moment: datetime) -> str:
    """The same form for an aware datetime; what is finer than a millisecond is cut off."""
    return moment.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def milliseconds(text: str) -> int:
    """The instant of a text that `text` or `written` wrote."""
    return (datetime.fromisoformat(text) - _EPOCH) // _MILLISECOND
