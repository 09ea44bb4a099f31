"""Run the examples of the client's documentation."""

import json
import re
import subprocess
import sys
import threading
import uuid
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

import httpx
import pytest

from keel_crm import Keel
from template import ROOT
from tests.client.conftest import to_storage
from tests.conftest import Call
from tests.harness.streams import Pump

README = ROOT / "clients/python/README.md"
GUIDE = ROOT / "docs/client.md"
# What needs more than the API: a terminal to answer on, storage, a stack that delivers.
ELSEWHERE = ("pip install", "keel import", "keel export", "keel webhooks listen")


def blocks(page: Path, language: str) -> list[str]:
    return re.findall(rf"^```{language}\n(.*?)^```$", page.read_text(), re.MULTILINE | re.DOTALL)


def commands(page: Path) -> list[str]:
    typed = [line[2:] for block in blocks(page, "console") for line in block.splitlines() if line.startswith("$ ")]
    return [line for line in typed if not line.startswith(ELSEWHERE)]


@pytest.fixture
def url(call: Call) -> Iterator[str]:
    """The real handlers, served on this machine."""

    class Gateway(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"])).decode()
            headers = {name.title(): value for name, value in self.headers.items()}
            answer = call(self.path.removeprefix("/api/"), raw=body, headers=headers)
            self.send_response(answer.status)
            for name, value in answer.headers.items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(json.dumps(answer.body).encode())

        def log_message(self, *_: object) -> None:
            """The tests' own output is enough."""

    with HTTPServer(("127.0.0.1", 0), Gateway) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()
        thread.join()


def run(command: list[str], url: str, folder: Path) -> str:
    environment = {
        "PATH": f"{folder}:/usr/bin:/bin",
        "PYTHONPATH": str(ROOT / "clients/python/src"),
        "KEEL_URL": url,
        "KEEL_CONFIG_DIR": str(folder / "config"),
    }
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, f"{command}\n{done.stderr}"
    return done.stdout


def test_the_python_of_the_readme_runs(url: str, tmp_path: Path) -> None:
    python = [block for block in blocks(README, "python") if "client.imports" not in block]
    printed = "".join(run([sys.executable, "-c", block], url, tmp_path) for block in python)
    assert "Grace Rear admiral" in printed
    assert "['Grace']" in printed
    assert "contacts.invalid_request" in printed
    assert "gone" in printed


def test_the_import_of_the_readme_brings_its_rows_in(
    url: str, pump: Pump, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    [block] = [block for block in blocks(README, "python") if "client.imports" in block]
    # In this process, where something stands in for storage and the workers work while somebody waits.
    monkeypatch.setenv("KEEL_URL", url)
    monkeypatch.setattr(httpx, "put", to_storage_by_put)
    monkeypatch.setattr("time.sleep", lambda _: pump("import_worker"))
    email = f"{uuid.uuid4().hex}@example.com"
    with Keel(url) as client:
        client.auth.register(email=email, password="correct horse", name="Ada")
        exec(block.replace("ada@engines.example", email), {})  # noqa: S102 - the page's own
        [contact] = client.contacts.list()["items"]
    assert (contact["first_name"], contact["last_name"]) == ("Joan", "Clarke")
    assert "completed 1 created, 0 failed" in capsys.readouterr().out


def to_storage_by_put(url: str, content: bytes, headers: dict[str, str]) -> httpx.Response:
    request = httpx.Request("PUT", url, content=content, headers=headers)
    answer = to_storage(request)
    answer.request = request
    return answer


@pytest.mark.parametrize("page", [README, GUIDE], ids=lambda page: page.name)
def test_the_commands_of_the_pages_run(url: str, page: Path, tmp_path: Path) -> None:
    (tmp_path / "keel").write_text(f'#!/bin/sh\nexec "{sys.executable}" -m keel_crm.cli "$@"\n')
    (tmp_path / "keel").chmod(0o755)
    for command in commands(page):
        assert run(["bash", "-c", command], url, tmp_path) or "register" in command, command


def test_there_is_something_to_run() -> None:
    assert len(blocks(README, "python")) == 5
    assert (len(commands(README)), len(commands(GUIDE))) == (3, 8)
