"""Rate limits: token buckets, each stored as one number and drawn on with one conditional update.

The number is `full_at`, the time in microseconds at which the bucket will be full again (the generic cell rate
algorithm). DynamoDB expressions have no `max()`, so there are two updates: one for a bucket that is full, and one for a
bucket in use. What this process last saw of a bucket decides which of them is tried first. When it was the wrong one,
DynamoDB returns the stored item, which leads to the other.
"""

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final, Literal

from keel import clock
from keel.errors import ApiError
from keel.settings import Rate, settings
from keel.storage import legacy_table as table
from keel.storage.legacy_table import ConditionFailed, Item, Key

PublicBucket = Literal["public", "login", "forgot_password", "reset_password"]

_SECOND: Final = 1_000_000
_ATTEMPTS: Final = 6
_REMEMBERED: Final = 10_000


@dataclass(frozen=True)
class RateLimitStatus:
    """What is left of a bucket: whole calls, and whole seconds until it is full."""

    limit: int
    remaining: int
    reset: int


class RejectedCall(ApiError):
    """`rate_limit.exceeded` or `auth.forbidden`, with what is left of the caller's bucket."""

    def __init__(self, code: str, rate_limit: RateLimitStatus, retry_after: int | None = None) -> None:
        self.rate_limit = rate_limit
        super().__init__(code, retry_after=retry_after)


@dataclass(frozen=True)
class Guard:
    """What must hold of a principal for a call to count against the bucket on its item.

    `check` gets the stored item of a failed update, or None. It raises if the guard was the reason.
    """

    condition: str
    values: Mapping[str, Any]
    check: Callable[[Item | None], None]


def take_public(bucket: PublicBucket, address: str) -> RateLimitStatus:
    """Count a call against a bucket of its source address. Raises `rate_limit.exceeded`."""
    _, rate_limit = take(Key(f"address#{address}", bucket), getattr(settings(), f"rate_{bucket}"))
    return rate_limit


def take(key: Key, rate: Rate, guard: Guard | None = None) -> tuple[Item, RateLimitStatus]:
    """Count a call against the bucket on an item, and return the item. Raises `rate_limit.exceeded`.

    With a guard, the item is that of a principal. The guard is checked before the rate, in the same update. Without
    one, the item is created if it is missing, and DynamoDB deletes it some time after the bucket is full.
    """
    cost = _SECOND // rate.per_second
    full_at = _last_seen.get(key, 0)
    # Among many concurrent calls, a bucket may alternate between full and in use faster than this call can follow.
    # After one attempt that came too late, it therefore draws on the bucket as it was last seen, full or not.
    crowded = False
    for _ in range(_ATTEMPTS):
        now = time.time_ns() // 1_000
        latest = now + (rate.burst - 1) * cost  # `full_at` of a bucket with one call left
        if full_at <= now and not crowded:
            write = _take_first(key, now, cost, guard)
        else:
            write = _take_further(key, min(now, full_at - 1), latest, cost, guard)
        try:
            item = table.apply(write, returning="ALL_NEW")
        except ConditionFailed as failed:
            if guard:
                guard.check(failed.item)
            full_at = (failed.item or {}).get("full_at", 0)
            _remember(key, full_at)
            # The response may have been slow. Only by the present time is the bucket empty.
            latest += time.time_ns() // 1_000 - now
            if full_at > latest:
                break
            crowded = full_at > now
            continue
        _remember(key, item["full_at"])
        return item, _status(rate, cost, max(cost, item["full_at"] - now))
    # The bucket is empty, or there are so many concurrent calls that every attempt came too late.
    retry_after = max(1, -(-(full_at - latest) // _SECOND))
    raise RejectedCall("rate_limit.exceeded", _status(rate, cost, full_at - now), retry_after)


def _take_first(key: Key, now: int, cost: int, guard: Guard | None) -> table.Write:
    """Take the first call from a bucket that is full."""
    condition = "(attribute_not_exists(#full_at) OR #full_at <= :now)"
    return _update(key, "#full_at = :full_at", condition, guard, now=now, full_at=now + cost)


def _take_further(key: Key, since: int, latest: int, cost: int, guard: Guard | None) -> table.Write:
    """Take a further call from a bucket in use, or from one that has become full after `since`."""
    condition = "#full_at > :since AND #full_at <= :latest"
    return _update(key, "#full_at = #full_at + :cost", condition, guard, since=since, latest=latest, cost=cost)


def _update(key: Key, change: str, condition: str, guard: Guard | None, **values: Any) -> table.Write:
    if guard:
        return table.update(key, f"SET {change}", f"{condition} AND {guard.condition}", **values, **guard.values)
    ttl = clock.now() // 1_000 + 3_600
    return table.update(key, f"SET {change}, #ttl = :ttl", condition, ttl=ttl, **values)


_last_seen: dict[Key, int] = {}


def _remember(key: Key, full_at: int) -> None:
    if len(_last_seen) >= _REMEMBERED:
        _last_seen.clear()
    _last_seen[key] = full_at


def _status(rate: Rate, cost: int, until_full: int) -> RateLimitStatus:
    remaining = max(0, (rate.burst * cost - until_full) // cost)
    return RateLimitStatus(rate.burst, remaining, max(0, -(-until_full // _SECOND)))
