"""Test what the client sends, retries and raises."""

import json
from collections.abc import Iterable
from datetime import datetime, timedelta, timezone
from typing import Any

import httpx
import pytest

from keel_crm import (
    AuthenticationError,
    ForbiddenError,
    InvalidRequestError,
    KeelError,
    MemoryTokens,
    NotFoundError,
    RateLimitError,
    Retries,
    ServerError,
    Tokens,
    UnreachableError,
)
from keel_crm.flows import App, Flow, Flows, Send, Wait

SIGNED_IN = {"access_token": "new", "refresh_token": "next", "expires_in": 900}


def success(result: Any) -> httpx.Response:
    return httpx.Response(200, json={"ok": True, "result": result})


def failure(status: int, code: str, headers: dict[str, str] | None = None, **error: Any) -> httpx.Response:
    body = {"ok": False, "error": {"code": code, "message": "Told.", "request_id": "r-1", **error}}
    return httpx.Response(status, json=body, headers=headers)


def flows(tokens: Tokens | None = None, app: App | None = None, **retries: Any) -> Flows:
    return Flows(MemoryTokens(tokens or (None if app else Tokens("token"))), app, Retries(**retries))


class Carried:
    """A flow that was carried out: what it sent, how long it waited, and how it ended."""

    def __init__(self, flow: Flow, outcomes: Iterable[httpx.Response | httpx.RequestError]) -> None:
        self.sent: list[Send] = []
        self.waited: list[float] = []
        self.result: Any = None
        self.error: KeelError | None = None
        rest = iter(outcomes)
        try:
            step = next(flow)
            while True:
                if isinstance(step, Wait):
                    self.waited.append(step.seconds)
                    step = flow.send(None)
                else:
                    self.sent.append(step)
                    step = flow.send(next(rest))
        except StopIteration as end:
            self.result = end.value
        except KeelError as error:
            self.error = error
        assert next(rest, None) is None, "an outcome was not asked for"


def test_a_call_sends_its_body_with_the_token_and_returns_the_result() -> None:
    carried = Carried(flows().call("contacts-get", {"id": "1"}), [success({"id": "1"})])
    assert carried.result == {"id": "1"}
    [sent] = carried.sent
    assert (sent.operation, json.loads(sent.content)) == ("contacts-get", {"id": "1"})
    assert sent.headers == {"Authorization": "Bearer token"}


def test_a_time_is_sent_as_the_api_has_it() -> None:
    at = datetime(2026, 6, 1, 14, 30, tzinfo=timezone(timedelta(hours=2)))
    carried = Carried(flows().call("activities-update", {"id": "1", "occurred_at": at}), [success({})])
    assert json.loads(carried.sent[0].content)["occurred_at"] == "2026-06-01T12:30:00Z"


@pytest.mark.parametrize(
    ("operation", "body", "kind", "told"),
    [
        ("contacts-lst", {}, ValueError, "no operation 'contacts-lst'"),
        (
            "contacts-create",
            {"first_name": "Ada", "emial": "x"},
            TypeError,
            "has no field emial. Its fields are first_name, ",
        ),
        ("auth-me", {"id": "1"}, TypeError, "has no field id. It has no fields."),
        ("activities-update", {"occurred_at": datetime(2026, 6, 1)}, ValueError, "a datetime must have a time zone"),  # noqa: DTZ001
        ("activities-update", {"metadata": {1}}, TypeError, "cannot send a set as JSON"),
    ],
)
def test_what_is_a_mistake_of_the_program_is_sent_to_nobody(
    operation: str, body: dict[str, Any], kind: type[Exception], told: str
) -> None:
    with pytest.raises(kind, match=told):
        Carried(flows().call(operation, body), [])


def test_a_public_operation_is_called_without_a_token() -> None:
    carried = Carried(flows().call("auth-login", {}), [success(SIGNED_IN)])
    assert carried.sent[0].headers == {}


@pytest.mark.parametrize(
    ("status", "kind"),
    [
        (400, InvalidRequestError),
        (401, AuthenticationError),
        (403, ForbiddenError),
        (404, NotFoundError),
        (429, RateLimitError),
        (500, ServerError),
    ],
)
def test_an_error_is_raised_by_its_kind_with_all_that_was_told(status: int, kind: type[KeelError]) -> None:
    details = [{"field": "email", "message": "must be an email address"}]
    answer = failure(status, "contacts.some_code", details=details)
    error = Carried(flows(attempts=0).call("contacts-update", {}), [answer]).error
    assert type(error) is kind
    assert (error.code, error.message, error.status) == ("contacts.some_code", "Told.", status)
    assert (error.request_id, error.details) == ("r-1", details)
    assert str(error) == "contacts.some_code: Told. (request r-1)"


