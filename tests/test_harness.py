"""Test the test harness: blocked connections, counted calls, injected failures, the stream."""

import socket

import pytest

from tests.harness.sealed import Unsealed
from tests.harness.streams import matches
from tests.harness.wire import Killed, conflict, refusal


def test_the_tests_reach_nothing_beyond_this_machine() -> None:
    with pytest.raises(Unsealed):
        socket.create_connection(("192.0.2.1", 80), timeout=1)
    with pytest.raises(Unsealed):
        socket.getaddrinfo("example.com", 443)


def test_a_call_runs_the_handler_that_the_template_names(call, owner):
    ada = owner()
    made = call("contacts-create", {"first_name": "Grace"}, token=ada.token)
    assert made.status == 200
    assert made.headers["x-request-id"]
    assert call("contacts-get", {"id": made.result["id"]}, token=ada.token).result == made.result
    assert call("no-such-operation").code == "api.not_found"
    assert call("contacts-get", method="GET").code == "api.not_found"
    assert call("/elsewhere", method="DELETE").status == 404


def test_accounts_do_not_see_each_other(call, owner):
    made = call("contacts-create", {"first_name": "Grace"}, token=owner().token).result
    assert call("contacts-get", {"id": made["id"]}, token=owner().token).code == "contacts.not_found"


def test_round_trips_are_counted_with_their_units(call, owner, round_trips):
    ada = owner()
    grace = call("contacts-create", {"first_name": "Grace"}, token=ada.token).result
    with round_trips() as trips:
        call("contacts-get", {"id": grace["id"]}, token=ada.token)
    assert len(trips) == len(trips.calls) == 2
    assert trips.write_units == 1
    assert trips.read_units > 0
    with round_trips() as none:
        pass
    assert len(none) == 0


def test_rates_hold_until_the_test_ends(call, owner, rates):
    ada = owner()
    rates(user="1/2")
    answer = call("contacts-list", token=ada.token)
    assert answer.headers["RateLimit-Limit"] == "2"
    rates()
    assert call("contacts-list", token=ada.token).headers["RateLimit-Limit"] == "20"


def test_an_injected_failure_fails_as_many_calls_as_asked(call, owner, inject):
    ada = owner()
    failing = inject("Query", refusal("InternalServerError"))
    assert call("contacts-list", token=ada.token).code == "contacts.internal"
    assert call("contacts-list", token=ada.token).status == 200
    assert failing.hits == 1


def test_a_conflict_looks_like_one_of_dynamodb(call, owner, inject):
    ada = owner()
    failing = inject("TransactWriteItems", conflict())
    headers = {"Idempotency-Key": "a"}
    assert (
        call("contacts-create", {"first_name": "Grace", "tags": ["a"]}, token=ada.token, headers=headers).status == 200
    )
    assert failing.hits == 1


def test_a_kill_leaves_what_was_done_before_it(call, owner, inject):
    ada = owner()
    inject("PutItem", Killed(), after=True)
    inject("TransactWriteItems", Killed(), after=True)
    with pytest.raises(Killed):
        call("contacts-create", {"first_name": "Grace"}, token=ada.token)
    assert len(call("contacts-list", token=ada.token).result["items"]) == 1


@pytest.mark.parametrize(
    ("pattern", "fits"),
    [
        ({"eventName": ["INSERT", "MODIFY"]}, True),
        ({"eventName": ["REMOVE"]}, False),
        ({"dynamodb": {"NewImage": {"kind": {"S": ["mail"]}}}}, True),
        ({"dynamodb": {"NewImage": {"kind": {"S": [{"prefix": "ma"}]}}}}, True),
        ({"dynamodb": {"NewImage": {"kind": {"S": [{"anything-but": ["mail"]}]}}}}, False),
        ({"dynamodb": {"OldImage": [{"exists": False}]}}, True),
        ({"dynamodb": {"OldImage": {"kind": {"S": ["mail"]}}}}, False),
    ],
)
def test_patterns_filter_as_lambda_does(pattern: dict[str, object], fits: bool) -> None:
    record = {"eventName": "INSERT", "dynamodb": {"NewImage": {"kind": {"S": "mail"}}}}
    assert matches(pattern, record) is fits
