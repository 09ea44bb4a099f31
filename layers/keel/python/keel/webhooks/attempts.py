"""What happens when a delivery is due? One attempt: claimed, signed, sent, recorded, and the next arranged.

An attempt is claimed before it is sent, for about as long as it can take. Whoever comes with the same
message meanwhile leaves it in the queue, and afterwards finds the attempt made. A worker that dies between
the sending and the record leaves a claim that runs out: the attempt is made again, under the same id.
"""

from dataclasses import replace
from typing import Any, Final

from keel import clock, ids, metrics
from keel.api.authorizer import Caller
from keel.errors import ApiError
from keel.storage import legacy_table as table
from keel.storage.legacy_table import ConditionFailed, Item, Write
from keel.webhooks import deliveries, endpoints, health, queues, schedule, sender, signing, slots
from keel.webhooks.queues import Message
from keel.webhooks.schemas import TEST_EVENT
from keel.webhooks.sender import Outcome

INACTIVE: Final = "Not sent: the endpoint was inactive."
DELETED: Final = "Not sent: the endpoint was deleted."

_CLAIM: Final = 30 * clock.SECOND


# The endpoint, the slot of it that was taken, and what is to come again in the second lane after some milliseconds if
# no attempt is to be made now.
_Place = tuple[Item | None, str | None, tuple[Message, int] | None]


class Busy(Exception):
    """Another worker is making this attempt."""


def make(message: Message, *, overflow: bool) -> None:
    """Make the attempt that a message asks for, or see that it was made; raises `Busy`."""
    now = clock.now()
    endpoint, slot, put_off = (_in_second_lane if overflow else _in_first_lane)(message, now)
    if put_off:
        queues.put_off(*put_off)
        return
    try:
        delivery = _claim(message, now)
    except ConditionFailed as refused:
        if endpoint and slot:
            slots.give_back(endpoint, slot)
        _made_already(message, refused.item, now)
        return
    if message.number == 1 and delivery["claims"] == 1:
        metrics.count("WebhooksUnattempted", -1)
    if endpoint is None or not endpoint["is_active"]:
        _skip(delivery, INACTIVE if endpoint and "deleted_at" not in endpoint else DELETED)
        return
    outcome = _send(endpoint, delivery)
    health.settle(endpoint, outcome, now, slot)
    _record(message, delivery, outcome, now)


def _in_first_lane(message: Message, now: int) -> _Place:
    endpoint, slot = slots.take(message.account_id, message.endpoint_id, now)
    if endpoint and endpoint["is_active"] and not slot:
        return endpoint, None, (message, 0)
    return endpoint, slot, None


def _in_second_lane(message: Message, now: int) -> _Place:
    """There an endpoint has as much at once as comes for it, unless it is slow, or has never answered and may be."""
    endpoint = table.get(endpoints.key(message.account_id, message.endpoint_id))
    if endpoint is None or not endpoint["is_active"] or message.paced:
        return endpoint, None, None
    if slots.is_slow(endpoint, now):
        wait = slots.turn(endpoint, now)
        return endpoint, None, (replace(message, paced=True), wait) if wait >= clock.SECOND else None
    if slots.is_known(endpoint):
        return endpoint, None, None
    endpoint, slot, put_off = _in_first_lane(message, now)
    return endpoint, slot, (message, slots.STUCK) if put_off else None


def _claim(message: Message, now: int) -> Item:
    """The delivery, now claimed; raises `ConditionFailed`."""
    write = table.update(
        deliveries.key(message.account_id, message.endpoint_id, message.delivery_id),
        "SET #claimed_until = :until ADD #claims :one",
        "#status = :pending AND #tried = :tried AND (attribute_not_exists(#claimed_until) OR #claimed_until < :now)",
        pending="pending",
        tried=message.number - 1,
        now=now,
        until=now + _CLAIM,
        one=1,
    )
    return table.apply(write, returning="ALL_NEW")


def _made_already(message: Message, delivery: Item | None, now: int) -> None:
    """For a message that came again: whoever made the attempt may have died before the next was queued."""
    if delivery is None or delivery["status"] != "pending":
        return
    if delivery["tried"] < message.number:
        raise Busy
    wait = clock.milliseconds(delivery["next_attempt_at"]) - now
    if delivery["tried"] == message.number and schedule.STEPS[message.number - 1] <= queues.LONGEST_DELAY:
        queues.send([_next(message)], delay=wait)


def _next(message: Message) -> Message:
    return Message(message.account_id, message.endpoint_id, message.delivery_id, message.number + 1)


def _send(endpoint: Item, delivery: Item) -> Outcome:
    account_id, _endpoint_id, delivery_id = deliveries.place(delivery)
    headers = signing.headers(endpoint, account_id, delivery_id, delivery["payload"], clock.now())
    return sender.post(endpoint["url"], delivery["payload"].encode(), headers)


def entry(at: int, outcome: Outcome) -> dict[str, Any]:
    """An attempt as the log shows it."""
    return {
        "at": clock.text(at),
        "status_code": outcome.status,
        "error": outcome.error,
        "duration_ms": outcome.milliseconds,
    }


