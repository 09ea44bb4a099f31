"""Track endpoint health: record the outcome of each attempt, and disable endpoints that keep failing.

What an attempt changes moves neither `updated_at` nor `revision`, since nobody changed the endpoint. Disabling does.

An endpoint that begins to fail is first recorded in an index by time, and then in the endpoint itself. A superfluous
marker costs the job one read. A missing one would leave an endpoint enabled.
"""

from collections.abc import Sequence
from typing import Final

from pynamodb.expressions.condition import Condition
from pynamodb.expressions.update import Action

from keel import clock
from keel.storage import table
from keel.storage.models import Key
from keel.storage.table import ConditionFailed
from keel.webhooks import leases, pacing
from keel.webhooks.models import FAILING, IS_ACTIVE, FailingMarker, WebhookEndpoint, failing_key
from keel.webhooks.sender import Outcome

PATIENCE: Final = 5 * clock.DAY
GONE_REASON: Final = "The endpoint returned 410 Gone."
FAILING_REASON: Final = "No delivery succeeded for 5 days."

_EXISTS: Final = WebhookEndpoint.pk.exists()


def record(endpoint: WebhookEndpoint, outcome: Outcome, now: int, lease: int | None) -> None:
    """Record how an attempt ended, and release its lease."""
    if outcome.succeeded:
        _record_success(endpoint, outcome, now, lease)
        return
    since = endpoint.failing_since
    _record_failure(endpoint, outcome, now, lease)
    if outcome.status == 410:
        disable(endpoint, GONE_REASON)
    elif since is not None and _is_too_long(since, now):
        disable(endpoint, FAILING_REASON, since=since)


def _record_success(endpoint: WebhookEndpoint, outcome: Outcome, now: int, lease: int | None) -> None:
    actions = [WebhookEndpoint.last_success_at.set(clock.text(now)), WebhookEndpoint.failing_since.remove()]
    _update(endpoint, actions, outcome, now, lease)
    if since := endpoint.failing_since:
        table.batch_write(deletes=[failing_key(since, endpoint.key)])


def _record_failure(endpoint: WebhookEndpoint, outcome: Outcome, now: int, lease: int | None) -> None:
    at = clock.text(now)
    failed = WebhookEndpoint.last_failure_at.set(at)
    if since := endpoint.failing_since:
        try:
            _update(endpoint, [failed], outcome, now, lease, WebhookEndpoint.failing_since == since)
        except ConditionFailed:
            pass  # a delivery succeeded meanwhile, so the endpoint begins to fail again
        else:
            return
    marker = FailingMarker(*failing_key(at, endpoint.key), endpoint_pk=endpoint.pk, endpoint_sk=endpoint.sk)
    table.write(table.put(marker))
    began = WebhookEndpoint.failing_since.set(WebhookEndpoint.failing_since | at)
    _update(endpoint, [failed, began], outcome, now, lease)


def _update(
    endpoint: WebhookEndpoint,
    actions: Sequence[Action],
    outcome: Outcome,
    now: int,
    lease: int | None,
    condition: Condition = _EXISTS,
) -> None:
    actions = [*actions, WebhookEndpoint.last_duration.set(outcome.milliseconds)]
    if outcome.milliseconds >= pacing.SLOW:
        actions.append(WebhookEndpoint.slow_until.set(now + outcome.milliseconds + pacing.SLOW_FOR))
        actions.append(WebhookEndpoint.slow_duration.set(outcome.milliseconds))
    if lease is not None:
        actions.append(leases.LEASES[lease].remove())
    table.write(table.update(WebhookEndpoint, endpoint.key, actions, condition))


def _is_too_long(since: str, now: int) -> bool:
    return clock.milliseconds(since) <= now - PATIENCE


def disable(endpoint: WebhookEndpoint, reason: str, *, since: str | None = None) -> bool:
    """Disable an endpoint, unless somebody changed it meanwhile. Returns whether it was disabled.

    With `since`, it must still have been failing since then.
    """
    condition = IS_ACTIVE & (WebhookEndpoint.url == endpoint.url) & WebhookEndpoint.deleted_at.does_not_exist()
    if since:
        condition &= WebhookEndpoint.failing_since == since
    actions = [
        WebhookEndpoint.is_active.set(False),
        WebhookEndpoint.disabled_reason.set(reason),
        WebhookEndpoint.updated_at.set(clock.text(clock.now())),
        WebhookEndpoint.revision.set(WebhookEndpoint.revision + 1),
        WebhookEndpoint.failing_since.remove(),
    ]
    try:
        table.write(table.update(WebhookEndpoint, endpoint.key, actions, condition))
    except ConditionFailed:
        return False
    return True


def disable_failing(now: int) -> int:
    """Disable the endpoints that have been failing for too long. Returns their number. May run twice at once."""
    disabled = 0
    more = True
    while more:
        page = table.query(FAILING, before=clock.text(now - PATIENCE))
        for marker in page.items:
            if isinstance(marker, FailingMarker):
                disabled += _disable_if_failing(Key(marker.endpoint_pk, marker.endpoint_sk), now)
        table.batch_write(deletes=[marker.key for marker in page.items])
        more = page.more
    return disabled


def _disable_if_failing(key: Key, now: int) -> bool:
    endpoint = table.get(WebhookEndpoint, key)
    since = endpoint.failing_since if endpoint else None
    return bool(endpoint and since and _is_too_long(since, now) and disable(endpoint, FAILING_REASON, since=since))
