"""Test OAuth apps and their secrets."""

from concurrent.futures import ThreadPoolExecutor

import pytest

from keel import clock, ids
from tests.harness.gateway import fresh_address

BY_ID = ["oauth-apps-get", "oauth-apps-update", "oauth-apps-rotate-secret", "oauth-apps-revoke", "oauth-apps-delete"]
OPERATIONS = ["oauth-apps-create", "oauth-apps-list", *BY_ID]


@pytest.fixture
def granted(call):
    """Asks for a token with an app's credentials."""

    def granted(credentials):
        return call("oauth-token", {"grant_type": "client_credentials"} | credentials, address=fresh_address())

    return granted


@pytest.mark.parametrize("operation", OPERATIONS)
def test_only_an_owner_may(call, owner, member, app, operation):
    ada = owner()
    assert (call(operation).status, call(operation).code) == (401, "auth.required")
    for token in (member(ada).token, app(ada)["token"]):
        answer = call(operation, token=token, raw="not even JSON")
        assert (answer.status, answer.code) == (403, "auth.forbidden")


@pytest.mark.parametrize("operation", BY_ID)
def test_an_app_is_named_by_an_id_of_the_account(call, owner, app, operation):
    ada, theirs = owner(), app(owner())["app"]["id"]
    cases = [
        ({}, 400, "oauth_apps.invalid_id"),
        ({"id": None}, 400, "oauth_apps.invalid_id"),
        ({"id": ""}, 400, "oauth_apps.invalid_id"),
        ({"id": "robot"}, 400, "oauth_apps.invalid_id"),
        ({"id": 7}, 400, "oauth_apps.invalid_request"),
        ({"id": theirs}, 404, "oauth_apps.not_found"),
        ({"id": ids.mint(clock.now()), "name": " "}, 404, "oauth_apps.not_found"),
    ]
    for body, status, code in cases:
        answer = call(operation, body, token=ada.token)
        assert (answer.status, answer.code) == (status, code), body


def test_an_app_is_made_with_a_secret_that_is_shown_once(call, owner):
    ada = owner()
    made = call(
        "oauth-apps-create", {"name": " Robot ", "client_id": "mine", "revoked_at": "now"}, token=ada.token
    ).result
    assert made.keys() == {"app", "client_secret"}
    app, secret = made["app"], made["client_secret"]
    assert app == {
        "id": ids.parse(app["id"]),
        "account_id": ada.account_id,
        "created_by": ada.user["id"],
        "name": " Robot ",
        "client_id": app["client_id"],
        "client_secret_prefix": app["client_secret_prefix"],
        "last_used_at": None,
        "revoked_at": None,
        "created_at": app["created_at"],
        "updated_at": app["created_at"],
    }
    assert app["client_id"].startswith("kl_ci_")
    assert secret.startswith("kl_cs_")
    assert secret.startswith(app["client_secret_prefix"])
    assert len(secret) - len(app["client_secret_prefix"]) > 32
    assert call("oauth-apps-get", {"id": app["id"].upper()}, token=ada.token).result == app
    assert secret not in str(call("oauth-apps-list", token=ada.token).body)


@pytest.mark.parametrize(
    ("name", "code"),
    [
        (None, "name_required"),
        ("", "name_required"),
        (" \n", "name_required"),
        (5, "invalid_request"),
        ("x" * 256, "invalid_request"),
    ],
)
def test_an_app_needs_a_name(call, owner, app, name, code):
    ada = owner()
    assert call("oauth-apps-create", {"name": name}, token=ada.token).code == f"oauth_apps.{code}"
    body = {"id": app(ada)["app"]["id"], "name": name}
    assert call("oauth-apps-update", body, token=ada.token).code == f"oauth_apps.{code}"


def test_apps_are_listed_whole_oldest_first(call, owner):
    ada, grace = owner(), owner()
    made = [call("oauth-apps-create", {"name": name}, token=ada.token).result["app"] for name in "cab"]
    assert call("oauth-apps-list", token=ada.token).result == {"items": made, "next_cursor": ""}
    assert call("oauth-apps-list", token=grace.token).result == {"items": [], "next_cursor": ""}


