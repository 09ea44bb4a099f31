"""May this endpoint take one more delivery now? A few slots per endpoint in the fast lane, turns in the other.

Whatever an endpoint does, it occupies no more of the fast lane than its slots, each a lease: the rest of its
backlog, and all of it while it is slow, goes to the other lane. There a slow one is sent one delivery after the
other at such a pace that few are under way at once. So neither the first attempt of everybody else waits for it,
nor the backlog of one that answers quickly.
"""

import random
from typing import Final

from keel import clock
from keel.settings import lane_settings
from keel.storage import legacy_table as table
from keel.storage.legacy_table import ConditionFailed, Item, Key
from keel.webhooks import endpoints

SLOTS: Final = 3
LEASE: Final = 30 * clock.SECOND
SLOW: Final = 2 * clock.SECOND
STUCK: Final = clock.SECOND
SLOW_FOR: Final = clock.MINUTE  # after the last slow answer

_OVERHEAD: Final = 200  # milliseconds for which a slot is taken beside the answer's
_UNKNOWN: Final = 100  # milliseconds in which an endpoint is taken to answer that has not yet
_TRIES: Final = 3
_OPEN: Final = (
    "attribute_exists(pk) AND #is_active = :true AND (attribute_not_exists(#slow_until) OR #slow_until < :now)"
)


def take(account_id: str, endpoint_id: str, now: int) -> tuple[Item | None, str | None]:
    """The endpoint, None if there is none, and the slot taken, None if it cannot have one."""
    pick = random.SystemRandom()
    slot = f"slot_{pick.randrange(SLOTS)}"
    item: Item | None = None
    for _ in range(_TRIES):
        write = table.update(
            endpoints.key(account_id, endpoint_id),
            f"SET #{slot} = :until",
            f"{_OPEN} AND (attribute_not_exists(#{slot}) OR #{slot} < :now)",
            true=True,
            now=now,
            until=now + LEASE,
        )
        try:
            return table.apply(write, returning="ALL_NEW"), slot
        except ConditionFailed as refused:
            item = refused.item
        free = [name for at in range(SLOTS) if (item or {}).get(name := f"slot_{at}", 0) < now]
        if item is None or not is_open(item, now) or not free:
            break
        slot = pick.choice(free)
    return item, None


def is_open(endpoint: Item, now: int) -> bool:
    """Whether anything is sent to it, and by the fast lane."""
    return bool(endpoint["is_active"]) and endpoint.get("slow_until", 0) < now


def is_slow(endpoint: Item, now: int) -> bool:
    """Whether it has answered slowly of late, or does not answer just now: all its slots have been taken for long."""
    if endpoint.get("slow_until", 0) >= now:
        return True
    return all(now <= endpoint.get(f"slot_{at}", 0) < now + LEASE - STUCK for at in range(SLOTS))


def is_known(endpoint: Item) -> bool:
    """Whether an attempt has told how long it takes to answer."""
    return "last_took" in endpoint


def rate(endpoint: Item) -> int:
    """How many deliveries a second it can have in the fast lane, by its last answer."""
    took: int = endpoint.get("last_took", _UNKNOWN)
    return SLOTS * clock.SECOND // (took + _OVERHEAD)


def turn(endpoint: Item, now: int) -> int:
    """Milliseconds until a slow endpoint may be sent one more delivery; that turn is now taken.

    Each of those under way may hold up a worker of the lane: there are fewer of them than workers.
    """
    under_way = lane_settings().workers * 3 // 5
    place, pace = Key(endpoint["pk"], endpoint["sk"]), endpoint.get("slow_took", 5 * SLOW) // under_way
    after_others = table.update(place, "SET #turn = #turn + :pace", "#turn >= :now", pace=pace, now=now)
    none_waits = "attribute_exists(pk) AND (attribute_not_exists(#turn) OR #turn < :now)"
    at_once = table.update(place, "SET #turn = :next", none_waits, next=now + pace, now=now)
    for write in (after_others, at_once, after_others):  # of two who find nobody waiting, one is
        try:
            after: int = table.apply(write, returning="ALL_NEW")["turn"]
        except ConditionFailed:
            continue
        return after - int(pace) - now
    return 0


def give_back(endpoint: Item, slot: str) -> None:
    table.apply(table.update(Key(endpoint["pk"], endpoint["sk"]), f"REMOVE #{slot}"))
