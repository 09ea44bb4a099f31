"""Which programs work with an account? OAuth apps, their secrets, and the end of either."""

from typing import Any, Final

from keel import clock, ids
from keel.api import access_tokens
from keel.api.authorizer import Caller
from keel.api.fields import is_blank
from keel.api.principals import app_key
from keel.errors import ApiError
from keel.oauth_apps.schemas import AppCreate, AppUpdate
from keel.records.schemas import ById
from keel.storage import legacy_table as table
from keel.storage.legacy_table import ConditionFailed, Item, Key

CLIENT_PREFIX: Final = "kl_ci_"
SECRET_PREFIX: Final = "kl_cs_"  # noqa: S105 - what it begins with, not the secret
_SHOWN: Final = len(SECRET_PREFIX) + 6  # enough to tell secrets apart, and 220 bits short of using one


def create(caller: Caller, body: AppCreate) -> dict[str, Any]:
    """A new app and its secret, which is never shown again; `name_required`."""
    _check_name(body.name)
    now = clock.now()
    key = app_key(caller.account_id, ids.mint(now))
    secret = access_tokens.random_secret(SECRET_PREFIX)
    app = {
        "pk": key.pk,
        "sk": key.sk,
        "kind": "oauth_app",
        "name": body.name,
        "epoch": 1,
        **_stored(secret),
        "created_by": caller.user_id,
        "created_at": clock.text(now),
        "updated_at": clock.text(now),
    }
    table.apply(table.put(app))
    return {"app": view(app), "client_secret": secret}


def list_(caller: Caller) -> dict[str, Any]:
    apps = table.iterate(table.partition(caller.account_id, "oauth_app"))
    return {"items": [view(app) for app in apps], "next_cursor": ""}


def get(caller: Caller, body: ById) -> dict[str, Any]:
    return view(_found(table.get(_key(caller, body.id))))


def update(caller: Caller, body: AppUpdate) -> dict[str, Any]:
    """Rename an app; `invalid_id`, `not_found`, `name_required`."""
    key = _key(caller, body.id)
    app = _found(table.get(key))
    if "name" in body.cleared or "name" in body.model_fields_set:
        _check_name(body.name)
        if body.name != app["name"]:
            change, now = "SET #name = :name, #updated_at = :now", clock.text(clock.now())
            app = _change(key, change, "attribute_exists(pk)", name=body.name, now=now)
    return view(app)


def rotate_secret(caller: Caller, body: ById) -> dict[str, Any]:
    """Give an app a new secret; the old one and the tokens issued for it end at once."""
    key = _key(caller, body.id)
    secret = access_tokens.random_secret(SECRET_PREFIX)
    change = (
        "SET #secret_digest = :secret_digest, #client_secret_prefix = :client_secret_prefix,"
        " #epoch = #epoch + :one, #updated_at = :now"
    )
    try:
        app = _change(key, change, _UNREVOKED, one=1, now=clock.text(clock.now()), **_stored(secret))
    except ConditionFailed:
        raise ApiError.for_field("oauth_apps.invalid_request", "id", "The app has been revoked.") from None
    return {"app": view(app), "client_secret": secret}


def revoke(caller: Caller, body: ById) -> dict[str, Any]:
    """End an app and its tokens at once, and keep it to look at; doing so again changes nothing."""
    change = "SET #revoked_at = :now, #updated_at = :now"
    try:
        app = _change(_key(caller, body.id), change, _UNREVOKED, now=clock.text(clock.now()))
    except ConditionFailed as revoked:
        app = _found(revoked.item)
    return view(app)


def delete(caller: Caller, body: ById) -> dict[str, Any]:
    key = _key(caller, body.id)
    table.transact(table.delete(key, "attribute_exists(pk)", failed=table.raise_(ApiError("oauth_apps.not_found"))))
    return {"id": key.sk, "deleted": True}


def view(app: Item) -> dict[str, Any]:
    """An app as a client sees it."""
    account_id = app["pk"].partition("#")[0]
    return {
        "id": app["sk"],
        "account_id": account_id,
        "created_by": app["created_by"],
        "name": app["name"],
        "client_id": access_tokens.with_ids(CLIENT_PREFIX, account_id, app["sk"], secret=False),
        "client_secret_prefix": app["client_secret_prefix"],
        "last_used_at": app.get("last_used_at"),
        "revoked_at": app.get("revoked_at"),
        "created_at": app["created_at"],
        "updated_at": app["updated_at"],
    }


_UNREVOKED: Final = "attribute_exists(pk) AND attribute_not_exists(#revoked_at)"


def _change(key: Key, change: str, condition: str, **values: Any) -> Item:
    """The app after a change; `not_found`, `ConditionFailed` when it exists but the condition does not hold."""
    failed = _missing_or_refused
    return table.apply(table.update(key, change, condition, failed=failed, **values), returning="ALL_NEW")


def _missing_or_refused(app: Item | None) -> Exception:
    return ApiError("oauth_apps.not_found") if app is None else ConditionFailed(app)


def _stored(secret: str) -> dict[str, str]:
    return {"secret_digest": access_tokens.digest(secret), "client_secret_prefix": secret[:_SHOWN]}


def _check_name(name: str) -> None:
    if is_blank(name):
        raise ApiError.for_field("oauth_apps.name_required", "name")


def _key(caller: Caller, given: str) -> Key:
    app_id = ids.parse(given)
    if app_id is None:
        raise ApiError.for_field("oauth_apps.invalid_id", "id")
    return app_key(caller.account_id, app_id)


def _found(app: Item | None) -> Item:
    if app is None:
        raise ApiError("oauth_apps.not_found")
    return app
