"""Compute when a delivery is retried: the steps of the schedule, jitter, and the receiver's Retry-After header."""

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

jitter: Final = random.SystemRandom()  # a seeded state would repeat in every copy that SnapStart makes


def delay(attempt: int, retry_after: str, now: int) -> int | None:
    """Milliseconds from attempt number `attempt` to the next, None after the last.

    `retry_after` is the value of that header, seconds or a date. It counts between one and two times the step: a
    receiver can ask for more time, but can neither hurry Keel nor defer the delivery forever.
    """
    if attempt > len(STEPS):
        return None
    step = STEPS[attempt - 1]
    requested = _milliseconds(retry_after, now)
    if requested is None or requested <= step:
        low, high = (1 - JITTER) * step, (1 + JITTER) * step
        if requested is not None:
            low = max(low, requested)
    elif requested <= 2 * step:
        low, high = requested, min((1 + JITTER) * requested, 2 * step)
    else:
        # With jitter as well: all deliveries that wait for one receiver would return at once.
        low, high = (2 - JITTER) * step, 2 * step
    return round(jitter.uniform(low, high))


def _milliseconds(retry_after: str, now: int) -> int | None:
    text = retry_after.strip()
    if text.isascii() and text.isdigit():
        return min(int(text[:12]), _LONGEST) * clock.SECOND
    try:
        moment = parsedate_to_datetime(text)
    except (ValueError, TypeError, OverflowError):  # OverflowError for numbers that no calendar has
        return None
    aware = moment if moment.tzinfo else moment.replace(tzinfo=UTC)
    return max(round((aware - datetime.fromtimestamp(now / 1_000, UTC)).total_seconds() * 1_000), 0)
