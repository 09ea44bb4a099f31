"""May this endpoint take one more delivery now? A few slots per endpoint in the fast lane, each a lease.

Whatever an endpoint does, it occupies no more of the fast lane than its slots: the rest of its backlog, and
all of it while it is slow, goes to the other lane, where it waits among its like. So the first attempt of
everybody else finds the fast lane free.
"""

import random
from typing import Final

from keel import clock, table
from keel.table import ConditionFailed, Item, Key
from keel.webhooks import endpoints

SLOTS: Final = 3
LEASE: Final = 30 * clock.SECOND

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


def give_back(endpoint: Item, slot: str) -> None:
    table.apply(table.update(Key(endpoint["pk"], endpoint["sk"]), f"REMOVE #{slot}"))