def skipped(reason: str, now: int) -> dict[str, Any]:
    return entry(now, Outcome(None, reason, 0))


def _skip(delivery: Item, reason: str) -> None:
    """End a delivery that was due when nothing may be sent."""
    _close(delivery, skipped(reason, clock.now()), "failed", delivery["tried"])


def _record(message: Message, delivery: Item, outcome: Outcome, started: int) -> None:
    """Write the attempt down, and arrange the next one if there is to be one."""
    attempt, now = entry(started, outcome), clock.now()
    if outcome.succeeded:
        _close(delivery, attempt, "succeeded", message.number)
        return
    wait = None if outcome.status == 410 else schedule.delay(message.number, outcome.retry_after, now)
    if wait is None:
        _close(delivery, attempt, "failed", message.number)
        return
    due = now + wait
    change = "#tried = :number, #next_attempt_at = :due REMOVE #claimed_until"
    write = _claimed(delivery, attempt, change, number=message.number, due=clock.text(due))
    if wait > queues.LONGEST_DELAY:
        _written(attempt, write, queues.later(_next(message), due))
    elif _written(attempt, write):
        queues.send([_next(message)], delay=wait)


def _close(delivery: Item, attempt: dict[str, Any], status: str, number: int) -> None:
    change = "#tried = :number, #status = :status REMOVE #claimed_until, #next_attempt_at"
    if _written(attempt, _claimed(delivery, attempt, change, number=number, status=status)) and status == "failed":
        metrics.count("WebhooksFailed")


def _claimed(delivery: Item, attempt: dict[str, Any], change: str, **values: Any) -> Write:
    """The write of an attempt by the worker that claimed it, and of what follows from it."""
    condition = "#claimed_until = :claim AND #status = :pending"
    return deliveries.recording(
        delivery, attempt, change, condition, claim=delivery["claimed_until"], pending="pending", **values
    )


def _written(attempt: dict[str, Any], *writes: Write) -> bool:
    """Write an attempt down, and what follows from it; False when a redelivery succeeded meanwhile or another worker
    has the claim. It was made all the same, so the log shows it, and nothing else follows."""
    try:
        table.commit(*writes)
    except ConditionFailed as overtaken:
        if overtaken.item is None:
            return False
        if attempt in overtaken.item["attempts"]:
            return True  # it was written, and only the answer was lost
        _added(overtaken.item, attempt, "")
        return False
    return True


def _added(delivery: Item, attempt: dict[str, Any], change: str, **values: Any) -> Item | None:
    """The delivery with an attempt that nothing follows from but `change`; None when it is kept no longer."""
    while attempt not in delivery["attempts"]:  # or it was written, and only the answer was lost
        condition = "#attempts = :before"
        write = deliveries.recording(delivery, attempt, change, condition, before=delivery["attempts"], **values)
        try:
            return table.apply(write, returning="ALL_NEW")
        except ConditionFailed as overtaken:
            if overtaken.item is None:
                return None
            delivery = overtaken.item
    return delivery


def again(caller: Caller, delivery_id: str) -> dict[str, Any]:
    """Send a delivery once more, now, whatever its status; gives the delivery.

    It is outside the schedule: if it succeeds the delivery has, if it does not nothing else changes. To an
    inactive endpoint it is not sent, as nothing is; the log says so.
    """
    delivery, endpoint = deliveries.find(caller, delivery_id)
    if "deleted_at" in endpoint:
        raise ApiError("webhooks.not_found", "The endpoint of this delivery was deleted.")
    now = clock.now()
    if endpoint["is_active"]:
        outcome = _send(endpoint, delivery)
        if delivery["event"] != TEST_EVENT:
            health.settle(endpoint, outcome, now, None)
    else:
        outcome = Outcome(None, INACTIVE, 0)
    change, values = "", {}
    if outcome.succeeded:
        change, values = "#status = :status REMOVE #next_attempt_at", {"status": "succeeded"}
    recorded = _added(delivery, entry(now, outcome), change, **values)
    if recorded is None:
        raise ApiError("webhooks.not_found")
    return deliveries.view(recorded)


def test(caller: Caller, endpoint_id: str) -> dict[str, Any]:
    """Deliver a test event now, once; gives the delivery. The endpoint's health is none of its business."""
    endpoint = endpoints.find(caller.account_id, endpoint_id)
    now = clock.now()
    payload = {
        "event": TEST_EVENT,
        "timestamp": clock.text(now),
        "data": {"message": "This is a test event from Keel. Your endpoint receives webhooks."},
    }
    delivery = deliveries.item_of(endpoint, ids.mint(now), payload, now)
    outcome = _send(endpoint, delivery)
    delivery |= {
        "status": "succeeded" if outcome.succeeded else "failed",
        "tried": 1,
        "attempts": [entry(now, outcome)],
        "next_attempt_at": None,
    }
    table.apply(table.put(delivery))
    return deliveries.view(delivery)
