"""Limit the deliveries in progress per endpoint: leases in the delivery queue, pacing in the overflow queue.

A worker of the delivery queue needs one of the endpoint's leases, so an endpoint occupies no more workers than it has
leases, whatever it does. The rest of its backlog, and all of it while the endpoint is slow, goes to the overflow queue,
where deliveries to a slow endpoint are spaced so that few of them are in progress at once. So neither a slow endpoint
nor the backlog of a fast one delays the first attempts of others.
"""

import random
from typing import Final

from keel import clock
from keel.settings import WorkerSettings, load_settings
from keel.storage import table
from keel.storage.table import ConditionFailed
from keel.webhooks.models import WebhookEndpoint, endpoint_key

LEASES: Final = (WebhookEndpoint.lease_0, WebhookEndpoint.lease_1, WebhookEndpoint.lease_2)
LEASE: Final = 30 * clock.SECOND
SLOW: Final = 2 * clock.SECOND  # a response that takes this long makes the endpoint slow
SLOW_FOR: Final = clock.MINUTE  # after the last slow response
STUCK: Final = clock.SECOND  # all leases taken for this long make the endpoint slow, too
IS_ACTIVE: Final = WebhookEndpoint.is_active == True  # noqa: E712 - an expression

_OVERHEAD: Final = 200  # milliseconds for which a lease is held beside the response time
_ASSUMED_DURATION: Final = 100  # milliseconds, for an endpoint that has never responded
_TRIES: Final = 3


def acquire(account_id: str, endpoint_id: str, now: int) -> tuple[WebhookEndpoint | None, int | None]:
    """The endpoint, None if there is none, and the number of the lease acquired, None if there is none to have."""
    pick = random.SystemRandom()
    lease = pick.randrange(len(LEASES))
    endpoint: WebhookEndpoint | None = None
    for _ in range(_TRIES):
        slow_until, expires = WebhookEndpoint.slow_until, LEASES[lease]
        not_slow = slow_until.does_not_exist() | (slow_until < now)
        is_free = expires.does_not_exist() | (expires < now)
        condition = WebhookEndpoint.pk.exists() & IS_ACTIVE & not_slow & is_free
        key = endpoint_key(account_id, endpoint_id)
        write = table.update(WebhookEndpoint, key, [expires.set(now + LEASE)], condition)
        try:
            return table.write(write, returning="ALL_NEW"), lease
        except ConditionFailed as failure:
            endpoint = failure.item
        if endpoint is None or not endpoint.is_active or (endpoint.slow_until or 0) >= now:
            break
        free = [number for number, until in enumerate(endpoint.leases) if until < now]
        if not free:
            break
        lease = pick.choice(free)
    return endpoint, None


def release(endpoint: WebhookEndpoint, lease: int) -> None:
    table.write(table.update(WebhookEndpoint, endpoint.key, [LEASES[lease].remove()]))


def is_slow(endpoint: WebhookEndpoint, now: int) -> bool:
    """Whether it responded slowly of late, or does not respond now: all of its leases have been taken for long."""
    if (endpoint.slow_until or 0) >= now:
        return True
    return all(now <= until < now + LEASE - STUCK for until in endpoint.leases)


def has_responded(endpoint: WebhookEndpoint) -> bool:
    """Whether an attempt has shown how long the endpoint takes to respond."""
    return endpoint.last_duration is not None


def rate(endpoint: WebhookEndpoint) -> int:
    """How many deliveries a second its leases can serve at its last response time."""
    duration = _ASSUMED_DURATION if endpoint.last_duration is None else endpoint.last_duration
    return len(LEASES) * clock.SECOND // (duration + _OVERHEAD)


def reserve(endpoint: WebhookEndpoint, now: int) -> int:
    """Milliseconds until a slow endpoint may be sent one more delivery. That time is now reserved for it.

    Each delivery in progress can occupy a worker of the overflow queue, so there are fewer of them than workers.
    """
    in_progress = load_settings(WorkerSettings).workers * 3 // 5
    duration = 5 * SLOW if endpoint.slow_duration is None else endpoint.slow_duration
    interval = duration // in_progress
    next_send_at = WebhookEndpoint.next_send_at
    none_waits = WebhookEndpoint.pk.exists() & (next_send_at.does_not_exist() | (next_send_at < now))
    after_others = table.update(
        WebhookEndpoint, endpoint.key, [next_send_at.set(next_send_at + interval)], next_send_at >= now
    )
    immediately = table.update(WebhookEndpoint, endpoint.key, [next_send_at.set(now + interval)], none_waits)
    for write in (after_others, immediately, after_others):  # of two that find nobody waiting, one now waits
        try:
            written: WebhookEndpoint = table.write(write, returning="ALL_NEW")
        except ConditionFailed:
            continue
        return (written.next_send_at or 0) - interval - now
    return 0
