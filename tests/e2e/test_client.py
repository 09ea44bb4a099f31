"""Use the client and the command line against the deployed system."""

import asyncio
import json
import os
import pty
import re
import select
import subprocess
import sys
import uuid
from collections.abc import Callable
from pathlib import Path

import pytest

from keel_crm import AsyncKeel, Keel, NotFoundError
from stack import Stack
from template import ROOT
from tests.conftest import PASSWORD
from tests.e2e.conftest import eventually

pytestmark = pytest.mark.e2e

ROWS = 150


@pytest.fixture
def client(stack: Stack):
    with Keel(stack.url()) as client:
        client.auth.register(email=f"{uuid.uuid4().hex}@example.com", password=PASSWORD, name="Ada")
        yield client


@pytest.fixture
def environment(stack: Stack, tmp_path: Path) -> dict[str, str]:
    return {
        "PATH": os.environ["PATH"],
        "PYTHONPATH": str(ROOT / "clients/python/src"),
        "KEEL_URL": stack.url(),
        "KEEL_CONFIG_DIR": str(tmp_path / "config"),
    }


@pytest.fixture
def keel(environment: dict[str, str], tmp_path: Path) -> Callable[..., str]:
    """Runs `keel` in a process of its own, signed in to a fresh account; gives what it prints."""

    def keel(*arguments: str, code: int = 0, typed: str = "") -> str:
        command = [sys.executable, "-m", "keel_crm.cli", *arguments]
        done = subprocess.run(
            command, env=environment, cwd=tmp_path, capture_output=True, text=True, check=False, input=typed
        )
        assert done.returncode == code, f"{arguments}: {done.stdout}{done.stderr}"
        return done.stdout

    email = f"{uuid.uuid4().hex}@example.com"
    keel("register", "--email", email, "--name", "Ada", "--password-stdin", typed=f"{PASSWORD}\n")
    return keel


def test_records_are_kept_by_the_client(client):
    made = client.contacts.create(first_name="Ada", last_name="Lovelace", tags=["vip"])
    assert [found["id"] for found in client.contacts.iterate(search="love", limit=1)] == [made["id"]]
    assert client.contacts.update(made["id"], last_name=None)["last_name"] == ""
    client.contacts.delete(made["id"])
    with pytest.raises(NotFoundError):
        client.contacts.get(made["id"])


async def walk(url: str, client_id: str, client_secret: str) -> list[str]:
    async with AsyncKeel(url, client_id=client_id, client_secret=client_secret) as app:
        return [contact["first_name"] async for contact in app.contacts.iterate(limit=1)]


def test_an_app_walks_through_pages(client):
    for name in ("Ada", "Grace", "Joan"):
        client.contacts.create(first_name=name)
    app = client.oauth_apps.create(name="Sync")
    found = asyncio.run(walk(client.url, app["app"]["client_id"], app["client_secret"]))
    assert found == ["Joan", "Grace", "Ada"]


def test_a_file_is_imported_found_exported_and_taken_back(keel, tmp_path):
    rows = [f"Ada {number},ada{number}@example.com,Engines {number % 7}" for number in range(ROWS)]
    (tmp_path / "people.csv").write_text("\n".join(["Name,E-mail,Company", *rows, "Joan,nonsense,", ""]))
    job = json.loads(keel("import", "people.csv", "--to", "contacts", "--yes", code=9))
    assert (job["created_count"], job["failed_count"], job["processed_rows"]) == (ROWS, 1, ROWS + 1)
    assert "nonsense" in (tmp_path / "people.errors.csv").read_text()

    [found] = keel("contacts", "search", "ada123@example.com").splitlines()
    assert json.loads(found)["company_name"] == "Engines 4"
    keel("export", "contacts", "-o", "all.csv")
    assert len((tmp_path / "all.csv").read_text().splitlines()) == ROWS + 1

    keel("imports", "undo", job["id"])
    eventually(lambda: json.loads(keel("imports", "get", job["id"]))["status"] == "undone", seconds=120)
    assert keel("contacts", "list") == ""


def test_events_are_heard(keel, environment, tmp_path):
    command = [
        sys.executable,
        "-m",
        "keel_crm.cli",
        "webhooks",
        "listen",
        "--count",
        "1",
        "--events",
        "contact.created",
    ]
    with subprocess.Popen(
        command, env=environment, cwd=tmp_path, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as listener:
        assert listener.stdout is not None
        assert listener.stderr is not None
        assert "Listening at" in listener.stderr.readline()
        made = json.loads(keel("contacts", "create", "--first-name", "Ada"))
        told, _ = listener.communicate(timeout=120)
    event = json.loads(told)
    assert (event["event"], event["data"]["id"]) == ("contact.created", made["id"])
    assert keel("webhooks", "list") == ""


@pytest.mark.usefixtures("keel")
def test_an_import_is_confirmed_and_watched_at_a_terminal(environment, tmp_path):
    (tmp_path / "people.csv").write_text("First Name,E-mail\nAda,ada@example.com\nGrace,grace@example.com\n")
    ours, theirs = pty.openpty()
    command = [sys.executable, "-m", "keel_crm.cli", "import", "people.csv", "--to", "contacts"]
    at_terminal = environment | {"TERM": "xterm", "COLUMNS": "120"}
    with subprocess.Popen(
        command, env=at_terminal, cwd=tmp_path, stdin=theirs, stdout=theirs, stderr=theirs
    ) as importing:
        os.close(theirs)
        shown = seen(ours, until="[y/N]")
        os.write(ours, b"y\n")
        after = seen(ours, until="keel imports undo")
    os.close(ours)
    assert importing.returncode == 0
    assert "First name" in shown
    assert "Import 2 rows into contacts?" in shown
    assert "2/2" in after
    assert "2 rows: 2 created, 0 updated, 0 skipped, 0 failed." in after


def seen(terminal: int, *, until: str) -> str:
    """What comes on a terminal, without its control sequences, up to this text."""
    raw, shown = b"", ""
    while until not in shown:
        assert select.select([terminal], [], [], 120)[0], shown
        raw += os.read(terminal, 65_536)
        shown = re.sub(r"\x1b\[[0-9;?]*[A-Za-z]", "", raw.decode(errors="replace"))
    return shown
