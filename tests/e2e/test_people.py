"""Deactivate users and change passwords on the deployed system."""

import uuid
from concurrent.futures import ThreadPoolExecutor

import pytest

pytestmark = pytest.mark.e2e

PASSWORD = "chosen by Grace"


@pytest.fixture
def joined(call, mailed_token):
    """Somebody who has accepted an invitation and logged in."""

    def joined(inviter, role):
        email = f"{uuid.uuid4().hex}@example.com"
        call("users-invite", {"email": email, "name": "Grace", "role": role}, token=inviter.token)
        body = {"token": mailed_token(email), "new_password": PASSWORD}
        assert call("users-reset-password", body).result == {}
        return call("auth-login", {"email": email, "password": PASSWORD}).result

    return joined


def test_a_deactivation_and_a_new_password_are_felt_by_the_next_call(call, owner, joined):
    ada = owner()
    grace = joined(ada, "member")
    other = call("auth-login", {"email": grace["user"]["email"], "password": PASSWORD}).result
    changed = {"current_password": PASSWORD, "new_password": "another one of hers"}
    assert call("users-change-password", changed, token=grace["access_token"]).result == {}
    assert call("auth-me", token=grace["access_token"]).status == 200
    assert call("auth-me", token=other["access_token"]).code == "auth.invalid_token"
    assert call("auth-refresh-token", {"refresh_token": other["refresh_token"]}).code == "auth.invalid_token"
    for active, code in ((False, "auth.deactivated"), (True, "auth.invalid_token")):
        body = {"user_id": grace["user"]["id"], "active": active}
        assert call("users-set-active", body, token=ada.token).status == 200
        assert call("auth-me", token=grace["access_token"]).code == code


def test_two_owners_who_deactivate_each_other_leave_one(call, owner, joined):
    ada = owner()
    grace = joined(ada, "owner")
    tokens = {ada.user["id"]: ada.token, grace["user"]["id"]: grace["access_token"]}
    with ThreadPoolExecutor(2) as pool:
        turns = zip(tokens, reversed(tokens.values()), strict=True)
        answers = pool.map(
            lambda turn: call("users-set-active", {"user_id": turn[0], "active": False}, token=turn[1]), turns
        )
        assert sorted(answer.status for answer in answers) in ([200, 400], [200, 403])
    assert sorted(call("auth-me", token=token).status for token in tokens.values()) == [200, 403]
