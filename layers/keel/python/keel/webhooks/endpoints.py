"""Which endpoints has an account? Created, read, changed, deleted, and their secrets rotated.

A deleted endpoint stays as a tombstone without its secrets for as long as its deliveries can be read.
`failing_since` is the first failure after the last success: what the five days are counted from.
"""

from typing import Any, Final

from keel import clock, ids
from keel.api.authorizer import Caller
from keel.api.fields import is_blank
from keel.errors import ApiError
from keel.events.names import EVENTS
from keel.storage import legacy_table as table
from keel.storage.legacy_table import ConditionFailed, Item, Key
from keel.webhooks import signing, targets
from keel.webhooks.schemas import EndpointCreate, EndpointUpdate

KIND: Final = "webhook_endpoint"
KEPT: Final = 30 * clock.DAY  # how long deliveries can be read
OVERLAP: Final = clock.DAY  # how long both secrets sign after a rotation

_FORMER_SECRETS: Final = 9  # that sign at most, however many rotations there are within a day
_RESOLVE_SECONDS: Final = 3.0
_UNCHANGED: Final = "#revision = :revision AND attribute_not_exists(#deleted_at)"

View = dict[str, Any]


def key(account_id: str, endpoint_id: str) -> Key:
    return Key(table.partition(account_id, KIND), endpoint_id)


def of_account(account_id: str) -> list[Item]:
    """All endpoints of an account, deleted ones too, oldest first."""
    return list(table.iterate(table.partition(account_id, KIND)))


def view(item: Item) -> View:
    """An endpoint as a client sees it."""
    return {
        "id": item["sk"],
        "account_id": item["pk"].partition("#")[0],
        "url": item["url"],
        "description": item["description"],
        "secret_prefix": item["secret_prefix"],
        "events": item["events"],
        "is_active": item["is_active"],
        "disabled_reason": item["disabled_reason"],
        "last_success_at": item.get("last_success_at"),
        "last_failure_at": item.get("last_failure_at"),
        "created_by": item["created_by"],
        "created_at": item["created_at"],
        "updated_at": item["updated_at"],
    }


def create(caller: Caller, body: EndpointCreate) -> View:
    """`{"endpoint", "secret"}`."""
    _check_url(body.url)
    now = clock.now()
    endpoint_id, secret = ids.mint(now), signing.mint()
    at = key(caller.account_id, endpoint_id)
    item: Item = {
        "pk": at.pk,
        "sk": at.sk,
        "kind": KIND,
        "url": body.url,
        "description": body.description,
        "events": _checked_events(body.events),
        "is_active": True,
        "disabled_reason": "",
        "secret": signing.encrypt(secret, caller.account_id, endpoint_id),
        "secret_prefix": signing.shown(secret),
        "created_by": caller.user_id,
        "created_at": clock.text(now),
        "updated_at": clock.text(now),
        "revision": 1,
    }
    table.apply(table.put(item))
    return {"endpoint": view(item), "secret": secret}


def list_(caller: Caller) -> View:
    kept = [item for item in of_account(caller.account_id) if "deleted_at" not in item]
    return {"items": [view(item) for item in kept], "next_cursor": ""}


def get(caller: Caller, endpoint_id: str) -> View:
    return view(find(caller.account_id, endpoint_id))


def find(account_id: str, endpoint_id: str, *, deleted_too: bool = False, field: str = "id") -> Item:
    """The endpoint's item; `invalid_id`, `not_found`."""
    id_ = ids.parse(endpoint_id)
    if id_ is None:
        raise ApiError.for_field("webhooks.invalid_id", field)
    item = table.get(key(account_id, id_))
    if item is None or ("deleted_at" in item and not deleted_too):
        raise ApiError("webhooks.not_found")
    return item


def update(caller: Caller, body: EndpointUpdate) -> View:
    """Change the fields that the body gives. A change of nothing writes nothing."""
    while True:
        item = find(caller.account_id, body.id)
        change = _change(item, body)
        if not change:
            return view(item)
        change["updated_at"] = clock.text(clock.now())
        try:
            return view(_write(item, change, ["failing_since"] if {"url", "is_active"} & change.keys() else []))
        except ConditionFailed:
            continue  # another update, or the deletion, came first


