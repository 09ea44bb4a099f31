"""Recognize slow endpoints, and space the deliveries to them."""

from typing import Final

from keel import clock
from keel.settings import WorkerSettings, load_settings
from keel.storage import table
from keel.storage.table import ConditionFailed
from keel.webhooks import leases
from keel.webhooks.models import WebhookEndpoint

SLOW: Final = 2 * clock.SECOND  # a response that takes this long makes the endpoint slow
SLOW_FOR: Final = clock.MINUTE  # after the last slow response
STUCK: Final = clock.SECOND  # an endpoint is slow, too, while all of its leases have been taken for this long

_OVERHEAD: Final = 200  # milliseconds for which a lease is held in addition to the response time
_ASSUMED_DURATION: Final = 100  # milliseconds, for an endpoint that has never responded


def is_slow(endpoint: WebhookEndpoint, now: int) -> bool:
    """Whether the endpoint responded slowly of late, or does not respond at the moment."""
    if (endpoint.slow_until or 0) >= now:
        return True
    return all(now <= until < now + leases.LIFETIME - STUCK for until in endpoint.leases)


def has_responded(endpoint: WebhookEndpoint) -> bool:
    """Whether an attempt has shown how long the endpoint takes to respond."""
    return endpoint.last_duration is not None


def rate(endpoint: WebhookEndpoint) -> int:
    """How many deliveries a second the endpoint's leases can serve at its last response time."""
    duration = _ASSUMED_DURATION if endpoint.last_duration is None else endpoint.last_duration
    return len(leases.LEASES) * clock.SECOND // (duration + _OVERHEAD)


def reserve(endpoint: WebhookEndpoint, now: int) -> int:
    """Reserve the next time at which a slow endpoint may be sent a delivery. Returns the milliseconds until then.

    Each delivery in progress can occupy a worker of the overflow queue, so there are fewer of them than workers.
    """
    in_progress = load_settings(WorkerSettings).workers * 3 // 5
    duration = 5 * SLOW if endpoint.slow_duration is None else endpoint.slow_duration
    interval = duration // in_progress
    next_send_at = WebhookEndpoint.next_send_at
    after_others = table.update(
        WebhookEndpoint, endpoint.key, [next_send_at.set(next_send_at + interval)], next_send_at >= now
    )
    none_waits = WebhookEndpoint.pk.exists() & (next_send_at.does_not_exist() | (next_send_at < now))
    immediately = table.update(WebhookEndpoint, endpoint.key, [next_send_at.set(now + interval)], none_waits)
    for write in (after_others, immediately, after_others):  # of two workers that find none waiting, one is now after
        try:
            reserved: WebhookEndpoint = table.write(write, returning="ALL_NEW")
        except ConditionFailed:
            continue
        return (reserved.next_send_at or 0) - interval - now
    return 0
