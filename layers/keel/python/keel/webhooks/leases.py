"""Limit how many deliveries to an endpoint are in progress at once, by leases on the endpoint's item.

A worker of the delivery queue needs a lease, so an endpoint occupies no more workers than it has leases, whatever it
does. The lease of a worker that dies expires.
"""

import random
from typing import Final

from keel import clock
from keel.storage import table
from keel.storage.table import ConditionFailed
from keel.webhooks.models import IS_ACTIVE, WebhookEndpoint, endpoint_key

LEASES: Final = (WebhookEndpoint.lease_0, WebhookEndpoint.lease_1, WebhookEndpoint.lease_2)
LIFETIME: Final = 30 * clock.SECOND

_TRIES: Final = 3


def acquire(account_id: str, endpoint_id: str, now: int) -> tuple[WebhookEndpoint | None, int | None]:
    """The endpoint, None if there is none, and the number of the acquired lease, None if it can have none.

    A slow or inactive endpoint can have none.
    """
    pick = random.SystemRandom()
    lease = pick.randrange(len(LEASES))
    endpoint: WebhookEndpoint | None = None
    for _ in range(_TRIES):
        slow_until, expires = WebhookEndpoint.slow_until, LEASES[lease]
        is_not_slow = slow_until.does_not_exist() | (slow_until < now)
        is_free = expires.does_not_exist() | (expires < now)
        write = table.update(
            WebhookEndpoint,
            endpoint_key(account_id, endpoint_id),
            [expires.set(now + LIFETIME)],
            WebhookEndpoint.pk.exists() & IS_ACTIVE & is_not_slow & is_free,
        )
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