@pytest.mark.parametrize(
    "answer",
    [
        httpx.Response(200, text="<html>a proxy's page</html>"),
        httpx.Response(502, text="bad gateway"),
        httpx.Response(200, json=["no envelope"]),
        httpx.Response(200, json={"ok": True}),
        httpx.Response(200, json={"ok": "true", "result": {}}),
    ],
)
def test_an_answer_that_is_not_the_api_s_is_a_server_error(answer: httpx.Response) -> None:
    error = Carried(flows(attempts=0).call("contacts-get", {}), [answer]).error
    assert type(error) is ServerError
    assert error.code == "client.unreadable_answer"


def test_a_create_is_sent_again_under_the_same_idempotency_key() -> None:
    answers: list[httpx.Response | httpx.RequestError] = [
        failure(500, "contacts.internal"),
        httpx.ReadTimeout("slow"),
        success({"id": "1"}),
    ]
    carried = Carried(flows().call("contacts-create", {"first_name": "Ada"}), answers)
    keys = {sent.headers["Idempotency-Key"] for sent in carried.sent}
    assert (len(carried.sent), len(keys)) == (3, 1)
    other = Carried(flows().call("contacts-create", {"first_name": "Ada"}), [success({})])
    assert other.sent[0].headers["Idempotency-Key"] not in keys


def test_a_given_idempotency_key_is_sent() -> None:
    carried = Carried(flows().call("contacts-create", {}, "order-7"), [success({})])
    assert carried.sent[0].headers["Idempotency-Key"] == "order-7"


@pytest.mark.parametrize("operation", ["contacts-update", "contacts-delete", "webhooks-create"])
@pytest.mark.parametrize("outcome", [failure(500, "contacts.internal"), httpx.ReadTimeout("slow")])
def test_what_may_have_been_carried_out_is_not_sent_again_when_twice_is_not_as_good_as_once(
    operation: str, outcome: httpx.Response | httpx.RequestError
) -> None:
    carried = Carried(flows().call(operation, {}), [outcome])
    assert carried.error is not None
    assert "Idempotency-Key" not in carried.sent[0].headers


@pytest.mark.parametrize("outcome", [httpx.ConnectError("refused"), failure(429, "rate_limit.exceeded")])
def test_what_was_never_carried_out_is_sent_again_whatever_it_is(outcome: httpx.Response | httpx.RequestError) -> None:
    carried = Carried(flows().call("contacts-update", {}), [outcome, success({"id": "1"})])
    assert carried.result == {"id": "1"}
    assert len(carried.waited) == 1


def test_a_request_is_given_up_after_the_last_attempt() -> None:
    carried = Carried(flows(attempts=2).call("contacts-list", {}), [failure(500, "contacts.internal")] * 3)
    assert type(carried.error) is ServerError
    assert len(carried.waited) == 2


def test_no_answer_is_an_error_that_tells_whether_anything_was_sent() -> None:
    lost = Carried(flows(attempts=0).call("contacts-list", {}), [httpx.ReadTimeout("slow")]).error
    unsent = Carried(flows(attempts=0).call("contacts-list", {}), [httpx.ConnectError("refused")]).error
    assert isinstance(lost, UnreachableError)
    assert isinstance(unsent, UnreachableError)
    assert (lost.sent, unsent.sent) == (True, False)


def test_a_refusal_for_the_rate_waits_at_least_as_long_as_it_says() -> None:
    refused = failure(429, "rate_limit.exceeded", {"Retry-After": "7"})
    pauses = [Carried(flows().call("contacts-update", {}), [refused, success({})]).waited[0] for _ in range(20)]
    assert all(7 <= pause <= 10.5 for pause in pauses)
    assert len(set(pauses)) > 1


def test_a_refusal_that_asks_for_more_than_the_longest_pause_is_raised_at_once() -> None:
    refused = failure(429, "rate_limit.exceeded", {"Retry-After": "31"})
    carried = Carried(flows().call("contacts-list", {}), [refused])
    assert isinstance(carried.error, RateLimitError)
    assert (carried.error.retry_after, carried.waited) == (31, [])


def test_pauses_grow_up_to_the_longest() -> None:
    answers = [failure(500, "contacts.internal")] * 9
    carried = Carried(flows(attempts=8, first_pause=1, longest_pause=16).call("contacts-list", {}), answers)
    limits = [1, 2, 4, 8, 16, 16, 16, 16]
    assert all(limit / 2 <= pause <= limit for pause, limit in zip(carried.waited, limits, strict=True))


