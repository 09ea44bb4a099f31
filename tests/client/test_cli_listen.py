"""Test `keel webhooks listen`: it prints verified events and deletes its endpoint."""

import json
import signal
import socket
import threading
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import httpx
import pytest
from standardwebhooks import Webhook
from typer.testing import CliRunner, Result

from keel_crm.cli.app import app
from keel_crm.cli.shell import Shell

SECRET = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
OTHER = "whsec_" + "A" * 32
EVENT = {"event": "contact.created", "timestamp": "2026-06-01T12:00:00.000Z", "data": {"id": "1", "first_name": "Zoë"}}


class Keel:
    """Takes an endpoint and delivers to it: first what somebody else signed, then the event."""

    def __init__(self, then: Callable[[], None] = lambda: None) -> None:
        """`then` happens when the endpoint is made and before its id is told."""
        self.then = then
        self.endpoint: dict[str, Any] = {}
        self.answers: list[int] = []
        self.deleted: list[str] = []
        self.thread = threading.Thread(target=self.deliver)

    def __call__(self, request: httpx.Request) -> httpx.Response:
        body = json.loads(request.content)
        if request.url.path.endswith("webhooks-create"):
            self.endpoint = body
            self.then()
            self.thread.start()
            return self.success({"endpoint": {"id": "e-1", **body}, "secret": SECRET})
        assert request.url.path.endswith("webhooks-delete")
        self.deleted.append(body["id"])
        return self.success({"id": body["id"], "deleted": True})

    def success(self, result: Any) -> httpx.Response:
        return httpx.Response(200, json={"ok": True, "result": result})

    def deliver(self) -> None:
        self.answers.append(self.post(OTHER))
        # Until the secret is known, nothing is believed; Keel would try again as well.
        while self.post(SECRET) != 204:
            pass
        self.answers.append(204)

    def post(self, secret: str) -> int:
        body, now = json.dumps(EVENT), datetime.now(UTC)
        headers = {
            "webhook-id": "msg_1",
            "webhook-timestamp": str(int(now.timestamp())),
            "webhook-signature": Webhook(secret).sign("msg_1", now, body),
        }
        return httpx.post(self.endpoint["url"], content=body, headers=headers).status_code


@pytest.fixture(autouse=True)
def _known(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("KEEL_TOKEN", "t")
    monkeypatch.setenv("KEEL_URL", "https://keel.example/v1")


def listen(*arguments: str, transport: Callable[[httpx.Request], httpx.Response]) -> Result:
    shell = Shell("", httpx.MockTransport(transport))
    return CliRunner().invoke(app, ["webhooks", "listen", *arguments], obj=shell)


def test_events_are_printed_and_the_endpoint_is_taken_down() -> None:
    keel = Keel()
    done = listen("--count", "1", "--events", "contact.created", transport=keel)
    keel.thread.join()
    assert done.exit_code == 0, done.output
    assert [json.loads(line) for line in done.stdout.splitlines()] == [EVENT]
    assert keel.answers == [400, 204]
    assert keel.endpoint["events"] == ["contact.created"]
    assert keel.deleted == ["e-1"]


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_an_interruption_that_comes_before_the_answer_leaves_nothing_behind(number: signal.Signals) -> None:
    before = [signal.getsignal(each) for each in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)]
    keel = Keel(then=lambda: signal.raise_signal(number))
    keel.thread = threading.Thread()  # nothing happens in this account
    try:
        done = listen(transport=keel)
        after = [signal.getsignal(each) for each in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)]
    finally:
        signal.signal(signal.SIGHUP, before[2])
    assert done.exit_code == 0, done.output
    assert done.stdout == ""
    assert keel.deleted == ["e-1"]
    # A terminal that was closed tells it twice.
    assert after == ([*before[:2], signal.SIG_IGN] if number == signal.SIGHUP else before)


def nobody(request: httpx.Request) -> httpx.Response:
    pytest.fail(f"{request.url} was called")


@pytest.mark.parametrize("given", [("--count", "-1"), ("--count", "0"), ("--port", "70000")])
def test_what_makes_no_sense_is_refused(given: tuple[str, str]) -> None:
    assert listen(*given, transport=nobody).exit_code == 2


def test_a_port_that_is_taken_is_refused_in_one_line() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        done = listen("--port", str(port), transport=nobody)
    assert done.exit_code == 2
    [line] = done.stderr.splitlines()
    assert line.startswith(f"keel: Cannot listen on port {port}: ")


def test_an_endpoint_that_is_refused_ends_the_command() -> None:
    error = {"code": "webhooks.invalid_url", "message": "url must be a public HTTPS address."}
    done = listen(transport=lambda _: httpx.Response(400, json={"ok": False, "error": error}))
    assert done.exit_code == 6
    assert "webhooks.invalid_url" in done.stderr
