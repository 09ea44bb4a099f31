"""When is a delivery tried again? The steps of the schedule, with jitter and the receiver's Retry-After."""

import random
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Final

from keel import clock

# From one attempt to the next: ten attempts in three days.
STEPS: Final = tuple(
    step * clock.SECOND
    for step in (5, 5 * 60, 30 * 60, 2 * 3_600, 5 * 3_600, 10 * 3_600, 14 * 3_600, 20 * 3_600, 24 * 3_600)
)
JITTER: Final = 0.2
_LONGEST: Final = 10**9

_jitter: Final = random.SystemRandom()  # a seeded state would repeat in every copy that SnapStart makes


def delay(tried: int, retry_after: str, now: int) -> int | None:
    """Milliseconds from the attempt that was number `tried` to the next; None after the last.

    `retry_after` is that header's value, seconds or a date. It is honoured from one to two times the step:
    a receiver can ask for more time, but neither hurry Keel nor put it off for ever.
    """
    if tried > len(STEPS):
        return None
    step = STEPS[tried - 1]
    asked = _milliseconds(retry_after, now)
    if asked is None or asked <= step:
        low, high = (1 - JITTER) * step, (1 + JITTER) * step
        if asked is not None:
            low = max(low, asked)
    elif asked <= 2 * step:
        low, high = asked, min((1 + JITTER) * asked, 2 * step)
    else:
        # All that waited for one receiver would come back at once: jitter here, too, within the bound.
        low, high = (2 - JITTER) * step, 2 * step
    return round(_jitter.uniform(low, high))


def _milliseconds(retry_after: str, now: int) -> int | None:
    text = retry_after.strip()
    if text.isascii() and text.isdigit():
        return min(int(text[:12]), _LONGEST) * clock.SECOND
    try:
        moment = parsedate_to_datetime(text)
    except (ValueError, TypeError, OverflowError):  # the last for numbers that no calendar has
        return None
    aware = moment if moment.tzinfo else moment.replace(tzinfo=UTC)
    return max(round((aware - datetime.fromtimestamp(now / 1_000, UTC)).total_seconds() * 1_000), 0)
