"""Run the documented commands that need a whole system."""

import json
import os
import pty
import re
import signal
import subprocess
import sys
import uuid
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from template import ROOT
from tests.conftest import PASSWORD
from tests.e2e.test_client import seen
from tests.harness.dynamodb_local import free_port

pytestmark = pytest.mark.e2e


def test_the_first_call_of_the_readme_works_when_pasted(stack, call):
    assert call("no-such-operation").status == 404  # the stack is there
    blocks = re.findall(r"```bash\n(.*?)```", (ROOT / "README.md").read_text(), re.DOTALL)
    [block] = [block for block in blocks if "auth-register" in block]
    pasted = block.replace("$(cat .keel/url)", stack.url())
    done = subprocess.run(["bash", "-euc", pasted], capture_output=True, text=True, check=True, timeout=120)
    created, end = json.JSONDecoder().raw_decode(done.stdout)
    listed = json.loads(done.stdout[end:])
    assert created["result"]["first_name"] == "Grace"
    assert [contact["id"] for contact in listed["result"]["items"]] == [created["result"]["id"]]


def test_the_five_calls_of_an_import_work_when_pasted(stack, owner, call, tmp_path):
    [script] = re.findall(r"```bash\n(.*?)```", (ROOT / "docs/imports.md").read_text(), re.DOTALL)
    session = owner()
    done = subprocess.run(
        ["bash", "-euo", "pipefail", "-c", script],
        cwd=tmp_path,
        env={"PATH": os.environ["PATH"], "URL": stack.url(), "TOKEN": session.token},
        capture_output=True,
        text=True,
        check=False,
        timeout=300,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert done.stdout.endswith("completed\n")
    found = call("contacts-list", {"search": "lovelace"}, token=session.token).result["items"]
    assert [contact["email"] for contact in found] == ["ada@engines.example"]


# ---- The command line -----------------------------------------------------------------------------------------------


@pytest.fixture
def shell(stack, tmp_path) -> dict[str, str]:
    """The environment of somebody at a terminal in a folder of their own, with `keel` on the path."""
    (tmp_path / "keel").write_text(f'#!/bin/sh\nexec "{sys.executable}" -m keel_crm.cli "$@"\n')
    (tmp_path / "keel").chmod(0o755)
    (tmp_path / "people.csv").write_text("Name,E-mail\nMary Somerville,mary@engines.example\n")
    return {
        "PATH": f"{tmp_path}:{os.environ['PATH']}",
        "PYTHONPATH": str(ROOT / "clients/python/src"),
        "KEEL_URL": stack.url(),
        "KEEL_CONFIG_DIR": str(tmp_path / "config"),
        "TERM": "xterm",
        "COLUMNS": "120",
    }


def typed(page: Path) -> list[str]:
    blocks = re.findall(r"^```console\n(.*?)^```$", page.read_text(), re.MULTILINE | re.DOTALL)
    return [line[2:] for block in blocks for line in block.splitlines() if line.startswith("$ ")]


def test_the_commands_of_the_guide_work_one_after_the_other(shell, tmp_path):
    for command in typed(ROOT / "docs/client.md"):
        # The address of the page may have an account already.
        command = command.replace("lin@engines.example", f"{uuid.uuid4().hex}@engines.example")
        ours, theirs = pty.openpty()
        with subprocess.Popen(
            ["bash", "-c", command], env=shell, cwd=tmp_path, stdin=theirs, stdout=theirs, stderr=theirs
        ) as running:
            os.close(theirs)
            if command.startswith("keel import "):
                seen(ours, until="[y/N]")
                os.write(ours, b"y\n")
            elif command.startswith("keel webhooks listen"):
                seen(ours, until="Press Ctrl-C to stop")
                running.send_signal(signal.SIGINT)
            shown = everything(ours)
        os.close(ours)
        assert running.returncode == 0, f"{command}\n{shown}"
    assert "mary@engines.example" in (tmp_path / "contacts.csv").read_text()


def everything(terminal: int) -> str:
    """What is shown until the command has ended."""
    shown = b""
    while True:
        try:
            shown += os.read(terminal, 65_536)
        except OSError:  # so a terminal says that nobody is at its other end
            return shown.decode(errors="replace")


def test_the_client_can_be_installed_as_its_page_says(tmp_path):
    [command] = [line for line in typed(ROOT / "clients/python/README.md") if line.startswith("pip ")]
    dry = command.replace("pip install", "pip install --dry-run --no-deps --no-build-isolation --no-index")
    environment = {"PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}", "HOME": str(tmp_path)}
    done = subprocess.run(
        ["bash", "-c", dry], cwd=ROOT, env=environment, capture_output=True, text=True, check=False, timeout=300
    )
    assert "Would install keel-crm-" in done.stdout, done.stdout + done.stderr


# ---- Running it here ------------------------------------------------------------------------------------------------


# local.py, with another folder than the one of the stack in use.
ASIDE = "import pathlib, sys, local; local.KEEL = pathlib.Path(sys.argv.pop(1)); local.main()"


@pytest.fixture
def run(tmp_path) -> Iterator[Callable[..., str]]:
    """Runs what a target of the Makefile runs, in a folder and on a port of its own; what is built is shared."""
    environment = os.environ | {"KEEL_PORT": str(free_port()), "PYTHONPATH": str(ROOT / "scripts")}

    def run(*target: str) -> str:
        told = subprocess.run(["make", "-n", *target], cwd=ROOT, capture_output=True, text=True, check=True).stdout
        [command] = [line for line in told.splitlines() if "scripts/local.py" in line]
        arguments = [sys.executable, "-c", ASIDE, str(tmp_path), command.split()[-1]]
        done = subprocess.run(arguments, cwd=ROOT, env=environment, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    yield run
    run("stop")


def test_it_runs_here_takes_new_code_stops_and_keeps_what_it_had(run, pool, tmp_path):
    blocks = re.findall(r"```bash\n(.*?)```", (ROOT / "README.md").read_text(), re.DOTALL)
    [start] = [block.split()[1:] for block in blocks if block.startswith("make dev")]

    def call(operation: str, body: object, token: str = "") -> Any:
        url = f"{(tmp_path / 'url').read_text().strip()}/api/{operation}"
        return pool.request("POST", url, json=body, headers={"Authorization": f"Bearer {token}"}).json()["result"]

    assert "Ready after" in run(*start)
    body = {"email": f"{uuid.uuid4().hex}@example.com", "password": PASSWORD, "name": "Ada"}
    token = call("auth-register", body)["access_token"]
    run("sync")
    assert call("auth-me", {}, token)["name"] == "Ada"
    run("stop")
    run(*start)
    assert call("auth-me", {}, token)["name"] == "Ada"
    run("reset")
    assert not (tmp_path / "local").exists()
