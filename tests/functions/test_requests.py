"""Test that any request to any operation gets the envelope."""

import json
import re

import pytest

from keel.errors import CODES
from tests.harness.gateway import answer_of, fresh_address, request_event

CREATE = "contacts-create"


def assert_envelope(answer, status, code):
    assert (answer.status, answer.code) == (status, code)
    error = answer.body["error"]
    assert answer.body.keys() == {"ok", "error"}
    assert CODES[code][0] == status
    assert error["message"]
    assert error["request_id"] == answer.headers["X-Request-Id"]


@pytest.mark.parametrize("method", ["GET", "PUT", "PATCH", "DELETE", "HEAD"])
@pytest.mark.parametrize("path", [CREATE, "no-such-operation", "/", "/api", "/elsewhere", "/api/contacts-create/"])
def test_any_other_method_or_path_is_not_found(call, path, method):
    assert_envelope(call(path, method=method), 404, "api.not_found")


@pytest.mark.parametrize(
    ("method", "path", "message"),
    [
        ("GET", CREATE, "Call operations with POST, not GET."),
        ("DELETE", "auth-login", "Call operations with POST, not DELETE."),
        ("POST", "contacts-frobnicate", "There is no operation contacts-frobnicate."),
        ("GET", "contacts-frobnicate", "Call operations with POST, not GET."),
        ("POST", "/docs", "Read this page with GET, not POST."),
        ("POST", "/api/<script>", CODES["api.not_found"][1]),
        ("POST", "/api/" + "x" * 65, CODES["api.not_found"][1]),
        ("POST", "/api/contacts-list/", CODES["api.not_found"][1]),
        ("POST", "/api/contacts-list\n", CODES["api.not_found"][1]),
        ("GET", "/docs/", CODES["api.not_found"][1]),
        ("GET", "/openapi-json", CODES["api.not_found"][1]),
        ("POST", "/", CODES["api.not_found"][1]),
    ],
)
def test_not_found_message_distinguishes_wrong_method_from_unknown_operation(call, method, path, message):
    answer = call(path, method=method)
    assert_envelope(answer, 404, "api.not_found")
    assert answer.body["error"]["message"] == message


@pytest.mark.parametrize("path", ["/api/contacts-list/", "/api/contacts-list\n", "/api/contacts.list"])
def test_path_that_resembles_an_operation_is_not_found_in_its_function(functions, owner, path):
    event = request_event(path, {}, token=owner().token, address=fresh_address())
    assert_envelope(answer_of(functions.invoke("contacts", event)), 404, "api.not_found")


@pytest.mark.parametrize("token", [None, "nonsense"])
def test_an_unknown_operation_is_not_found_with_or_without_a_token(call, token):
    assert_envelope(call("contacts-explode", token=token), 404, "api.not_found")


@pytest.mark.parametrize("path", [CREATE, "no-such-operation", "/", "/elsewhere", "/docs", "/a\nb"])
def test_a_preflight_is_answered_on_any_path(call, path):
    answer = call(path, method="OPTIONS", headers={"Origin": "https://app.example"})
    assert (answer.status, answer.body) == (200, {"ok": True, "result": {}})
    assert answer.headers["Access-Control-Allow-Origin"] == "*"
    assert "POST" in answer.headers["Access-Control-Allow-Methods"]
    assert {"Authorization", "Content-Type", "Idempotency-Key"} <= set(
        re.split(", ?", answer.headers["Access-Control-Allow-Headers"])
    )
    assert answer.headers["X-Request-Id"]
    assert not [name for name in answer.headers if name.lower().startswith("ratelimit")]


def test_only_the_origins_that_the_operator_names_are_allowed(call, setting):
    setting(ALLOWED_ORIGINS="https://app.example,https://other.example")
    ours = call(CREATE, method="OPTIONS", headers={"Origin": "https://app.example"})
    assert ours.headers["Access-Control-Allow-Origin"] == "https://app.example"
    strange = call(CREATE, method="OPTIONS", headers={"Origin": "https://evil.example"})
    assert strange.status == 200
    assert "Access-Control-Allow-Origin" not in strange.headers