def test_a_refused_token_is_refreshed_once_and_the_call_sent_again() -> None:
    subject = flows(Tokens("old", "refresh"))
    answers = [failure(401, "auth.invalid_token"), success(SIGNED_IN), success({"id": "1"})]
    carried = Carried(subject.call("contacts-delete", {"id": "1"}), answers)
    assert [sent.operation for sent in carried.sent] == ["contacts-delete", "auth-refresh-token", "contacts-delete"]
    assert json.loads(carried.sent[1].content) == {"refresh_token": "refresh"}
    assert carried.sent[2].headers["Authorization"] == "Bearer new"
    kept = subject.store.load()
    assert kept is not None
    assert (kept.access_token, kept.refresh_token) == ("new", "next")


def test_a_token_that_is_refused_again_is_an_error() -> None:
    answers = [failure(401, "auth.invalid_token"), success(SIGNED_IN), failure(401, "auth.invalid_token")]
    carried = Carried(flows(Tokens("old", "refresh")).call("contacts-get", {}), answers)
    assert isinstance(carried.error, AuthenticationError)


def test_a_token_that_is_ending_is_refreshed_before_the_call() -> None:
    answers = [success(SIGNED_IN), success({"id": "1"})]
    carried = Carried(flows(Tokens("old", "refresh", expires_at=0)).call("contacts-get", {}), answers)
    assert [sent.operation for sent in carried.sent] == ["auth-refresh-token", "contacts-get"]


@pytest.mark.parametrize("outcome", [httpx.ReadTimeout("slow"), failure(500, "auth.internal")])
def test_a_refresh_that_may_have_arrived_is_not_sent_again(outcome: httpx.Response | httpx.RequestError) -> None:
    carried = Carried(flows(Tokens("old", "refresh", expires_at=0)).call("contacts-get", {}), [outcome])
    assert [sent.operation for sent in carried.sent] == ["auth-refresh-token"]
    assert carried.error is not None


def test_a_token_that_another_has_renewed_meanwhile_is_taken_over() -> None:
    subject = flows(Tokens("old", "refresh"))
    flow = subject.call("contacts-get", {})
    next(flow)
    subject.store.acquire()  # another begins to renew
    waiting = flow.send(failure(401, "auth.invalid_token"))
    assert isinstance(waiting, Wait)
    subject.store.save(Tokens("theirs", "next"))
    subject.store.release()
    again = flow.send(None)
    assert isinstance(again, Send)
    assert (again.operation, again.headers["Authorization"]) == ("contacts-get", "Bearer theirs")


def test_a_failed_refresh_lets_the_next_one_begin() -> None:
    subject = flows(Tokens("old", "refresh"))
    Carried(subject.call("contacts-get", {}), [failure(401, "auth.invalid_token"), failure(401, "auth.invalid_token")])
    assert subject.store.acquire()


def test_an_app_gets_its_token_by_itself_and_again_when_it_is_refused() -> None:
    subject = flows(app=App("kl_ci_1", "kl_cs_2"))
    answers = [success({"access_token": "first", "expires_in": 3600}), success({})]
    carried = Carried(subject.call("contacts-get", {}), answers)
    assert json.loads(carried.sent[0].content) == {
        "grant_type": "client_credentials",
        "client_id": "kl_ci_1",
        "client_secret": "kl_cs_2",
    }
    answers = [
        failure(401, "auth.invalid_token"),
        success({"access_token": "second", "expires_in": 3600}),
        success({}),
    ]
    carried = Carried(subject.call("contacts-get", {}), answers)
    assert carried.sent[2].headers["Authorization"] == "Bearer second"


@pytest.mark.parametrize("code", ["auth.invalid_token", "auth.required"])
def test_a_token_without_a_refresh_token_is_not_renewed(code: str) -> None:
    carried = Carried(flows(Tokens("token")).call("contacts-get", {}), [failure(401, code)])
    assert isinstance(carried.error, AuthenticationError)


def test_a_client_that_is_not_signed_in_sends_nothing() -> None:
    carried = Carried(Flows(MemoryTokens(), None, Retries()).call("contacts-get", {}), [])
    assert isinstance(carried.error, AuthenticationError)
    assert carried.error.code == "client.signed_out"


def test_signing_in_keeps_the_tokens_and_signing_out_forgets_them() -> None:
    seen: list[Tokens | None] = []
    subject = Flows(MemoryTokens(saved=seen.append), None, Retries())
    Carried(subject.call("auth-login", {}), [success(SIGNED_IN)])
    Carried(subject.call("contacts-get", {}), [success({})])
    Carried(subject.call("auth-logout", {}), [success({})])
    assert [tokens and tokens.access_token for tokens in seen] == ["new", None]


def test_no_secret_shows_in_what_is_printed() -> None:
    shown = repr([Tokens("s3cret", "s3cret"), App("id", "s3cret"), flows(Tokens("s3cret")), Send("x", b"s3cret", {})])
    assert "s3cret" not in shown
