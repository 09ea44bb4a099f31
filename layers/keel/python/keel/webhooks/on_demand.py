"""Send a delivery again, or a test event, when a client asks for it."""

from typing import Any

from pynamodb.expressions.update import Action

from keel import clock, ids
from keel.api.authorizer import Caller
from keel.errors import ApiError
from keel.storage import table
from keel.webhooks import attempts, deliveries, endpoints, health
from keel.webhooks.models import WebhookDelivery
from keel.webhooks.schemas import TEST_EVENT
from keel.webhooks.sender import Outcome


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
        outcome = attempts.send(endpoint, delivery)
        if delivery.event != TEST_EVENT:
            health.record(endpoint, outcome, now, None)
    else:
        outcome = Outcome(None, deliveries.INACTIVE, 0)
    actions: list[Action] = []
    if outcome.succeeded:
        actions = [WebhookDelivery.status.set("succeeded"), WebhookDelivery.next_attempt_at.remove()]
    recorded = attempts.append(delivery, attempts.log_entry(now, outcome), actions)
    if recorded is None:
        raise ApiError("webhooks.not_found")
    return deliveries.present(recorded)


def send_test(caller: Caller, endpoint_id: str) -> dict[str, Any]:
    """Deliver a test event once, now, and return the delivery. It does not affect the endpoint's health."""
    endpoint = endpoints.find(caller.account_id, endpoint_id)
    now = clock.now()
    payload = {
        "event": TEST_EVENT,
        "timestamp": clock.text(now),
        "data": {"message": "This is a test event from Keel. Your endpoint receives webhooks."},
    }
    delivery = deliveries.build(endpoint, ids.mint(now), payload, now)
    outcome = attempts.send(endpoint, delivery)
    delivery.status = "succeeded" if outcome.succeeded else "failed"
    delivery.scheduled_attempts = 1
    delivery.attempts = [attempts.log_entry(now, outcome)]
    table.write(table.put(delivery))
    return deliveries.present(delivery)
