"""Create, present, change and delete endpoints, and rotate their secrets.

A deleted endpoint is kept without its secrets for as long as its deliveries can be read.
"""

from collections.abc import Mapping, Sequence
from typing import Any, Final

from pynamodb.expressions.update import Action

from keel import clock, ids
from keel.api.authorizer import Caller
from keel.api.fields import is_blank
from keel.errors import ApiError
from keel.events.names import EVENTS
from keel.storage import table
from keel.storage.table import ConditionFailed
from keel.webhooks import signing, url_policy
from keel.webhooks.models import WebhookEndpoint, endpoint_key
from keel.webhooks.schemas import EndpointCreate, EndpointUpdate

KEPT: Final = 30 * clock.DAY  # how long deliveries can be read
OVERLAP: Final = clock.DAY  # how long both secrets sign after a rotation

_FORMER_SECRETS: Final = 9  # that sign at most, however many rotations there are within a day
_RESOLVE_SECONDS: Final = 3.0
_NOT_DELETED: Final = WebhookEndpoint.pk.exists() & WebhookEndpoint.deleted_at.does_not_exist()

View = dict[str, Any]


def of_account(account_id: str) -> list[WebhookEndpoint]:
    """All endpoints of an account, deleted ones too, oldest first."""
    items = table.iterate(endpoint_key(account_id, "").pk)
    return [endpoint for endpoint in items if isinstance(endpoint, WebhookEndpoint)]


def present(endpoint: WebhookEndpoint) -> View:
    """An endpoint as a client sees it."""
    return {
        "id": endpoint.id,
        "account_id": endpoint.account_id,
        "url": endpoint.url,
        "description": endpoint.description,
        "secret_prefix": endpoint.secret_prefix,
        "events": endpoint.events,
        "is_active": endpoint.is_active,
        "disabled_reason": endpoint.disabled_reason,
        "last_success_at": endpoint.last_success_at,
        "last_failure_at": endpoint.last_failure_at,
        "created_by": endpoint.created_by,
        "created_at": endpoint.created_at,
        "updated_at": endpoint.updated_at,
    }


def create(caller: Caller, body: EndpointCreate) -> View:
    """A new endpoint and its secret, as `{"endpoint", "secret"}`."""
    _check_url(body.url)
    now = clock.now()
    endpoint_id, secret = ids.mint(now), signing.new_secret()
    endpoint = WebhookEndpoint(
        *endpoint_key(caller.account_id, endpoint_id),
        url=body.url,
        description=body.description,
        events=_checked_events(body.events),
        is_active=True,
        disabled_reason="",
        secret=signing.encrypt(secret, caller.account_id, endpoint_id),
        secret_prefix=signing.prefix_of(secret),
        created_by=caller.user_id,
        created_at=clock.text(now),
        updated_at=clock.text(now),
        revision=1,
    )
    table.write(table.put(endpoint))
    return {"endpoint": present(endpoint), "secret": secret}


def list_(caller: Caller) -> View:
    endpoints = [endpoint for endpoint in of_account(caller.account_id) if endpoint.deleted_at is None]
    return {"items": [present(endpoint) for endpoint in endpoints], "next_cursor": ""}


def get(caller: Caller, endpoint_id: str) -> View:
    return present(find(caller.account_id, endpoint_id))


def find(account_id: str, endpoint_id: str, *, with_deleted: bool = False, field: str = "id") -> WebhookEndpoint:
    """The endpoint with this id. Raises `invalid_id` and `not_found`."""
    id_ = ids.parse(endpoint_id)
    if id_ is None:
        raise ApiError.for_field("webhooks.invalid_id", field)
    endpoint = table.get(WebhookEndpoint, endpoint_key(account_id, id_))
    if endpoint is None or (endpoint.deleted_at is not None and not with_deleted):
        raise ApiError("webhooks.not_found")
    return endpoint


def update(caller: Caller, body: EndpointUpdate) -> View:
    """Change the fields that the body contains. An update that changes nothing writes nothing."""
    while True:
        endpoint = find(caller.account_id, body.id)
        changes = _changes(endpoint, body)
        if not changes:
            return present(endpoint)
        # Earlier failures do not count against a new URL or an endpoint that was enabled again.
        removed = [WebhookEndpoint.failing_since.remove()] if {"url", "is_active"} & changes.keys() else []
        try:
            return present(_write(endpoint, changes | {"updated_at": clock.text(clock.now())}, removed))
        except ConditionFailed:
            continue  # another update, or the deletion, came first


