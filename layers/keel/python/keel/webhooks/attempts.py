"""Make the attempts of deliveries: claim, sign, send, record, and schedule the retry.

An attempt is claimed before it is sent, for about as long as it can take. Another worker that receives the same message
meanwhile leaves it in the queue, and finds the attempt made when it comes back. The claim of a worker that dies between
sending and recording expires. The attempt is then made again, under the same id.
"""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any, Final, NamedTuple

from pynamodb.expressions.condition import Condition
from pynamodb.expressions.update import Action

from keel import clock, ids, metrics
from keel.api.authorizer import Caller
from keel.errors import ApiError
from keel.storage import table
from keel.storage.table import ConditionFailed, Write
from keel.webhooks import deliveries, endpoints, health, queues, schedule, sender, signing, slots
from keel.webhooks.models import WebhookDelivery, WebhookEndpoint, delivery_key, endpoint_key
from keel.webhooks.queues import Message
from keel.webhooks.schemas import TEST_EVENT
from keel.webhooks.sender import Outcome

INACTIVE: Final = "Not sent: the endpoint was inactive."
DELETED: Final = "Not sent: the endpoint was deleted."

_CLAIM: Final = 30 * clock.SECOND
_IS_PENDING: Final = WebhookDelivery.status == "pending"


class Busy(Exception):
    """Another worker is making this attempt."""


class _Deferred(Exception):
    """The attempt must wait: its message goes to the overflow queue, with a delay in milliseconds."""

    def __init__(self, message: Message, delay: int = 0) -> None:
        self.message, self.delay = message, delay
        super().__init__("deferred")


class _Admission(NamedTuple):
    """An endpoint that may be sent a delivery now, None if there is none, and the lease that was acquired for it."""

    endpoint: WebhookEndpoint | None
    lease: int | None = None


def make(message: Message, *, overflow: bool) -> None:
    """Make the attempt that a message of the delivery queue or the overflow queue names, unless it has been made.

    Raises `Busy` while another worker makes it.
    """
    now = clock.now()
    try:
        endpoint, lease = _admit_in_overflow(message, now) if overflow else _admit(message, now)
    except _Deferred as deferred:
        queues.defer(deferred.message, deferred.delay)
        return
    try:
        delivery = _claim(message, now)
    except ConditionFailed as failure:
        if endpoint and lease is not None:
            slots.release(endpoint, lease)
        _resume(message, failure.item, now)
        return
    if message.number == 1 and delivery.claims == 1:
        metrics.count("WebhooksUnattempted", -1)
    if endpoint is None or not endpoint.is_active:
        _skip(delivery, INACTIVE if endpoint and endpoint.deleted_at is None else DELETED)
        return
    outcome = _send(endpoint, delivery)
    health.record(endpoint, outcome, now, lease)
    _record(message, delivery, outcome, now)


def _admit(message: Message, now: int) -> _Admission:
    endpoint, lease = slots.acquire(message.account_id, message.endpoint_id, now)
    if endpoint and endpoint.is_active and lease is None:
        raise _Deferred(message)
    return _Admission(endpoint, lease)


def _admit_in_overflow(message: Message, now: int) -> _Admission:
    """Admits everything, but paces slow endpoints, and limits those that have never responded and may be slow."""
    endpoint = table.get(WebhookEndpoint, endpoint_key(message.account_id, message.endpoint_id))
    if endpoint is None or not endpoint.is_active or message.paced:
        return _Admission(endpoint)
    if slots.is_slow(endpoint, now):
        wait = slots.reserve(endpoint, now)
        if wait >= clock.SECOND:
            raise _Deferred(replace(message, paced=True), wait)
        return _Admission(endpoint)
    if slots.has_responded(endpoint):
        return _Admission(endpoint)
    try:
        return _admit(message, now)
    except _Deferred:
        raise _Deferred(message, slots.STUCK) from None


def _claim(message: Message, now: int) -> WebhookDelivery:
    """The delivery, claimed by this worker. Raises `ConditionFailed`."""
    claimed_until = WebhookDelivery.claimed_until
    is_next = _IS_PENDING & (WebhookDelivery.scheduled_attempts == message.number - 1)
    write = table.update(
        WebhookDelivery,
        delivery_key(message.account_id, message.endpoint_id, message.delivery_id),
        [claimed_until.set(now + _CLAIM), WebhookDelivery.claims.add(1)],
        is_next & (claimed_until.does_not_exist() | (claimed_until < now)),
    )
    delivery: WebhookDelivery = table.write(write, returning="ALL_NEW")
    return delivery


def _resume(message: Message, delivery: WebhookDelivery | None, now: int) -> None:
    """For a message that was delivered again: the worker that made the attempt may have died before it queued the next.

    Raises `Busy` if the attempt has not been made.
    """
    if delivery is None or delivery.status != "pending":
        return
    if delivery.scheduled_attempts < message.number:
        raise Busy
    if delivery.scheduled_attempts > message.number or delivery.next_attempt_at is None:
        return
    if schedule.STEPS[message.number - 1] <= queues.LONGEST_DELAY:
        queues.send([_next(message)], delay=clock.milliseconds(delivery.next_attempt_at) - now)


def _next(message: Message) -> Message:
    return Message(message.account_id, message.endpoint_id, message.delivery_id, message.number + 1)


def _send(endpoint: WebhookEndpoint, delivery: WebhookDelivery) -> Outcome:
    headers = signing.headers(endpoint, delivery.id, delivery.payload, clock.now())
    return sender.post(endpoint.url, delivery.payload.encode(), headers)


