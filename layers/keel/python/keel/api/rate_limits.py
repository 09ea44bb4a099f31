"""Rate limits: token buckets, each stored as one number and drawn on with one conditional update.

The number is `full_at`, the time in microseconds at which the bucket will be full again (the generic cell rate
algorithm). DynamoDB expressions have no `max()`, so there are two updates: one for a bucket that is full, and one for a
bucket in use. What this process last saw of a bucket decides which of them is tried first. When it was the wrong one,
DynamoDB returns the stored item, which leads to the other.
"""

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final, Literal, TypeVar

from pynamodb.expressions.condition import Condition
from pynamodb.expressions.operand import Path
from pynamodb.expressions.update import Action

from keel import clock
from keel.api.principals import Principal
from keel.errors import ApiError
from keel.settings import Rate, settings
from keel.storage import table
from keel.storage.attribute_types import IntegerAttribute
from keel.storage.models import Item, Key
from keel.storage.table import ConditionFailed

PublicBucket = Literal["public", "login", "forgot_password", "reset_password"]

M = TypeVar("M", bound="Principal | AddressBucket")

_FULL_AT: Final = Path("full_at")
_NEVER_USED: Final = _FULL_AT.does_not_exist()
_SECOND: Final = 1_000_000
_ATTEMPTS: Final = 6
_REMEMBERED: Final = 10_000


class AddressBucket(Item):
    """A bucket of a source address: `address#<address>`, sorted by the bucket's name. Stored without a `kind`."""

    full_at = IntegerAttribute()
    ttl = IntegerAttribute()


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

    `check` gets the stored principal of a failed update, or None. It raises if the guard was the reason.
    """

    condition: Condition
    check: Callable[[Any], None]


def take_public(bucket: PublicBucket, address: str) -> RateLimitStatus:
    """Count a call against a bucket of its source address. Raises `rate_limit.exceeded`."""
    rate = getattr(settings(), f"rate_{bucket}")
    _, rate_limit = take(AddressBucket, Key(f"address#{address}", bucket), rate)
    return rate_limit


def take(model: type[M], key: Key, rate: Rate, guard: Guard | None = None) -> tuple[M, RateLimitStatus]:
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
            actions: list[Action] = [_FULL_AT.set(now + cost)]
            condition: Condition = _NEVER_USED | (now >= _FULL_AT)
        else:
            # A bucket in use, or one that has become full since it was last seen.
            since = min(now, full_at - 1)
            actions = [_FULL_AT.set(_FULL_AT + cost)]
            condition = (since < _FULL_AT) & (latest >= _FULL_AT)
        try:
            item = table.write(_update(model, key, actions, condition, guard), returning="ALL_NEW")
        except ConditionFailed as failed:
            if guard:
                guard.check(failed.item)
            full_at = (failed.item and failed.item.full_at) or 0
            _remember(key, full_at)
            # The response may have been slow. Only by the present time is the bucket empty.
            latest += time.time_ns() // 1_000 - now
            if full_at > latest:
                break
            crowded = full_at > now
            continue
        _remember(key, item.full_at)
        return item, _status(rate, cost, max(cost, item.full_at - now))
    # The bucket is empty, or there are so many concurrent calls that every attempt came too late.
    retry_after = max(1, -(-(full_at - latest) // _SECOND))
    raise RejectedCall("rate_limit.exceeded", _status(rate, cost, full_at - now), retry_after)


def _update(
    model: type[Item], key: Key, actions: list[Action], condition: Condition, guard: Guard | None
) -> table.Write:
    if guard:
        return table.update(model, key, actions, condition & guard.condition)
    ttl = AddressBucket.ttl.set(clock.now() // clock.SECOND + 3_600)
    return table.update(model, key, [*actions, ttl], condition)


_last_seen: dict[Key, int] = {}


def _remember(key: Key, full_at: int) -> None:
    if len(_last_seen) >= _REMEMBERED:
        _last_seen.clear()
    _last_seen[key] = full_at


def _status(rate: Rate, cost: int, until_full: int) -> RateLimitStatus:
    remaining = max(0, (rate.burst * cost - until_full) // cost)
    return RateLimitStatus(rate.burst, remaining, max(0, -(-until_full // _SECOND)))
