"""Whom does an event concern? One delivery for each endpoint that wants it, and the message that starts it.

An event that comes twice finds its deliveries there already. One that was written but perhaps not queued is
queued again: a message too many is harmless, one too few would be a lost event.
"""

from typing import Any, Final

from keel import clock, metrics, table
from keel.events import publisher
from keel.table import ConditionFailed, Item
from keel.webhooks import attempts, deliveries, endpoints, queues
from keel.webhooks.queues import Message

_FRESH: Final = 10 * clock.SECOND
_SKEW: Final = 5 * clock.SECOND

_known: dict[str, tuple[int, list[Item]]] = {}


def distribute(event: dict[str, Any]) -> None:
    """Start the deliveries of an event, as it is on the bus."""
    happened = clock.milliseconds(event["timestamp"])
    concerned = [
        endpoint
        for endpoint in _endpoints(event["account_id"], happened)
        if event["event"] in endpoint["events"] and "deleted_at" not in endpoint and _existed(endpoint, event)
    ]
    if not concerned:
        return
    payload = {"event": event["event"], "timestamp": event["timestamp"], "data": publisher.data_of(event)}
    started = [_start(endpoint, deliveries.item_of(endpoint, event["id"], payload, happened)) for endpoint in concerned]
    queues.send([message for message in started if message])


def _existed(endpoint: Item, event: dict[str, Any]) -> bool:
    """Whether it was there when the event happened; what is told of before is none of its business."""
    # The instant of a deletion is known by the second only.
    slack = clock.SECOND if event["event"].endswith(".deleted") else 0
    return clock.milliseconds(endpoint["created_at"]) <= clock.milliseconds(event["timestamp"]) + slack


def _endpoints(account_id: str, happened: int) -> list[Item]:
    """The account's endpoints. What was read well after the event had happened may be read from memory: that is
    what makes a burst of one account cheap, and it misses no endpoint that was there before."""
    now = clock.now()
    read_at, found = _known.get(account_id, (0, []))
    if read_at < max(happened + _SKEW, now - _FRESH):
        if len(_known) > 1_000:
            _known.clear()
        found = endpoints.of_account(account_id)
        _known[account_id] = now, found
    return found


def _start(endpoint: Item, delivery: Item) -> Message | None:
    """Write a delivery down; gives the message of its first attempt, None when there is to be none."""
    if endpoint["is_active"]:
        delivery["next_attempt_at"] = delivery["created_at"]
    else:
        delivery |= {"status": "failed", "attempts": [attempts.skipped(attempts.INACTIVE, clock.now())]}
    try:
        table.apply(table.put(delivery, "attribute_not_exists(pk)"))
        if delivery["status"] == "pending":
            metrics.count("WebhooksUnattempted")
    except ConditionFailed as there:
        delivery = there.item or delivery
    if delivery["status"] != "pending" or delivery["tried"]:
        return None
    return Message(*deliveries.place(delivery), number=1)