def _log_entry(at: int, outcome: Outcome) -> dict[str, Any]:
    """An attempt as the delivery's log has it."""
    return {
        "at": clock.text(at),
        "status_code": outcome.status,
        "error": outcome.error,
        "duration_ms": outcome.milliseconds,
    }


def skipped(reason: str, now: int) -> dict[str, Any]:
    """The log entry of an attempt that sent nothing."""
    return _log_entry(now, Outcome(None, reason, 0))


def _skip(delivery: WebhookDelivery, reason: str) -> None:
    """End a delivery that is due although nothing may be sent."""
    _close(delivery, skipped(reason, clock.now()), "failed", delivery.scheduled_attempts)


def _record(message: Message, delivery: WebhookDelivery, outcome: Outcome, started: int) -> None:
    """Record the attempt, and schedule the retry if there is to be one."""
    attempt, now = _log_entry(started, outcome), clock.now()
    if outcome.succeeded:
        _close(delivery, attempt, "succeeded", message.number)
        return
    wait = None if outcome.status == 410 else schedule.delay(message.number, outcome.retry_after, now)
    if wait is None:
        _close(delivery, attempt, "failed", message.number)
        return
    due = now + wait
    actions = [
        WebhookDelivery.scheduled_attempts.set(message.number),
        WebhookDelivery.next_attempt_at.set(clock.text(due)),
        WebhookDelivery.claimed_until.remove(),
    ]
    write = deliveries.record_attempt(delivery, attempt, actions, _is_claimed_by(delivery))
    if wait > queues.LONGEST_DELAY:
        _commit(attempt, write, queues.schedule_retry(_next(message), due))
    elif _commit(attempt, write):
        queues.send([_next(message)], delay=wait)


def _close(delivery: WebhookDelivery, attempt: dict[str, Any], status: str, number: int) -> None:
    actions = [
        WebhookDelivery.scheduled_attempts.set(number),
        WebhookDelivery.status.set(status),
        WebhookDelivery.claimed_until.remove(),
        WebhookDelivery.next_attempt_at.remove(),
    ]
    write = deliveries.record_attempt(delivery, attempt, actions, _is_claimed_by(delivery))
    if _commit(attempt, write) and status == "failed":
        metrics.count("WebhooksFailed")


def _is_claimed_by(delivery: WebhookDelivery) -> Condition:
    """Whether the worker that read this delivery when it claimed it still has the claim."""
    condition: Condition = (WebhookDelivery.claimed_until == delivery.claimed_until) & _IS_PENDING
    return condition


def _commit(attempt: dict[str, Any], *writes: Write) -> bool:
    """Record an attempt with what follows from it. Returns False if nothing follows from it.

    That is so when a redelivery succeeded meanwhile, or another worker has the claim. The attempt was made all the
    same, so the log gets it.
    """
    try:
        table.commit(*writes)
    except ConditionFailed as failure:
        if failure.item is None:
            return False
        if attempt in failure.item.attempts:
            return True  # the first request recorded it, and its response was lost
        _append(failure.item, attempt)
        return False
    return True


def _append(
    delivery: WebhookDelivery, attempt: dict[str, Any], actions: Sequence[Action] = ()
) -> WebhookDelivery | None:
    """The delivery with an attempt outside the schedule. Returns None if it is no longer kept."""
    while attempt not in delivery.attempts:  # otherwise the first request recorded it, and its response was lost
        unchanged = WebhookDelivery.attempts == delivery.attempts
        write = deliveries.record_attempt(delivery, attempt, actions, unchanged)
        try:
            appended: WebhookDelivery = table.write(write, returning="ALL_NEW")
        except ConditionFailed as failure:
            if failure.item is None:
                return None
            delivery = failure.item
        else:
            return appended
    return delivery


def redeliver(caller: Caller, delivery_id: str) -> dict[str, Any]:
    """Send a delivery again now, whatever its status, and return it.

    The attempt is outside the schedule. If it succeeds, the delivery has succeeded. Otherwise nothing but the log
    changes. Nothing is sent to an inactive endpoint, and the log says so.
    """
    delivery, endpoint = deliveries.find(caller, delivery_id)
    if endpoint.deleted_at is not None:
        raise ApiError("webhooks.not_found", "The endpoint of this delivery was deleted.")
    now = clock.now()
    if endpoint.is_active:
        outcome = _send(endpoint, delivery)
        if delivery.event != TEST_EVENT:
            health.record(endpoint, outcome, now, None)
    else:
        outcome = Outcome(None, INACTIVE, 0)
    actions: list[Action] = []
    if outcome.succeeded:
        actions = [WebhookDelivery.status.set("succeeded"), WebhookDelivery.next_attempt_at.remove()]
    recorded = _append(delivery, _log_entry(now, outcome), actions)
    if recorded is None:
        raise ApiError("webhooks.not_found")
    return deliveries.present(recorded)


def test(caller: Caller, endpoint_id: str) -> dict[str, Any]:
    """Deliver a test event once, now, and return the delivery. It does not affect the endpoint's health."""
    endpoint = endpoints.find(caller.account_id, endpoint_id)
    now = clock.now()
    payload = {
        "event": TEST_EVENT,
        "timestamp": clock.text(now),
        "data": {"message": "This is a test event from Keel. Your endpoint receives webhooks."},
    }
    delivery = deliveries.build(endpoint, ids.mint(now), payload, now)
    outcome = _send(endpoint, delivery)
    delivery.status = "succeeded" if outcome.succeeded else "failed"
    delivery.scheduled_attempts = 1
    delivery.attempts = [_log_entry(now, outcome)]
    table.write(table.put(delivery))
    return deliveries.present(delivery)
