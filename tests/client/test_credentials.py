"""Test how the client stores and refreshes tokens."""

import subprocess
import sys
from pathlib import Path

import pytest

from keel_crm import Tokens
from keel_crm.cli.credentials import FileTokens
from template import ROOT

URL = "https://keel.example/v1"

HOLD = f"""
import sys
from keel_crm.cli.credentials import FileTokens
tokens = FileTokens({URL!r})
print(tokens.acquire(), flush=True)
sys.stdin.read()
"""


@pytest.fixture(autouse=True)
def _folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("KEEL_CONFIG_DIR", str(tmp_path))


def test_what_is_kept_is_found_again_by_the_url() -> None:
    tokens = Tokens("access", "refresh", 12.5)
    FileTokens(URL).save(tokens)
    assert FileTokens(URL).load() == tokens
    assert FileTokens("https://other.example").load() is None
    FileTokens(URL).save(None)
    assert FileTokens(URL).load() is None


def test_a_file_that_is_broken_counts_as_none(tmp_path: Path) -> None:
    FileTokens(URL).save(Tokens("access"))
    [kept] = (tmp_path / "credentials").glob("*.json")
    kept.write_text("{")
    assert FileTokens(URL).load() is None


def test_only_one_at_a_time_may_renew() -> None:
    first, second = FileTokens(URL), FileTokens(URL)
    assert first.acquire()
    assert not second.acquire()
    first.release()
    assert second.acquire()
    second.release()


def test_a_process_that_dies_leaves_the_right_to_the_others() -> None:
    environment = {
        "PYTHONPATH": str(ROOT / "clients/python/src"),
        "KEEL_CONFIG_DIR": str(FileTokens(URL)._path.parents[1]),
    }
    with subprocess.Popen(
        [sys.executable, "-c", HOLD], env=environment, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as holder:
        assert holder.stdout is not None
        assert holder.stdout.readline() == "True\n"
        assert not FileTokens(URL).acquire()
        holder.kill()
    ours = FileTokens(URL)
    assert ours.acquire()
    ours.release()
