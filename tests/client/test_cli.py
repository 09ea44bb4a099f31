"""Test the commands of the command line, their output and their exit codes."""

import errno
import json
import stat
import uuid
from pathlib import Path
from typing import Any

import httpx
import pytest
from typer.testing import CliRunner, Result

from keel_crm.cli.app import app
from keel_crm.cli.shell import Shell
from tests.client.conftest import URL, Run


def lines(done: Result) -> list[Any]:
    """The JSON lines that a command printed."""
    assert done.exit_code == 0, done.output
    return [json.loads(line) for line in done.stdout.splitlines()]


def created(keel: Run, *arguments: str) -> dict[str, Any]:
    [record] = lines(keel("contacts", "create", *arguments))
    assert isinstance(record, dict)
    return record


@pytest.mark.usefixtures("signed_in")
def test_a_record_goes_through_all_commands(keel: Run) -> None:
    made = created(keel, "--first-name", "Ada", "--last-name", "Lovelace", "--tags", "vip", "--tags", "math")
    assert made["tags"] == ["vip", "math"]
    [shown] = lines(keel("contacts", "get", made["id"]))
    assert shown == made
    [changed] = lines(keel("contacts", "update", made["id"], "--last-name", "King", "--clear", "tags"))
    assert (changed["last_name"], changed["tags"]) == ("King", [])
    assert lines(keel("contacts", "delete", made["id"])) == [{"id": made["id"], "deleted": True}]
    assert keel("contacts", "get", made["id"]).exit_code == 5


@pytest.mark.usefixtures("signed_in")
def test_search_takes_words_without_quotes(keel: Run) -> None:
    created(keel, "--first-name", "Ada", "--last-name", "Lovelace")
    created(keel, "--first-name", "Ada", "--last-name", "King")
    [found] = lines(keel("contacts", "search", "ada", "love"))
    assert found["last_name"] == "Lovelace"


@pytest.mark.usefixtures("signed_in")
def test_a_list_stops_at_its_limit_and_says_that_there_is_more(keel: Run) -> None:
    for number in range(3):
        created(keel, "--first-name", f"Ada {number}")
    done = keel("contacts", "list", "--limit", "2")
    assert len(lines(done)) == 2
    assert "more than 2" in done.stderr
    done = keel("contacts", "list", "--limit", "3")
    assert len(lines(done)) == 3
    assert "more" not in done.stderr
    assert len(lines(keel("contacts", "list", "--all"))) == 3


@pytest.mark.usefixtures("signed_in")
def test_fields_may_come_as_json_from_anywhere(keel: Run, tmp_path: Path) -> None:
    assert created(keel, "--data", '{"first_name": "Ada"}', "--last-name", "King")["last_name"] == "King"
    (tmp_path / "body.json").write_text('{"first_name": "Zoë"}', encoding="utf-8")
    assert created(keel, "--data", f"@{tmp_path / 'body.json'}")["first_name"] == "Zoë"
    [made] = lines(keel("contacts", "create", "--data", "-", input='{"first_name": "Eve"}'))
    assert made["first_name"] == "Eve"
    for wrong in ("{", "[]", "@missing.json"):
        assert keel("contacts", "create", "--data", wrong).exit_code == 2


@pytest.mark.usefixtures("signed_in", "terminal")
def test_a_terminal_shows_a_table_unless_json_is_asked_for(keel: Run) -> None:
    made = json.loads(keel("contacts", "create", "--first-name", "[red]Ada\x1b[2J", "--json").stdout)
    table = keel("contacts", "list").stdout
    assert "first_name" in table
    assert made["id"] in table
    assert "[red]Ada" in table  # text is no markup,
    assert "\x1b" not in table  # and cannot command the terminal
    assert "\x1b" not in keel("contacts", "list", "--json").stdout
    assert made["id"] in keel("contacts", "get", made["id"]).stdout


