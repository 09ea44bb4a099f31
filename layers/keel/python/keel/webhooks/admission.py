"""Decide whether a delivery may be attempted now, so that no endpoint delays the deliveries to others.

In the delivery queue, each attempt needs a lease. What gets none is deferred to the overflow queue: the backlog of an
endpoint, and all deliveries to a slow one. The overflow queue's workers admit everything, but space the deliveries to
slow endpoints so that few of them are in progress at once.
"""

from collections.abc import Callable
from dataclasses import replace
from typing import NamedTuple

from keel import clock
from keel.storage import table
from keel.webhooks import leases, pacing
from keel.webhooks.models import WebhookEndpoint, endpoint_key
from keel.webhooks.queues import DeliveryMessage


class Deferred(Exception):
    """The attempt must wait. The message goes to the overflow queue, with a delay in milliseconds."""

    def __init__(self, message: DeliveryMessage, delay: int = 0) -> None:
        self.message, self.delay = message, delay
        super().__init__("deferred")


class Admission(NamedTuple):
    """The endpoint of an admitted delivery, None if it no longer exists, and the lease that was acquired, if any."""

    endpoint: WebhookEndpoint | None
    lease: int | None = None


Admit = Callable[[DeliveryMessage, int], Admission]


def from_delivery_queue(message: DeliveryMessage, now: int) -> Admission:
    """Admit a delivery if it gets a lease. Raises `Deferred`.

    A delivery to an inactive or deleted endpoint needs none, since nothing will be sent.
    """
    endpoint, lease = leases.acquire(message.account_id, message.endpoint_id, now)
    if endpoint and endpoint.is_active and lease is None:
        raise Deferred(message)
    return Admission(endpoint, lease)


def from_overflow_queue(message: DeliveryMessage, now: int) -> Admission:
    """Admit a delivery, or have it wait for its time if the endpoint is slow. Raises `Deferred`.

    An endpoint that has never responded may be slow, so it keeps to its leases.
    """
    endpoint = table.get(WebhookEndpoint, endpoint_key(message.account_id, message.endpoint_id))
    if endpoint is None or not endpoint.is_active or message.paced:
        return Admission(endpoint)
    if pacing.is_slow(endpoint, now):
        wait = pacing.reserve(endpoint, now)
        if wait >= clock.SECOND:
            raise Deferred(replace(message, paced=True), wait)
        return Admission(endpoint)
    if pacing.has_responded(endpoint):
        return Admission(endpoint)
    try:
        return from_delivery_queue(message, now)
    except Deferred:
        raise Deferred(message, pacing.STUCK) from None
