"""Create a delivery of an event for each endpoint that is subscribed to it, and queue its first attempt.

An event that is received twice finds its deliveries. One that was stored but perhaps not queued is queued again: a
superfluous message does no harm, a missing one would lose the event.
"""

from typing import Any, Final

from keel import clock, metrics
from keel.events import publisher
from keel.storage import table
from keel.storage.table import ConditionFailed
from keel.webhooks import deliveries, endpoints, pacing, queues
from keel.webhooks.models import WebhookDelivery, WebhookEndpoint
from keel.webhooks.queues import DeliveryMessage

CACHE_LIFETIME: Final = 10 * clock.SECOND
CLOCK_SKEW: Final = 5 * clock.SECOND

_started: dict[str, tuple[int, int]] = {}  # by endpoint: a second, and how many deliveries were started in it
endpoint_cache: dict[str, tuple[int, list[WebhookEndpoint]]] = {}  # by account: its endpoints, and when they were read


def distribute(event: dict[str, Any]) -> None:
    """Start the deliveries of an event of the bus."""
    happened = clock.milliseconds(event["timestamp"])
    subscribed = [
        endpoint
        for endpoint in _endpoints(event["account_id"], happened)
        if event["event"] in endpoint.events and endpoint.deleted_at is None and _existed(endpoint, event)
    ]
    if not subscribed:
        return
    payload = {"event": event["event"], "timestamp": event["timestamp"], "data": publisher.data_of(event)}
    messages: dict[bool, list[DeliveryMessage]] = {False: [], True: []}  # by whether they go to the overflow queue
    for endpoint in subscribed:
        message = start(endpoint, deliveries.build(endpoint, event["id"], payload, happened))
        if message:
            # What an import changes is no burst of what people do, and leaves the delivery queue to it.
            messages[bool(event.get("bulk")) or _overflows(endpoint)].append(message)
    for overflow, batch in messages.items():
        queues.send(batch, overflow=overflow)


def _overflows(endpoint: WebhookEndpoint) -> bool:
    """Whether a delivery goes to the overflow queue from the start.

    It does if the endpoint is slow, or if this process alone has started more deliveries to it within this second than
    the endpoint's leases can serve.
    """
    now = clock.now()
    second, started = _started.get(endpoint.id, (0, 0))
    if len(_started) > 1_000:
        _started.clear()
    started = started + 1 if second == now // clock.SECOND else 1
    _started[endpoint.id] = now // clock.SECOND, started
    return started > pacing.rate(endpoint) or pacing.is_slow(endpoint, now)


def _existed(endpoint: WebhookEndpoint, event: dict[str, Any]) -> bool:
    """Whether the endpoint existed when the event happened. It does not receive earlier events."""
    # The time of a deletion is known to the second only.
    tolerance = clock.SECOND if event["event"].endswith(".deleted") else 0
    return clock.milliseconds(endpoint.created_at) <= clock.milliseconds(event["timestamp"]) + tolerance


def _endpoints(account_id: str, happened: int) -> list[WebhookEndpoint]:
    """The account's endpoints, from memory if they were read well after the event happened.

    That makes a burst of one account cheap, and misses no endpoint that existed before the event.
    """
    now = clock.now()
    read_at, cached = endpoint_cache.get(account_id, (0, []))
    if read_at < max(happened + CLOCK_SKEW, now - CACHE_LIFETIME):
        if len(endpoint_cache) > 1_000:
            endpoint_cache.clear()
        cached = endpoints.of_account(account_id)
        endpoint_cache[account_id] = now, cached
    return cached


def start(endpoint: WebhookEndpoint, delivery: WebhookDelivery) -> DeliveryMessage | None:
    """Store a delivery. Returns the message of its first attempt, None if there is to be none."""
    if endpoint.is_active:
        delivery.next_attempt_at = delivery.created_at
    else:
        delivery.status = "failed"
        delivery.attempts = [deliveries.unsent_entry(deliveries.INACTIVE, clock.now())]
    try:
        table.write(table.put(delivery, WebhookDelivery.pk.does_not_exist()))
        if delivery.status == "pending":
            metrics.count("UnattemptedDeliveries")
    except ConditionFailed as failure:
        delivery = failure.item or delivery
    if delivery.status != "pending" or delivery.scheduled_attempts:
        return None
    return DeliveryMessage(delivery.account_id, delivery.endpoint_id, delivery.id, number=1)