@pytest.mark.usefixtures("signed_in", "terminal")
def test_a_table_leaves_out_what_nobody_has_and_says_when_there_is_nothing(keel: Run) -> None:
    nothing = keel("contacts", "search", "nobody")
    assert (nothing.stdout, nothing.stderr, nothing.exit_code) == ("", "Nothing found.\n", 0)
    keel("contacts", "create", "--first-name", "Bartholomew", "--phone", "+44 20 7946 0000")
    header, row = keel("contacts", "list").stdout.splitlines()
    assert header.split() == ["id", "first_name", "phone"]
    assert "Bartholomew" in row


def test_signing_in_keeps_the_session_where_nobody_else_reads_it(keel: Run, signed_in: str, tmp_path: Path) -> None:
    done = keel("whoami")
    assert json.loads(done.stdout)["email"] == signed_in
    assert URL in done.stderr
    [kept] = (tmp_path / "config/credentials").glob("*.json")
    assert stat.S_IMODE(kept.stat().st_mode) == 0o600
    assert stat.S_IMODE(kept.parent.stat().st_mode) == 0o700
    assert keel("logout").exit_code == 0
    assert not kept.exists()
    again = keel("whoami")
    assert (again.exit_code, "Sign in: keel login" in again.stderr) == (3, True)
    elsewhere = keel("--url", "https://given.example", "whoami")
    assert (elsewhere.exit_code, "Sign in: keel --url https://given.example login" in elsewhere.stderr) == (3, True)


@pytest.mark.usefixtures("signed_in")
def test_a_session_that_has_ended_elsewhere_can_be_signed_out_of(keel: Run, tmp_path: Path) -> None:
    [kept] = (tmp_path / "config/credentials").glob("*.json")
    kept.write_text(json.dumps(json.loads(kept.read_text()) | {"access_token": "x", "refresh_token": "x"}))
    assert keel("whoami").exit_code == 3
    assert keel("logout").exit_code == 0
    assert not kept.exists()


def test_an_account_is_opened_from_the_shell(keel: Run) -> None:
    done = keel(
        "register", "--email", f"{uuid.uuid4().hex}@example.com", "--name", "Ada", "--account-name", "Engines",
        "--password-stdin", input="correct horse battery\n",
    )  # fmt: skip
    assert done.exit_code == 0, done.output
    assert json.loads(keel("whoami").stdout)["account_name"] == "Engines"


