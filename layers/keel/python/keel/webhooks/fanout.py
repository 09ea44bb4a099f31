"""Whom does an event concern? One delivery for each endpoint that wants it, and the message that starts it.

An event that comes twice finds its deliveries there already. One that was written but perhaps not queued is
queued again: a message too many is harmless, one too few would be a lost event.
"""

from typing import Any, Final

from keel import clock, metrics
from keel.events import publisher
from keel.storage import legacy_table as table
from keel.storage.legacy_table import ConditionFailed, Item
from keel.webhooks import attempts, deliveries, endpoints, queues, slots
from keel.webhooks.queues import Message

_FRESH: Final = 10 * clock.SECOND
_SKEW: Final = 5 * clock.SECOND

_begun: dict[str, tuple[int, int]] = {}  # by endpoint: a second, and how many deliveries were begun in it
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
    lanes: dict[bool, list[Message]] = {False: [], True: []}
    for endpoint in concerned:
        message = _start(endpoint, deliveries.item_of(endpoint, event["id"], payload, happened))
        if message:
            # What an import brings by the thousand is no burst of what people do, and leaves them the first lane.
            lanes[bool(event.get("bulk")) or _overflows(endpoint)].append(message)
    for overflow, messages in lanes.items():
        queues.send(messages, overflow=overflow)


def _overflows(endpoint: Item) -> bool:
    """Whether a delivery is for the second lane from the start: because the endpoint is slow, or because this process
    alone has begun more of them in this second than the fast lane lets it have."""
    now = clock.now()
    second, begun = _begun.get(endpoint["sk"], (0, 0))
    if len(_begun) > 1_000:
        _begun.clear()
    _begun[endpoint["sk"]] = now // clock.SECOND, begun + 1 if second == now // clock.SECOND else 1
    return _begun[endpoint["sk"]][1] > slots.rate(endpoint) or slots.is_slow(endpoint, now)


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
