"""Make the attempts of deliveries: claim, sign, send, record, and schedule the retry.

An attempt is claimed before it is sent, for about as long as it can take. Another worker that receives the same message
meanwhile leaves it in the queue, and finds the attempt made when it comes back. The claim of a worker that dies between
sending and recording expires. The attempt is then made again, under the same id.
"""

from collections.abc import Sequence
from typing import Any, Final

from pynamodb.expressions.condition import Condition
from pynamodb.expressions.update import Action

from keel import clock, metrics
from keel.storage import table
from keel.storage.table import ConditionFailed, Write
from keel.webhooks import (
    admission,
    deliveries,
    health,
    leases,
    queues,
    retry_schedule,
    sender,
    signing,
)
from keel.webhooks.admission import Admit, Deferred
from keel.webhooks.models import WebhookDelivery, WebhookEndpoint, delivery_key
from keel.webhooks.queues import DeliveryMessage
from keel.webhooks.sender import Outcome

CLAIM: Final = 30 * clock.SECOND
_IS_PENDING: Final = WebhookDelivery.status == "pending"


class Busy(Exception):
    """Another worker is making this attempt."""


def make(message: DeliveryMessage) -> None:
    """Make the attempt that a message of the delivery queue names, unless it has been made.

    Raises `Busy` while another worker makes it.
    """
    _make(message, admission.from_delivery_queue)


def make_overflowed(message: DeliveryMessage) -> None:
    """`make` for a message of the overflow queue."""
    _make(message, admission.from_overflow_queue)


def _make(message: DeliveryMessage, admit: Admit) -> None:
    now = clock.now()
    try:
        endpoint, lease = admit(message, now)
    except Deferred as deferred:
        queues.defer(deferred.message, deferred.delay)
        return
    try:
        delivery = _claim(message, now)
    except ConditionFailed as failure:
        if endpoint and lease is not None:
            leases.release(endpoint, lease)
        _resume(message, failure.item, now)
        return
    if message.number == 1 and delivery.claims == 1:
        metrics.count("UnattemptedDeliveries", -1)
    if endpoint is None or not endpoint.is_active:
        was_inactive = endpoint is not None and endpoint.deleted_at is None
        _skip(delivery, deliveries.INACTIVE if was_inactive else deliveries.DELETED)
        return
    outcome = send(endpoint, delivery)
    health.record(endpoint, outcome, now, lease)
    _record(message, delivery, outcome, now)


def _claim(message: DeliveryMessage, now: int) -> WebhookDelivery:
    """The delivery, claimed by this worker. Raises `ConditionFailed`."""
    claimed_until = WebhookDelivery.claimed_until
    is_next = _IS_PENDING & (WebhookDelivery.scheduled_attempts == message.number - 1)
    write = table.update(
        WebhookDelivery,
        delivery_key(message.account_id, message.endpoint_id, message.delivery_id),
        [claimed_until.set(now + CLAIM), WebhookDelivery.claims.add(1)],
        is_next & (claimed_until.does_not_exist() | (claimed_until < now)),
    )
    delivery: WebhookDelivery = table.write(write, returning="ALL_NEW")
    return delivery


def _resume(message: DeliveryMessage, delivery: WebhookDelivery | None, now: int) -> None:
    """For a message that was delivered again: the worker that made the attempt may have died before it queued the next.

    Raises `Busy` if the attempt has not been made.
    """
    if delivery is None or delivery.status != "pending":
        return
    if delivery.scheduled_attempts < message.number:
        raise Busy
    if delivery.scheduled_attempts > message.number or delivery.next_attempt_at is None:
        return
    if retry_schedule.STEPS[message.number - 1] <= queues.LONGEST_DELAY:
        queues.send([_next(message)], delay=clock.milliseconds(delivery.next_attempt_at) - now)


def _next(message: DeliveryMessage) -> DeliveryMessage:
    return DeliveryMessage(message.account_id, message.endpoint_id, message.delivery_id, message.number + 1)


def send(endpoint: WebhookEndpoint, delivery: WebhookDelivery) -> Outcome:
    """Sign and send a delivery now."""
    headers = signing.headers(endpoint, delivery.id, delivery.payload, clock.now())
    return sender.post(endpoint.url, delivery.payload.encode(), headers)


def log_entry(at: int, outcome: Outcome) -> dict[str, Any]:
    """The log entry of an attempt that was sent at this time."""
    return deliveries.log_entry(at, outcome.status, outcome.error, outcome.milliseconds)


def _skip(delivery: WebhookDelivery, reason: str) -> None:
    """End a delivery that is due although nothing may be sent."""
    _close(delivery, deliveries.unsent_entry(reason, clock.now()), "failed", delivery.scheduled_attempts)


def _record(message: DeliveryMessage, delivery: WebhookDelivery, outcome: Outcome, started: int) -> None:
    """Record the attempt, and schedule the retry if there is to be one."""
    attempt, now = log_entry(started, outcome), clock.now()
    if outcome.succeeded:
        _close(delivery, attempt, "succeeded", message.number)
        return
    wait = None if outcome.status == 410 else retry_schedule.delay(message.number, outcome.retry_after, now)
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
        metrics.count("FailedDeliveries")


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
        append(failure.item, attempt)
        return False
    return True


def append(
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