def _change(item: Item, body: EndpointUpdate) -> Item:
    """What an update changes; checked in the contract's order."""
    given: Item = {name: getattr(body, name) for name in body.model_fields_set - {"id"}}
    given |= {name: "" if name == "description" else [] for name in body.cleared & {"description", "events"}}
    if "url" in body.cleared:
        raise ApiError.for_field("webhooks.url_required", "url")
    if given.get("url", item["url"]) != item["url"]:
        _check_url(given["url"])
    if "events" in given:
        given["events"] = _checked_events(given["events"])
    if "is_active" in body.cleared:
        raise ApiError.for_field("webhooks.invalid_request", "is_active", "is_active must be true or false.")
    if given.get("is_active"):
        given["disabled_reason"] = ""
    return {name: value for name, value in given.items() if item[name] != value}


def _write(item: Item, change: Item, removed: list[str]) -> Item:
    """Set and remove attributes, if nobody else has since `item` was read; gives the new item."""
    names = [*change, "revision"]
    expression = "SET " + ", ".join(f"#{name} = :{'next_' if name == 'revision' else ''}{name}" for name in names)
    if removed:
        expression += " REMOVE " + ", ".join(f"#{name}" for name in removed)
    write = table.update(
        Key(item["pk"], item["sk"]),
        expression,
        _UNCHANGED,
        revision=item["revision"],
        next_revision=item["revision"] + 1,
        **change,
    )
    return table.apply(write, returning="ALL_NEW")


def delete(caller: Caller, endpoint_id: str) -> View:
    """Deliveries under way end as failed when they fall due; what there is to read stays for its 30 days."""
    item = find(caller.account_id, endpoint_id)
    now = clock.now()
    write = table.update(
        Key(item["pk"], item["sk"]),
        "SET #deleted_at = :deleted_at, #is_active = :false, #ttl = :ttl "
        "REMOVE #secret, #former_secrets, #failing_since",
        "attribute_exists(pk) AND attribute_not_exists(#deleted_at)",
        failed=table.raise_(ApiError("webhooks.not_found")),
        deleted_at=clock.text(now),
        false=False,
        ttl=(now + KEPT + clock.DAY) // 1_000,
    )
    table.transact(write)
    return {"id": item["sk"], "deleted": True}


def rotate(caller: Caller, endpoint_id: str) -> View:
    """`{"endpoint", "secret"}`; the secret so far signs beside the new one for a day, whatever comes after that."""
    while True:
        item = find(caller.account_id, endpoint_id)
        now, secret = clock.now(), signing.mint()
        former = [*signing.still_signing(item, now), {"secret": item["secret"], "until": now + OVERLAP}]
        change = {
            "secret": signing.encrypt(secret, caller.account_id, item["sk"]),
            "secret_prefix": signing.shown(secret),
            "former_secrets": former[-_FORMER_SECRETS:],
            "updated_at": clock.text(now),
        }
        try:
            return {"endpoint": view(_write(item, change, [])), "secret": secret}
        except ConditionFailed as refused:
            # Sent again because its answer was lost, the change meets itself: another one would end the secret so far.
            if refused.item is not None and refused.item.get("secret") == change["secret"]:
                return {"endpoint": view(refused.item), "secret": secret}


def _check_url(url: str) -> None:
    if is_blank(url):
        raise ApiError.for_field("webhooks.url_required", "url")
    try:
        targets.check(url, seconds=_RESOLVE_SECONDS)
    except targets.Refused as refusal:
        raise ApiError.for_field("webhooks.invalid_url", "url", str(refusal)) from None


def _checked_events(events: list[str]) -> list[str]:
    """The events, each once; at least one, and none that Keel does not have."""
    if not events:
        raise ApiError.for_field("webhooks.invalid_request", "events", "events must contain at least one event.")
    if unknown := [event for event in events if event not in EVENTS]:
        raise ApiError.for_field(
            "webhooks.invalid_request", "events", f"events contains an unknown event: {unknown[0]!r}."
        )
    return list(dict.fromkeys(events))
