"""Send hostile requests and exceed rate limits through the gateway."""

import pytest

pytestmark = pytest.mark.e2e

CREATE = "contacts-create"
DEEP = "[" * 10_000 + "]" * 10_000


def assert_fault(answer, status, code):
    assert (answer.status, answer.code) == (status, code)
    assert answer.body["error"]["request_id"] == answer.headers["X-Request-Id"]
    assert answer.headers["Access-Control-Allow-Origin"] == "*"


@pytest.mark.parametrize("method", ["GET", "PUT", "PATCH", "DELETE"])
def test_other_methods_and_paths_are_not_found(call, method):
    for path in (CREATE, "no-such-operation", "/", "/api", "/a/b/c"):
        assert_fault(call(path, method=method), 404, "api.not_found")


def test_an_unknown_operation_is_not_found(call, owner):
    assert_fault(call("no-such-operation"), 404, "api.not_found")
    assert_fault(call("no-such-operation", token=owner().token), 404, "api.not_found")


def test_a_preflight_is_answered_on_any_path(call):
    for path in (CREATE, "no-such-operation", "/", "/a/b/c"):
        answer = call(path, method="OPTIONS", headers={"Origin": "https://app.example"})
        assert (answer.status, answer.body) == (200, {"ok": True, "result": {}})
        assert answer.headers["Access-Control-Allow-Origin"] == "*"
        assert "POST" in answer.headers["Access-Control-Allow-Methods"]
        assert "Idempotency-Key" in answer.headers["Access-Control-Allow-Headers"]


def test_bodies_that_cannot_be_read_are_invalid_requests(call, owner):
    ada = owner()
    for raw in (
        b'{"first_name": "' + b"a" * 7_000_000 + b'"}',
        b'{"first_name": "\xff\xfe"}',
        DEEP.encode(),
        f'{{"first_name": {DEEP}}}'.encode(),
        b'{"first_name": "a\x00b"}',
        b'{"first_name": "a\\u0000b"}',
        b'{"first_name": "\\ud800"}',
        b"{",
        b"[]",
    ):
        assert_fault(call(CREATE, raw=raw, token=ada.token), 400, "contacts.invalid_request")
    assert call("contacts-list", token=ada.token).result["items"] == []


def test_any_unicode_comes_back_as_it_was_sent(call, owner):
    ada = owner()
    name = "Zoë \U0001f600 \u202e עברית e\u0301"
    made = call(CREATE, {"first_name": name}, token=ada.token).result
    assert call("contacts-get", {"id": made["id"]}, token=ada.token).result["first_name"] == name


def test_tokens_that_are_none_are_refused(call):
    assert_fault(call(CREATE), 401, "auth.required")
    for value in ("Bearer", "Bearer x", "Basic YTpi", "AWS4-HMAC-SHA256 Credential=a/b/c, Signature=d", "x"):
        assert_fault(call(CREATE, headers={"Authorization": value}), 401, "auth.invalid_token")


def test_over_its_rate_a_caller_is_told_when_to_come_back(call):
    body = {"token": "nonsense", "new_password": "long enough"}
    answers = [call("users-reset-password", body)]
    while answers[-1].status != 429:
        answers.append(call("users-reset-password", body))
        assert len(answers) < 1_000
    assert len(answers) > 10
    assert_fault(answers[-1], 429, "rate_limit.exceeded")
    assert int(answers[-1].headers["Retry-After"]) >= 1
    assert answers[-1].headers["RateLimit-Limit"] == "10"
    assert answers[-1].headers["RateLimit-Remaining"] == "0"
    elsewhere = call("users-reset-password", body, address="203.0.113.9")
    assert elsewhere.code == "auth.invalid_token"