def test_a_token_of_the_environment_goes_before_the_session(keel: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("KEEL_TOKEN", "no token")
    done = keel("contacts", "list")
    assert done.exit_code == 3
    assert done.stderr.startswith("keel: auth.invalid_token: ")
    assert "Check KEEL_TOKEN" in done.stderr
    assert "keel login" not in done.stderr


def test_half_of_an_app_s_credentials_is_refused(keel: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("KEEL_CLIENT_ID", "kl_ci_1")
    done = keel("whoami")
    assert (done.exit_code, "KEEL_CLIENT_ID and KEEL_CLIENT_SECRET must be set together" in done.stderr) == (2, True)


def test_who_may_not_is_told_how_to_become_somebody_who_may(keel: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("KEEL_CLIENT_ID", "kl_ci_1")
    monkeypatch.setenv("KEEL_CLIENT_SECRET", "kl_cs_1")
    error = {"code": "auth.forbidden", "message": "No"}
    grant = {"access_token": "t", "expires_in": 900}

    def answer(request: httpx.Request) -> httpx.Response:
        if request.url.path.endswith("oauth-token"):
            return httpx.Response(200, json={"ok": True, "result": grant})
        return httpx.Response(403, json={"ok": False, "error": error})

    done = CliRunner().invoke(app, ["users", "list"], obj=Shell("", httpx.MockTransport(answer)))
    assert done.exit_code == 4
    told = "No. Sign in as an owner: unset KEEL_CLIENT_ID KEEL_CLIENT_SECRET; keel login"
    assert done.stderr == f"keel: auth.forbidden: {told}\n"


@pytest.mark.parametrize(
    ("arguments", "code", "told"),
    [
        (("contacts", "get", "nonsense"), 6, "contacts.invalid_id"),
        (("contacts", "get", "00000000-0000-7000-8000-000000000000"), 5, "contacts.not_found"),
        (("contacts", "create"), 6, "contacts.first_name_required"),
        (("contacts", "create", "--custom-fields", "{"), 2, "--custom-fields must be JSON"),
        (("contacts", "create", "--first-name", "A", "--email", "x"), 6, "email must be an email address. See --help"),
        (
            ("contacts", "update", "1", "--clear", "nofield"),
            2,
            "--clear: contacts-update has no field nofield. Its fields are ",
        ),
        (
            ("contacts", "create", "--data", '{"emial": "x"}'),
            2,
            "--data: contacts-create has no field emial. Its fields are ",
        ),
        (
            ("call", "contacts-get", "--data", '{"name": "x"}'),
            2,
            "contacts-get has no field name. Its fields are id.",
        ),
        (("call", "contacts-lost"), 2, "no operation contacts-lost"),
    ],
)
@pytest.mark.usefixtures("signed_in")
def test_a_failure_is_one_line_and_an_exit_code(keel: Run, arguments: tuple[str, ...], code: int, told: str) -> None:
    done = keel(*arguments)
    assert done.exit_code == code
    assert done.stdout == ""
    [line] = done.stderr.splitlines()
    assert line.startswith("keel: ")
    assert told in line


def test_a_question_that_is_not_answered_ends_the_command_as_interrupted(
    keel: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("keel_crm.cli.session.can_ask", lambda: True)
    for given in ((), ("--email", "ada@example.com")):
        done = keel("login", *given, input="")
        assert (done.exit_code, done.stderr.splitlines()[-1]) == (130, "keel: Interrupted")


@pytest.mark.parametrize(
    ("fault", "told"),
    [
        (OSError(errno.ENOSPC, "No space left on device"), "keel: No space left on device\n"),
        (PermissionError(errno.EACCES, "Permission denied", "x.csv"), "keel: x.csv: Permission denied\n"),
    ],
)
@pytest.mark.usefixtures("signed_in")
def test_what_the_system_refuses_is_a_failure_in_one_line(
    keel: Run, monkeypatch: pytest.MonkeyPatch, fault: OSError, told: str
) -> None:
    def refuse(*_: object, **__: object) -> None:
        raise fault

    monkeypatch.setattr("keel_crm.cli.output.show_records", refuse)
    done = keel("contacts", "list", "--all")
    assert (done.exit_code, done.stderr) == (2, told)


@pytest.mark.usefixtures("keel")
def test_a_server_that_cannot_be_reached_is_a_failure_of_its_own(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(_: httpx.Request) -> httpx.Response:
        raise httpx.ConnectError("refused")

    monkeypatch.setenv("KEEL_TOKEN", "t")
    monkeypatch.setattr("keel_crm.clients.time.sleep", lambda _: None)
    done = CliRunner().invoke(app, ["contacts", "list"], obj=Shell("", httpx.MockTransport(refuse)))
    assert done.exit_code == 8
    assert "client.unreachable" in done.stderr


def test_the_url_of_a_checkout_is_the_default(keel: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("KEEL_URL")
    done = keel("whoami")
    assert (done.exit_code, "KEEL_URL" in done.stderr) == (2, True)
    (tmp_path / ".keel").mkdir()
    (tmp_path / ".keel/url").write_text("https://checkout.example/v1\n")
    (tmp_path / "deep").mkdir()
    monkeypatch.chdir(tmp_path / "deep")
    assert "https://checkout.example/v1" in keel("whoami").stderr
    assert "https://given.example" in keel("--url", "https://given.example/", "whoami").stderr


@pytest.mark.parametrize("resource", ["contacts", "companies", "projects", "activities", "sources", "custom-fields"])
def test_every_resource_has_the_same_commands(keel: Run, resource: str) -> None:
    shown = keel(resource, "--help").stdout
    assert all(command in shown for command in ("create", "update", "list", "get"))


@pytest.mark.usefixtures("signed_in")
def test_any_operation_can_be_called(keel: Run) -> None:
    [made] = lines(keel("call", "sources-create", "--data", '{"name": "Fair"}'))
    [archived] = lines(keel("sources", "archive", made["id"]))
    assert archived["archived_at"]
    assert lines(keel("sources", "list")) == []
    assert lines(keel("sources", "list", "--include-archived")) == [archived]
