"""Connect the client and the command line to the real handlers, without a network."""

import uuid
from collections.abc import Callable, Iterator
from pathlib import Path

import httpx
import pytest
import requests
from typer.testing import CliRunner, Result

from keel_crm import AsyncKeel, Keel
from keel_crm.cli.app import app
from keel_crm.cli.shell import Shell
from tests.conftest import Call

URL = "https://keel.example/v1"

Run = Callable[..., Result]


@pytest.fixture
def transport(call: Call) -> httpx.MockTransport:
    """Carries requests to the handlers, as the gateway would; what a signed URL names goes to storage."""

    def carry(request: httpx.Request) -> httpx.Response:
        if not str(request.url).startswith(f"{URL}/api/"):
            return to_storage(request)
        headers = {name.title(): value for name, value in request.headers.items()}
        answer = call(request.url.path.removeprefix("/v1/api/"), raw=request.content.decode(), headers=headers)
        return httpx.Response(answer.status, json=answer.body, headers=dict(answer.headers))

    return httpx.MockTransport(carry)


def to_storage(request: httpx.Request) -> httpx.Response:
    assert "authorization" not in request.headers
    # moto stands in for storage, for this library among others.
    sent = {name: value for name, value in request.headers.items() if name in ("content-type", "content-length")}
    url = str(request.url)
    answer = requests.request(request.method, url, data=request.content or None, headers=sent, timeout=10)
    return httpx.Response(answer.status_code, content=answer.content)


@pytest.fixture
def client(transport: httpx.MockTransport) -> Iterator[Keel]:
    with Keel(URL, transport=transport) as client:
        yield client


@pytest.fixture
def connect(transport: httpx.MockTransport) -> Callable[..., AsyncKeel]:
    return lambda **given: AsyncKeel(URL, transport=transport, **given)


@pytest.fixture
def keel(transport: httpx.MockTransport, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Run:
    """Runs the command line: `keel("contacts", "list", input="…")`; its files are the test's own."""
    for name in ("KEEL_TOKEN", "KEEL_CLIENT_ID", "KEEL_CLIENT_SECRET"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("KEEL_CONFIG_DIR", str(tmp_path / "config"))
    monkeypatch.setenv("KEEL_URL", URL)
    monkeypatch.chdir(tmp_path)
    return lambda *arguments, **given: CliRunner().invoke(app, list(arguments), obj=Shell("", transport), **given)


@pytest.fixture
def signed_in(keel: Run, client: Keel) -> str:
    """Signs the command line in, as the owner of a fresh account; gives the email."""
    email = f"{uuid.uuid4().hex}@example.com"
    client.auth.register(email=email, password="correct horse battery", name="Ada")
    done = keel("login", "--email", email, "--password-stdin", input="correct horse battery\n")
    assert done.exit_code == 0, done.output
    return email


@pytest.fixture
def terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    """Makes the command line believe that its output goes to a terminal."""
    monkeypatch.setattr("keel_crm.cli.output.is_terminal", lambda: True)
    monkeypatch.setenv("COLUMNS", "200")
