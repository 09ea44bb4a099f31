"""Does listening print the events that are Keel's, and leave nothing behind?"""

import json
import signal
import threading
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import httpx
import pytest
from standardwebhooks import Webhook
from typer.testing import CliRunner

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


def test_events_are_printed_and_the_endpoint_is_taken_down(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("KEEL_TOKEN", "t")
    monkeypatch.setenv("KEEL_URL", "https://keel.example/v1")
    keel = Keel()
    arguments = ["webhooks", "listen", "--count", "1", "--events", "contact.created"]
    done = CliRunner().invoke(app, arguments, obj=Shell("", httpx.MockTransport(keel)))
    keel.thread.join()
    assert done.exit_code == 0, done.output
    assert [json.loads(line) for line in done.stdout.splitlines()] == [EVENT]
    assert keel.answers == [400, 204]
    assert keel.endpoint["events"] == ["contact.created"]
    assert keel.deleted == ["e-1"]


def test_an_interruption_that_comes_before_the_answer_leaves_nothing_behind(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("KEEL_TOKEN", "t")
    monkeypatch.setenv("KEEL_URL", "https://keel.example/v1")
    before = signal.getsignal(signal.SIGINT)
    keel = Keel(then=lambda: signal.raise_signal(signal.SIGINT))
    keel.thread = threading.Thread()  # nothing happens in this account
    done = CliRunner().invoke(app, ["webhooks", "listen"], obj=Shell("", httpx.MockTransport(keel)))
    assert done.exit_code == 0, done.output
    assert done.stdout == ""
    assert keel.deleted == ["e-1"]
    assert signal.getsignal(signal.SIGINT) is before


def test_an_endpoint_that_is_refused_ends_the_command(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("KEEL_TOKEN", "t")
    monkeypatch.setenv("KEEL_URL", "https://keel.example/v1")
    error = {"code": "webhooks.invalid_url", "message": "url must be a public HTTPS address."}
    transport = httpx.MockTransport(lambda _: httpx.Response(400, json={"ok": False, "error": error}))
    done = CliRunner().invoke(app, ["webhooks", "listen"], obj=Shell("", transport))
    assert done.exit_code == 6
    assert "webhooks.invalid_url" in done.stderr