DEEP = "[" * 10_000 + "]" * 10_000


@pytest.mark.parametrize(
    "raw",
    [
        "{",
        "[]",
        '"text"',
        "null",
        "1",
        "a=b",
        '{"first_name": NaN}',
        '{"first_name": Infinity}',
        '{"first_name": "a", "first_name": "b"}',
        '{"first_name": 1}',
        '{"first_name": ["a"]}',
        '{"first_name": true}',
        '{"tags": "a"}',
        '{"first_name": "a\0b"}',
        '{"first_name": "a\\u0000b"}',
        '{"first_name": "\\ud800"}',
        '{"first_name": "a", "tags": ["\\udfff"]}',
        '{"first_name": "' + "a" * 256 + '"}',
        '{"first_name": "' + "a" * 1_100_000 + '"}',
        '{"first_name": "' + "a" * 7_000_000 + '"}',
        DEEP,
        '{"first_name": ' + DEEP + "}",
        "[" * 100_000,
        '{"a":' * 50_000,
        b'{"first_name": "\xff\xfe"}',
        '{"first_name": "J\u00f6rg"}'.encode("latin-1"),
        '{"first_name": "a"}'.encode("utf-16"),
        b"\x1f\x8b\x08\x00",
        b'\xef\xbb\xbf\xef\xbb\xbf{"first_name": "a"}',
    ],
    ids=lambda raw: repr(raw[:24]),
)
def test_a_body_that_cannot_be_read_is_an_invalid_request(call, owner, raw):
    ada = owner()
    answer = call(CREATE, raw=raw, token=ada.token)
    assert_envelope(answer, 400, "contacts.invalid_request")
    assert len(json.dumps(answer.body)) < 1_000
    assert call("contacts-list", token=ada.token).result["items"] == []


def test_an_empty_body_counts_as_an_empty_object(call, owner):
    ada = owner()
    for raw in ("", "{}", None, b"", " ", "\r\n\t ", b" \n", b"\xef\xbb\xbf", b"\xef\xbb\xbf \n"):
        assert call("contacts-list", raw=raw, token=ada.token).result == {"items": [], "next_cursor": ""}


@pytest.mark.parametrize("raw", [b'\xef\xbb\xbf{"first_name": "a"}', '\ufeff {"first_name": "a"}'])
def test_byte_order_mark_before_a_body_is_ignored(call, owner, raw):
    assert call(CREATE, raw=raw, token=owner().token).result["first_name"] == "a"


def test_byte_order_mark_and_white_space_count_toward_the_size_of_a_body(call, owner):
    token = owner().token
    for raw in (b"\xef\xbb\xbf" + b" " * 1_048_573, b" " * 1_048_576):
        assert call("contacts-list", raw=raw, token=token).status == 200
        assert_envelope(call("contacts-list", raw=raw + b" ", token=token), 400, "contacts.invalid_request")


def test_the_order_of_checks_is_that_of_the_contract(call, owner, rates):
    ada = owner()
    assert call(CREATE, raw="{").code == "auth.required"
    assert call(CREATE, raw="{", token="nonsense").code == "auth.invalid_token"
    assert call(CREATE, {"first_name": "", "tags": 1}, token=ada.token).code == "contacts.invalid_request"
    assert call(CREATE, {"first_name": "", "tags": []}, token=ada.token).code == "contacts.first_name_required"
    rates(user="1/1")
    call(CREATE, raw="{", token=ada.token)
    assert call(CREATE, raw="{", token=ada.token).code == "rate_limit.exceeded"


def test_details_name_the_fields_at_fault(call, owner):
    answer = call(CREATE, {"first_name": 1, "tags": [2]}, token=owner().token)
    first_name, tags = answer.body["error"]["details"]
    assert (first_name["field"], tags["field"]) == ("first_name", "tags")
    assert tags["message"] == f"{first_name['message']} (at 0)"