def _changes(endpoint: WebhookEndpoint, body: EndpointUpdate) -> dict[str, Any]:
    """The attributes that an update changes. Checks them in the contract's order."""
    values: dict[str, Any] = {name: getattr(body, name) for name in body.model_fields_set - {"id"}}
    values |= {name: "" if name == "description" else [] for name in body.cleared & {"description", "events"}}
    if "url" in body.cleared:
        raise ApiError.for_field("webhooks.url_required", "url")
    if values.get("url", endpoint.url) != endpoint.url:
        _check_url(values["url"])
    if "events" in values:
        values["events"] = _checked_events(values["events"])
    if "is_active" in body.cleared:
        raise ApiError.for_field("webhooks.invalid_request", "is_active", "is_active must be true or false.")
    if values.get("is_active"):
        values["disabled_reason"] = ""
    return {name: value for name, value in values.items() if getattr(endpoint, name) != value}


def _write(endpoint: WebhookEndpoint, values: Mapping[str, Any], removed: Sequence[Action] = ()) -> WebhookEndpoint:
    """The endpoint after a change. Raises `ConditionFailed` if somebody else changed it since it was read."""
    actions = [getattr(WebhookEndpoint, name).set(value) for name, value in values.items()]
    actions += [WebhookEndpoint.revision.set(endpoint.revision + 1), *removed]
    unchanged = (WebhookEndpoint.revision == endpoint.revision) & WebhookEndpoint.deleted_at.does_not_exist()
    write = table.update(WebhookEndpoint, endpoint.key, actions, unchanged)
    written: WebhookEndpoint = table.write(write, returning="ALL_NEW")
    return written


def delete(caller: Caller, endpoint_id: str) -> View:
    """Delete an endpoint. Its pending deliveries fail when they are due, and its log can be read for 30 days."""
    endpoint = find(caller.account_id, endpoint_id)
    now = clock.now()
    actions = [
        WebhookEndpoint.deleted_at.set(clock.text(now)),
        WebhookEndpoint.is_active.set(False),
        WebhookEndpoint.ttl.set((now + KEPT + clock.DAY) // clock.SECOND),
        WebhookEndpoint.secret.remove(),
        WebhookEndpoint.former_secrets.remove(),
        WebhookEndpoint.failing_since.remove(),
    ]
    missing = table.raise_(ApiError("webhooks.not_found"))
    table.transact(table.update(WebhookEndpoint, endpoint.key, actions, _NOT_DELETED, on_failure=missing))
    return {"id": endpoint.id, "deleted": True}


def rotate(caller: Caller, endpoint_id: str) -> View:
    """The endpoint and its new secret, as `{"endpoint", "secret"}`. The old secret signs too for another day."""
    while True:
        endpoint = find(caller.account_id, endpoint_id)
        now, secret = clock.now(), signing.new_secret()
        former = [*signing.valid_former_secrets(endpoint, now), {"secret": endpoint.secret, "until": now + OVERLAP}]
        values = {
            "secret": signing.encrypt(secret, caller.account_id, endpoint.id),
            "secret_prefix": signing.prefix_of(secret),
            "former_secrets": former[-_FORMER_SECRETS:],
            "updated_at": clock.text(now),
        }
        try:
            return {"endpoint": present(_write(endpoint, values)), "secret": secret}
        except ConditionFailed as failure:
            # A request that botocore repeats because its response was lost finds its own change. Another rotation would
            # end the secret before.
            if failure.item is not None and failure.item.secret == values["secret"]:
                return {"endpoint": present(failure.item), "secret": secret}


def _check_url(url: str) -> None:
    if is_blank(url):
        raise ApiError.for_field("webhooks.url_required", "url")
    try:
        url_policy.check(url, seconds=_RESOLVE_SECONDS)
    except url_policy.RejectedUrl as rejected:
        raise ApiError.for_field("webhooks.invalid_url", "url", str(rejected)) from None


def _checked_events(events: list[str]) -> list[str]:
    """The events without repetitions. There must be at least one, and none that Keel does not have."""
    if not events:
        raise ApiError.for_field("webhooks.invalid_request", "events", "events must contain at least one event.")
    if unknown := [event for event in events if event not in EVENTS]:
        raise ApiError.for_field(
            "webhooks.invalid_request", "events", f"events contains an unknown event: {unknown[0]!r}."
        )
    return list(dict.fromkeys(events))