def test_an_app_is_renamed(call, owner, app):
    ada = owner()
    made = app(ada)["app"]
    before = call("oauth-apps-get", {"id": made["id"]}, token=ada.token).result
    for same in ({}, {"name": made["name"]}):
        assert call("oauth-apps-update", {"id": made["id"], **same}, token=ada.token).result == before
    renamed = call("oauth-apps-update", {"id": made["id"], "name": "Android", "client_id": "x"}, token=ada.token).result
    assert renamed == before | {"name": "Android", "updated_at": renamed["updated_at"]}
    assert renamed["updated_at"] > before["updated_at"]


def test_a_new_secret_ends_the_old_one_and_its_tokens(call, owner, app, granted):
    ada = owner()
    made = app(ada)
    assert call("contacts-list", token=made["token"]).status == 200
    rotated = call("oauth-apps-rotate-secret", {"id": made["app"]["id"]}, token=ada.token).result
    assert rotated["client_secret"] != made["client_secret"]
    assert rotated["app"]["client_id"] == made["app"]["client_id"]
    assert rotated["app"]["client_secret_prefix"] in rotated["client_secret"]
    assert call("contacts-list", token=made["token"]).code == "auth.invalid_token"
    assert granted(made["credentials"]).code == "oauth.invalid_client"
    fresh = granted(made["credentials"] | {"client_secret": rotated["client_secret"]}).result["access_token"]
    assert call("contacts-list", token=fresh).status == 200


def test_secrets_rotated_at_once_leave_one_that_works(call, owner, app, granted):
    ada = owner()
    made = app(ada)
    with ThreadPoolExecutor(4) as pool:
        body = {"id": made["app"]["id"]}
        answers = list(pool.map(lambda _: call("oauth-apps-rotate-secret", body, token=ada.token), range(4)))
    secrets = [answer.result["client_secret"] for answer in answers]
    codes = [granted(made["credentials"] | {"client_secret": secret}).code for secret in secrets]
    assert sorted(code or "" for code in codes) == [""] + ["oauth.invalid_client"] * 3


def test_a_revoked_app_is_kept_and_lets_nobody_in(call, owner, app, granted):
    ada = owner()
    made = app(ada)
    body = {"id": made["app"]["id"]}
    revoked = call("oauth-apps-revoke", body, token=ada.token).result
    assert revoked["revoked_at"] == revoked["updated_at"] > made["app"]["updated_at"]
    assert call("contacts-list", token=made["token"]).code == "auth.invalid_token"
    answer = granted(made["credentials"])
    assert (answer.status, answer.code) == (401, "oauth.invalid_client")
    assert call("oauth-apps-revoke", body, token=ada.token).result == revoked
    assert call("oauth-apps-rotate-secret", body, token=ada.token).code == "oauth_apps.invalid_request"
    assert call("oauth-apps-get", body, token=ada.token).result == revoked


def test_a_deleted_app_is_gone_with_its_tokens(call, owner, app, granted):
    ada = owner()
    made = app(ada)
    body = {"id": made["app"]["id"].upper()}
    deleted = call("oauth-apps-delete", body, token=ada.token).result
    assert deleted == {"id": made["app"]["id"], "deleted": True}
    assert call("oauth-apps-delete", body, token=ada.token).code == "oauth_apps.not_found"
    assert call("contacts-list", token=made["token"]).code == "auth.invalid_token"
    assert granted(made["credentials"]).code == "oauth.invalid_client"
    assert call("oauth-apps-list", token=ada.token).result["items"] == []


def test_an_app_goes_on_working_without_its_creator(call, owner, member, app, granted):
    ada = owner()
    grace = member(ada, role="owner")
    made = app(grace)
    body = {"user_id": grace.user["id"], "active": False}
    assert call("users-set-active", body, token=ada.token).status == 200
    contact = call("contacts-create", {"first_name": "Mary"}, token=made["token"]).result
    assert contact["created_by"] == grace.user["id"]
    assert granted(made["credentials"]).status == 200


def test_the_last_use_of_an_app_is_seen(call, owner, app, granted):
    ada = owner()
    made = app(ada)
    first = call("oauth-apps-get", {"id": made["app"]["id"]}, token=ada.token).result
    assert first["last_used_at"] > first["created_at"] == first["updated_at"]
    assert granted(made["credentials"] | {"client_secret": "wrong"}).code == "oauth.invalid_client"
    assert call("oauth-apps-get", {"id": made["app"]["id"]}, token=ada.token).result == first
    assert granted(made["credentials"]).status == 200
    assert call("oauth-apps-list", token=ada.token).result["items"][0]["last_used_at"] > first["last_used_at"]