@pytest.mark.parametrize(
    ("operation", "body", "message"),
    [
        (CREATE, {"first_name": "x" * 5_000}, "first_name must have at most 255 characters, but has 5,000."),
        (CREATE, {"first_name": 1}, "first_name must be a string."),
        (CREATE, {"first_name": "\0"}, "first_name must not contain the NUL character (U+0000)."),
        (CREATE, {"tags": "vip"}, "tags must be an array."),
        (CREATE, {"custom_fields": []}, "custom_fields must be an object."),
        ("companies-create", {"employee_count": "3"}, "employee_count must be an integer."),
        ("companies-create", {"employee_count": -1}, "employee_count must be at least 0."),
        ("companies-create", {"employee_count": 2**53}, "employee_count must be at most 9,007,199,254,740,991."),
        ("webhooks-create", {"events": ["x"] * 101}, "events must have at most 100 items, but has 101."),
        ("users-set-active", {"active": "yes"}, "active must be true or false."),
        ("users-invite", {"name": "Ada", "role": "owner"}, "email is required."),
        ("imports-list", {"status": "lost"}, "status must be 'pending', 'uploaded', 'processing', "),
        ("imports-request-upload", {"column_mapping": []}, "column_mapping must be an object."),
        (
            "imports-request-upload",
            {"column_mapping": {"": "email"}},
            "column_mapping has an invalid key: it must have 1 or more characters, but has 0.",
        ),
        ("imports-request-upload", {"column_mapping": {"Mail": 1}}, "column_mapping must be a string (at Mail)."),
    ],
)
def test_a_malformed_field_is_told_in_words_for_a_person(call, owner, operation, body, message):
    error = call(operation, body, token=owner().token).body["error"]
    assert error["code"].endswith(".invalid_request")
    assert error["message"].startswith(message)


def test_what_was_sent_is_neither_echoed_nor_logged(call, owner, log_lines):
    secret = "marker-7f3a"
    ada = owner()
    log_lines()
    answers = [
        call(CREATE, {"first_name": [secret]}, token=ada.token),
        call(CREATE, {"first_name": "a", "email": secret}, token=ada.token),
        call(CREATE, {"first_name": "a", "email": f"{secret}@example.com", "notes": secret}, token=ada.token),
        call(CREATE, raw=secret, token=ada.token),
        call("contacts-get", {"id": secret}, token=ada.token),
        call("auth-login", {"email": ada.user["email"], "password": secret}),
    ]
    assert [answer.status for answer in answers] == [400, 400, 200, 400, 400, 401]
    assert all(secret not in json.dumps(answer.body) for answer in answers if answer.status != 200)
    lines = json.dumps(log_lines())
    assert "contacts.invalid_request" in lines
    for planted in (secret, ada.token, ada.refresh_token, ada.user["email"]):
        assert planted not in lines


def test_each_request_leaves_one_line_with_its_request_id_and_account(call, owner, log_lines):
    ada = owner()
    log_lines()
    answer = call("contacts-list", token=ada.token)
    [line] = log_lines()
    assert line["request_id"] == answer.headers["X-Request-Id"]
    assert (line["account_id"], line["operation"], line["status"]) == (ada.account_id, "contacts-list", 200)


def test_a_fault_of_ours_says_nothing_about_us(call, owner, inject, log_lines):
    ada = owner()
    log_lines()
    inject("Query", RuntimeError("table keel-test-Table has no such thing"))
    answer = call("contacts-list", token=ada.token)
    assert_envelope(answer, 500, "contacts.internal")
    assert "keel-test" not in json.dumps(answer.body)
    fault, _answered = log_lines()
    assert fault["error_type"] == "builtins.RuntimeError"
    assert "no such thing" not in json.dumps(fault)
