"""Follow the README's first steps against the deployed system."""

import base64
import json
import uuid
from concurrent.futures import ThreadPoolExecutor
from urllib.parse import urlencode

import pytest

pytestmark = pytest.mark.e2e


def test_an_account_is_opened_used_and_left(call, owner):
    ada = owner(account_name="Analytical Engines")
    me = call("auth-me", token=ada.token).result
    assert (me["email"], me["role"], me["account_name"]) == (ada.user["email"], "owner", "Analytical Engines")

    entered = call("auth-login", {"email": ada.user["email"].upper(), "password": ada.password}).result
    assert entered["expires_in"] == 900
    renewed = call("auth-refresh-token", {"refresh_token": entered["refresh_token"]}).result
    assert call("auth-me", token=renewed["access_token"]).status == 200
    assert call("auth-refresh-token", {"refresh_token": entered["refresh_token"]}).code == "auth.invalid_token"
    assert call("auth-me", token=renewed["access_token"]).code == "auth.invalid_token"

    assert call("auth-logout", token=ada.token).result == {}
    assert call("auth-me", token=ada.token).code == "auth.invalid_token"
    assert call("auth-login", {"email": ada.user["email"], "password": "wrong"}).code == "auth.invalid_credentials"


def test_a_member_comes_by_the_mailed_invitation_and_a_password_is_reset_by_mail(call, owner, mailed_token):
    ada = owner()
    email = f"{uuid.uuid4().hex}@example.com"
    invited = call("users-invite", {"email": email, "name": "Grace"}, token=ada.token).result
    assert invited["must_change_password"] is True
    token = mailed_token(email)
    assert call("users-reset-password", {"token": token, "new_password": "chosen by Grace"}).result == {}
    grace = call("auth-login", {"email": email, "password": "chosen by Grace"}).result
    assert (
        call("users-invite", {"email": "x@example.com", "name": "X"}, token=grace["access_token"]).code
        == "auth.forbidden"
    )

    assert call("users-forgot-password", {"email": ada.user["email"]}).result == {}
    token = mailed_token(ada.user["email"])
    assert call("users-reset-password", {"token": token, "new_password": "another password"}).result == {}
    assert call("auth-me", token=ada.token).code == "auth.invalid_token"
    assert call("auth-login", {"email": ada.user["email"], "password": "another password"}).status == 200


def test_an_app_gets_a_token_in_each_form_and_uses_it(call, owner):
    ada = owner()
    made = call("oauth-apps-create", {"name": "Sync"}, token=ada.token).result
    client_id, secret = made["app"]["client_id"], made["client_secret"]
    grant = {"grant_type": "client_credentials", "client_id": client_id, "client_secret": secret}
    form = {"Content-Type": "application/x-www-form-urlencoded"}
    basic = {"Authorization": "Basic " + base64.b64encode(f"{client_id}:{secret}".encode()).decode()}
    tokens = [
        call("oauth-token", grant).result["access_token"],
        call("oauth-token", raw=urlencode(grant), headers=form).result["access_token"],
        call("oauth-token", raw="grant_type=client_credentials", headers=form | basic).result["access_token"],
    ]
    for token in tokens:
        assert call("contacts-list", token=token).status == 200
        assert call("users-list", token=token).code == "auth.forbidden"
    call("oauth-apps-revoke", {"id": made["app"]["id"]}, token=ada.token)
    assert {call("contacts-list", token=token).code for token in tokens} == {"auth.invalid_token"}


def test_contacts_are_kept_paged_found_changed_and_deleted(call, owner):
    ada = owner()
    names = [f"Contact {number}" for number in range(7)]
    made = [call("contacts-create", {"first_name": name, "tags": ["a"]}, token=ada.token).result for name in names]
    seen, cursor = [], ""
    while True:
        page = call("contacts-list", {"limit": 3, "cursor": cursor}, token=ada.token).result
        seen += [contact["first_name"] for contact in page["items"]]
        cursor = page["next_cursor"]
        if not cursor:
            break
    assert seen == names[::-1]
    first = made[0]["id"]
    changed = call("contacts-update", {"id": first, "email": "ada@example.org"}, token=ada.token).result
    assert call("contacts-get", {"id": first}, token=ada.token).result == changed
    found = call("contacts-list", {"search": "ada@example"}, token=ada.token).result["items"]
    assert [contact["id"] for contact in found] == [first]
    assert call("contacts-delete", {"id": first}, token=ada.token).result == {"id": first, "deleted": True}
    assert call("contacts-get", {"id": first}, token=ada.token).code == "contacts.not_found"
    assert call("contacts-get", {"id": made[1]["id"]}, token=owner().token).code == "contacts.not_found"


def test_of_many_who_register_one_email_at_once_one_owns_it(call):
    email = f"{uuid.uuid4().hex}@example.com"
    body = {"email": email, "password": "correct horse", "name": "Ada"}
    with ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(lambda _: call("auth-register", body), range(8)))
    assert sorted(answer.code or "" for answer in answers) == [""] + ["auth.email_taken"] * 7


def test_of_many_uses_of_a_refresh_token_one_wins_and_the_session_ends(call, owner):
    ada = owner()
    with ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(lambda _: call("auth-refresh-token", {"refresh_token": ada.refresh_token}), range(8)))
    won = [answer for answer in answers if answer.status == 200]
    assert len(won) <= 1
    assert {answer.code for answer in answers if answer.status != 200} == {"auth.invalid_token"}
    for token in (ada.token, *(answer.result["access_token"] for answer in won)):
        assert call("auth-me", token=token).code == "auth.invalid_token"


def test_updates_of_different_fields_at_once_are_all_kept(call, owner):
    ada = owner()
    id_ = call("contacts-create", {"first_name": "Ada"}, token=ada.token).result["id"]
    fields = ["last_name", "phone", "job_title", "address", "city", "state", "zip_code", "country"]
    with ThreadPoolExecutor(8) as pool:
        update = lambda field: call("contacts-update", {"id": id_, field: field}, token=ada.token).status  # noqa: E731
        assert set(pool.map(update, fields)) == {200}
    contact = call("contacts-get", {"id": id_}, token=ada.token).result
    assert [contact[field] for field in fields] == fields


def test_a_command_under_one_key_is_carried_out_once_however_many_race(call, owner):
    ada = owner()
    key = {"Idempotency-Key": uuid.uuid4().hex}
    with ThreadPoolExecutor(6) as pool:
        create = lambda _: call("contacts-create", {"first_name": "Ada"}, token=ada.token, headers=key)  # noqa: E731
        answers = list(pool.map(create, range(6)))
    assert len({json.dumps(answer.result, sort_keys=True) for answer in answers}) == 1
    assert len(call("contacts-list", token=ada.token).result["items"]) == 1
