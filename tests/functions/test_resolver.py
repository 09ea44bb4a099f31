"""The resolver: its log lines, malformed events, concurrent requests, tracing."""

import json
import logging
import threading
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from keel import tracing
from keel.api.pages import Page
from keel.api.resolver import Api
from tests.harness.functions import Context, Functions
from tests.harness.gateway import Answer, Session, answer_of, fresh_address, request_event

Lines = Callable[[], list[dict[str, Any]]]
MARKER = "marker-5c1e"
CONTEXT: Any = Context("keel-test-api")


def test_log_lines_have_the_request_id_as_correlation_id_and_the_lambda_context(
    call: Any, owner: Callable[[], Session], log_lines: Lines
) -> None:
    ada = owner()
    log_lines()
    answer = call("contacts-list", token=ada.token)
    [line] = log_lines()
    assert line["correlation_id"] == line["request_id"] == answer.headers["X-Request-Id"]
    assert line["function_name"] == "keel-test-contacts"
    assert line["function_request_id"] != line["request_id"]
    assert line["cold_start"] is False


@pytest.mark.parametrize(
    "event",
    [
        {},
        {"body": MARKER},
        {"httpMethod": "POST", "path": None, "headers": None, "requestContext": {"requestId": MARKER}},
        {"httpMethod": None, "path": f"/api/{MARKER}", "requestContext": None},
        {"httpMethod": "POST", "path": "/api/contacts-list", "headers": {"Authorization": f"Bearer {MARKER}"}},
        {
            "httpMethod": "POST",
            "path": "/api/contacts-list",
            "requestContext": {"requestId": "1"},
            "body": {"a": MARKER},
        },
    ],
)
def test_malformed_event_is_answered_and_its_content_is_not_logged(
    functions: Functions, log_lines: Lines, event: dict[str, Any]
) -> None:
    answer = answer_of(functions.invoke("contacts", event))
    assert (answer.status, answer.code) == (500, "contacts.internal")
    assert answer.headers["X-Request-Id"] == answer.body["error"]["request_id"]
    fault, answered = log_lines()
    assert fault["error_at"]
    assert (answered["status"], answered["code"]) == (500, "contacts.internal")
    for line in (fault, answered):
        told = {name: value for name, value in line.items() if not name.endswith(("request_id", "correlation_id"))}
        assert MARKER not in json.dumps(told)


def test_event_is_never_logged(
    functions: Functions, log_lines: Lines, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    from keel.logs import logger

    monkeypatch.setenv("POWERTOOLS_LOGGER_LOG_EVENT", "true")
    monkeypatch.setenv("POWERTOOLS_DEV", "true")
    monkeypatch.setattr(logging.getLogger("aws_lambda_powertools"), "level", logging.DEBUG)
    event = request_event("api-explode", {"name": MARKER}, token=MARKER, address=fresh_address())
    logger.setLevel("DEBUG")
    try:
        with functions.running("api"):
            answer = answer_of(Api("api").handle(event, CONTEXT))
    finally:
        logger.setLevel("INFO")
    assert answer.code == "api.not_found"
    assert len(log_lines()) == 1
    written = capsys.readouterr()
    assert MARKER not in written.out + written.err


def test_concurrent_requests_do_not_share_state(functions: Functions) -> None:
    with functions.running("api"):
        api, barrier = Api("api"), threading.Barrier(8, timeout=30)

    def show(query: Mapping[str, str]) -> Page:
        barrier.wait()  # until all requests are under way
        return Page(
            {"Content-Type": "text/plain"}, f"{query['name']} {api.current_event.query_string_parameters['name']}"
        )

    def answer(name: str) -> tuple[str, str, Answer]:
        event = request_event("/page", method="GET", address="198.18.0.1") | {"queryStringParameters": {"name": name}}
        return name, event["requestContext"]["requestId"], answer_of(api.handle(event, CONTEXT))

    api.page("/page", show)
    with functions.running("api"), ThreadPoolExecutor(8) as pool:
        for name, request_id, given in pool.map(answer, map(str, range(8))):
            assert given.headers["X-Request-Id"] == request_id
            assert given.body == f"{name} {name}"


# ---- Tracing --------------------------------------------------------------------------------------------------------


class Recorder:
    """What the tracer of Powertools is asked for."""

    def __init__(self) -> None:
        self.annotations: dict[str, str] = {}
        self.options: dict[str, Any] = {}

    def __call__(self, **options: Any) -> "Recorder":
        self.options |= options
        return self

    def capture_lambda_handler(self, handler: tracing.Handler, **options: bool) -> tracing.Handler:
        self.options |= options
        return handler

    def put_annotation(self, key: str, value: str) -> None:
        self.annotations[key] = value


@pytest.fixture
def traced(monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[[str | None], Recorder]]:
    """`traced("false")` gives what the tracer records for this value of POWERTOOLS_TRACE_DISABLED."""

    def traced(disabled: str | None) -> Recorder:
        recorder = Recorder()
        monkeypatch.setattr(tracing, "Tracer", recorder)
        if disabled is None:
            monkeypatch.delenv("POWERTOOLS_TRACE_DISABLED", raising=False)
        else:
            monkeypatch.setenv("POWERTOOLS_TRACE_DISABLED", disabled)
        tracing._tracer.cache_clear()
        return recorder

    yield traced
    tracing._tracer.cache_clear()


def test_trace_has_operation_and_account_but_no_response_and_no_error(
    call: Any, owner: Callable[[], Session], traced: Callable[[str | None], Recorder]
) -> None:
    ada, recorder = owner(), traced("false")
    Api("api")
    assert recorder.options == {"patch_modules": ["botocore"], "capture_response": False, "capture_error": False}
    assert call("contacts-list", token=ada.token).status == 200
    assert recorder.annotations == {"operation": "contacts-list", "account_id": ada.account_id}


@pytest.mark.parametrize("disabled", ["true", None])
def test_nothing_is_traced_unless_it_is_turned_on(
    call: Any, owner: Callable[[], Session], traced: Callable[[str | None], Recorder], disabled: str | None
) -> None:
    ada, recorder = owner(), traced(disabled)
    assert call("contacts-list", token=ada.token).status == 200
    assert (recorder.annotations, recorder.options) == ({}, {})
