"""Test that any value of any field gets a response that the contract allows."""

import json

import pytest

from keel.errors import CODES

# As JSON text: Python's own json refuses none of these, and writes a lone surrogate as it is sent here.
VALUES = [
    "null",
    "true",
    "0",
    "-1",
    "1.5",
    "1e400",
    "9007199254740993",
    "1" + "0" * 400,
    '""',
    '" "',
    '"\\u0000"',
    '"\\ud800"',
    '"\\udc00\\ud800"',
    '"x"',
    '"' + "x" * 300 + '"',
    '"' + "\\u00e9" * 20_000 + '"',
    '"kl_rt_.x"',
    '"kl_mt_"',
    '"kl_ci_"',
    '"#"',
    '"a@b"',
    '"00000000-0000-0000-0000-000000000000"',
    "[]",
    '["x"]',
    "{}",
    '{"pk": {"S": "x"}}',
    "[" * 200 + "]" * 200,
]
# Every operation of users and apps with a body that would do, as far as the test goes.
BODIES: dict[str, dict[str, object]] = {
    "auth-register": {"email": "ada@example.com", "password": "short", "name": "Ada", "account_name": "Engines"},
    "auth-login": {"email": "nobody@example.com", "password": "wrong"},
    "auth-refresh-token": {"refresh_token": "x"},
    "users-list": {"search": "x", "limit": 1, "offset": 0},
    "users-get": {"id": "x"},
    "users-invite": {"email": "taken", "name": "Grace", "role": "member"},
    "users-set-active": {"user_id": "x", "active": True},
    "users-change-password": {"current_password": "wrong", "new_password": "another password"},
    "users-forgot-password": {"email": "nobody@example.com"},
    "users-reset-password": {"token": "x", "new_password": "another password"},
    "oauth-token": {"grant_type": "client_credentials", "client_id": "x", "client_secret": "x"},
    "oauth-apps-create": {"name": "Robot"},
    "oauth-apps-get": {"id": "x"},
    "oauth-apps-update": {"id": "x", "name": "Robot"},
    "oauth-apps-rotate-secret": {"id": "x"},
    "oauth-apps-revoke": {"id": "x"},
    "oauth-apps-delete": {"id": "x"},
}


@pytest.mark.parametrize("operation", BODIES)
def test_any_value_of_any_field_is_answered_by_the_contract(call, owner, operation):
    token = owner().token
    resource = "oauth_apps" if operation.startswith("oauth-apps") else operation.partition("-")[0]
    known = {code for code in CODES if code.partition(".")[0] in (resource, "auth")} - {f"{resource}.internal"}
    body = BODIES[operation]
    for field in body:
        for value in VALUES:
            members = [f"{json.dumps(name)}: {value if name == field else json.dumps(body[name])}" for name in body]
            answer = call(operation, raw="{" + ", ".join(members) + "}", token=token)
            assert answer.code in {*known, None}, (field, value[:40], answer.body)
            if answer.code is None:
                assert answer.status == 200


@pytest.mark.parametrize("header", ["Authorization", "Idempotency-Key", "Content-Type"])
@pytest.mark.parametrize("value", ["", " ", "\u00e9", "x" * 10_000, "\ud800", "Basic " + "=" * 1_000, "Bearer \0"])
@pytest.mark.parametrize("operation", ["users-invite", "oauth-token", "auth-me"])
def test_any_header_is_answered_by_the_contract(call, owner, operation, header, value):
    sent = {"Authorization": f"Bearer {owner().token}", header: value}
    answer = call(operation, {"email": "grace", "name": "Grace"}, headers=sent)
    assert answer.status in (200, 400, 401), answer.body
