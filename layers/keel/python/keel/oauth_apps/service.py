"""Create, present, change, revoke and delete OAuth apps, and rotate their secrets."""

from collections.abc import Sequence
from typing import Any, Final

from pynamodb.expressions.condition import Condition
from pynamodb.expressions.update import Action

from keel import clock, ids
from keel.api import access_tokens
from keel.api.authorizer import Caller
from keel.api.fields import is_blank
from keel.api.principals import OAuthApp, app_key
from keel.errors import ApiError
from keel.oauth_apps.schemas import AppCreate, AppUpdate
from keel.records.schemas import ById
from keel.storage import table
from keel.storage.models import Key
from keel.storage.table import ConditionFailed

CLIENT_PREFIX: Final = "kl_ci_"
SECRET_PREFIX: Final = "kl_cs_"  # noqa: S105 - the prefix of every secret, not a secret
_SHOWN: Final = len(SECRET_PREFIX) + 6  # enough to tell secrets apart, and 220 bits short of using one
_EXISTS: Final = OAuthApp.pk.exists()
_UNREVOKED: Final = _EXISTS & OAuthApp.revoked_at.does_not_exist()


def create(caller: Caller, body: AppCreate) -> dict[str, Any]:
    """A new app and its secret, which is never shown again. Raises `oauth_apps.name_required`."""
    _check_name(body.name)
    now = clock.now()
    created = clock.text(now)
    secret = access_tokens.random_secret(SECRET_PREFIX)
    app = OAuthApp(
        *app_key(caller.account_id, ids.mint(now)),
        name=body.name,
        token_version=1,
        secret_digest=access_tokens.digest(secret),
        client_secret_prefix=secret[:_SHOWN],
        created_by=caller.user_id,
        created_at=created,
        updated_at=created,
    )
    table.write(table.put(app))
    return {"app": present(app), "client_secret": secret}


def list_(caller: Caller) -> dict[str, Any]:
    apps = table.iterate(table.partition(caller.account_id, "oauth_app"))
    return {"items": [present(app) for app in apps if isinstance(app, OAuthApp)], "next_cursor": ""}


def get(caller: Caller, body: ById) -> dict[str, Any]:
    return present(_existing(table.get(OAuthApp, _key(caller, body.id))))


def update(caller: Caller, body: AppUpdate) -> dict[str, Any]:
    """Rename an app. Raises `invalid_id`, `not_found` and `name_required`."""
    key = _key(caller, body.id)
    app = _existing(table.get(OAuthApp, key))
    if "name" in body.cleared or "name" in body.model_fields_set:
        _check_name(body.name)
        if body.name != app.name:
            app = _change(key, [OAuthApp.name.set(body.name)], _EXISTS)
    return present(app)


def rotate_secret(caller: Caller, body: ById) -> dict[str, Any]:
    """Give an app a new secret. The old one and the tokens issued with it stop working immediately."""
    secret = access_tokens.random_secret(SECRET_PREFIX)
    actions = [
        OAuthApp.secret_digest.set(access_tokens.digest(secret)),
        OAuthApp.client_secret_prefix.set(secret[:_SHOWN]),
        OAuthApp.token_version.set(OAuthApp.token_version + 1),
    ]
    try:
        app = _change(_key(caller, body.id), actions, _UNREVOKED)
    except ConditionFailed:
        raise ApiError.for_field("oauth_apps.invalid_request", "id", "This app is revoked. Create a new app.") from None
    return {"app": present(app), "client_secret": secret}


def revoke(caller: Caller, body: ById) -> dict[str, Any]:
    """End an app and its tokens immediately, and keep it in the list. Revoking it again changes nothing."""
    try:
        app = _change(_key(caller, body.id), [OAuthApp.revoked_at.set(clock.text(clock.now()))], _UNREVOKED)
    except ConditionFailed as revoked:
        app = _existing(revoked.item)
    return present(app)


def delete(caller: Caller, body: ById) -> dict[str, Any]:
    key = _key(caller, body.id)
    missing = table.raise_(ApiError("oauth_apps.not_found"))
    table.transact(table.delete(OAuthApp, key, _EXISTS, on_failure=missing))
    return {"id": key.sk, "deleted": True}


def present(app: OAuthApp) -> dict[str, Any]:
    """An app as a client sees it."""
    return {
        "id": app.sk,
        "account_id": app.account_id,
        "created_by": app.created_by,
        "name": app.name,
        "client_id": access_tokens.with_ids(CLIENT_PREFIX, app.account_id, app.sk, secret=False),
        "client_secret_prefix": app.client_secret_prefix,
        "last_used_at": app.last_used_at,
        "revoked_at": app.revoked_at,
        "created_at": app.created_at,
        "updated_at": app.updated_at,
    }


def _change(key: Key, actions: Sequence[Action], condition: Condition) -> OAuthApp:
    """The app after a change. Raises `not_found`, and `ConditionFailed` for an app that exists."""

    def failure(app: OAuthApp | None) -> Exception:
        return ApiError("oauth_apps.not_found") if app is None else ConditionFailed(app)

    updated = OAuthApp.updated_at.set(clock.text(clock.now()))
    write = table.update(OAuthApp, key, [*actions, updated], condition, on_failure=failure)
    app: OAuthApp = table.write(write, returning="ALL_NEW")
    return app


def _check_name(name: str) -> None:
    if is_blank(name):
        raise ApiError.for_field("oauth_apps.name_required", "name")


def _key(caller: Caller, app_id: str) -> Key:
    parsed = ids.parse(app_id)
    if parsed is None:
        raise ApiError.for_field("oauth_apps.invalid_id", "id")
    return app_key(caller.account_id, parsed)


def _existing(app: OAuthApp | None) -> OAuthApp:
    if app is None:
        raise ApiError("oauth_apps.not_found")
    return app
