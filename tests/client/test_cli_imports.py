"""Test `keel import`: preview, progress, result and errors."""

import json
import signal
from collections.abc import Callable
from pathlib import Path

import httpx
import pytest
from typer.testing import CliRunner

from keel_crm.cli.app import app
from keel_crm.cli.shell import Shell
from tests.client.conftest import Run
from tests.harness.streams import Pump

PEOPLE = "First Name,E-mail,Shoe size\nAda,ada@example.com,38\nGrace,grace@example.com,40\n"


@pytest.fixture
def people(tmp_path: Path) -> str:
    path = tmp_path / "people.csv"
    path.write_text(PEOPLE)
    return str(path)


def statuses(keel: Run) -> list[str]:
    """What has become of every import of the account."""
    return [json.loads(line)["status"] for line in keel("imports", "list").stdout.splitlines()]


@pytest.mark.usefixtures("signed_in")
def test_an_import_that_nobody_can_confirm_is_cancelled(keel: Run, people: str) -> None:
    done = keel("import", people, "--to", "contacts")
    assert done.exit_code == 2
    assert "--yes" in done.stderr
    assert statuses(keel) == ["cancelled"]


class Line:
    """A connection on which something happens before or after an operation, or the upload, or is answered instead."""

    def __init__(self, to: httpx.MockTransport) -> None:
        self.to = to
        self.before: dict[str, Callable[[], None]] = {}
        self.after: dict[str, Callable[[], None]] = {}
        self.instead: dict[str, list[httpx.Response]] = {}

    def __call__(self, request: httpx.Request) -> httpx.Response:
        name = "upload" if request.method == "PUT" else request.url.path.rpartition("/")[2]
        self.before.get(name, lambda: None)()
        answer = self.instead[name].pop(0) if self.instead.get(name) else self.to.handle_request(request)
        self.after.get(name, lambda: None)()
        return answer


@pytest.fixture
def line(transport: httpx.MockTransport) -> Line:
    return Line(transport)


@pytest.fixture
def over(line: Line, keel: Run) -> Run:
    """Runs the command line over this connection; the environment is that of `keel`."""
    shell = Shell("", httpx.MockTransport(line))
    return lambda *arguments, **given: CliRunner().invoke(app, list(arguments), obj=shell, **given)


def interrupt() -> None:
    signal.raise_signal(signal.SIGINT)


@pytest.mark.usefixtures("signed_in", "working")
@pytest.mark.parametrize("when", ["before", "after"])
@pytest.mark.parametrize("where", ["imports-request-upload", "upload", "imports-complete-upload"])
def test_an_interruption_before_the_confirmation_cancels_the_import(
    keel: Run, over: Run, line: Line, people: str, where: str, when: str
) -> None:
    getattr(line, when)[where] = interrupt
    done = over("import", people, "--to", "contacts", "--yes")
    assert (done.exit_code, done.stderr) == (130, "keel: Nothing was imported.\n")
    assert statuses(keel) == ["cancelled"]


@pytest.mark.usefixtures("signed_in")
def test_an_interruption_of_the_question_cancels_the_import(
    keel: Run, people: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("keel_crm.cli.columns.can_ask", lambda: True)
    done = keel("import", people, "--to", "contacts", input="")
    assert (done.exit_code, done.stderr.splitlines()[-1]) == (130, "keel: Nothing was imported.")
    assert statuses(keel) == ["cancelled"]


@pytest.mark.usefixtures("signed_in")
@pytest.mark.parametrize("when", ["before", "after"])
@pytest.mark.parametrize("where", ["imports-confirm", "imports-get"])
def test_an_interruption_after_the_confirmation_leaves_the_import_running(
    keel: Run, over: Run, line: Line, people: str, where: str, when: str
) -> None:
    getattr(line, when)[where] = interrupt
    done = over("import", people, "--to", "contacts", "--yes")
    assert done.exit_code == 130
    assert done.stderr.startswith("keel: The import continues without this command: keel imports get ")
    assert statuses(keel) == ["processing"]


@pytest.mark.usefixtures("signed_in")
def test_an_upload_that_fails_cancels_the_import(keel: Run, over: Run, line: Line, people: str) -> None:
    def fail() -> None:
        raise httpx.WriteError("gone")

    line.before["upload"] = fail
    done = over("import", people, "--to", "contacts", "--yes")
    assert (done.exit_code, "The file could not be uploaded" in done.stderr) == (8, True)
    assert statuses(keel) == ["cancelled"]


@pytest.mark.usefixtures("signed_in")
@pytest.mark.usefixtures("working")
def test_a_large_file_is_waited_for(over: Run, line: Line, people: str) -> None:
    error = {"code": "imports.invalid_request", "message": "Try again in a few seconds."}
    line.instead["imports-complete-upload"] = [httpx.Response(400, json={"ok": False, "error": error})]
    states = [httpx.Response(200, json={"ok": True, "result": {"status": each}}) for each in ("pending", "uploaded")]
    line.instead["imports-get"] = [*states]
    done = over("import", people, "--to", "contacts", "--yes")
    assert done.exit_code == 0, done.output
    assert json.loads(done.stdout)["created_count"] == 2
    assert line.instead == {"imports-complete-upload": [], "imports-get": []}


@pytest.mark.usefixtures("signed_in")
def test_what_becomes_of_each_column_is_shown_before_anything_is_written(
    keel: Run, people: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("keel_crm.cli.columns.can_ask", lambda: True)
    done = keel("import", people, "--to", "contacts", "--map", "E-mail=", input="n\n")
    assert done.exit_code == 130
    shown = done.stderr
    assert "Import 2 rows into contacts?" in shown
    assert [line.split()[-1] for line in shown.splitlines() if line.startswith(("First Name", "E-mail"))] == [
        "Ada",
        "ada@example.com",
    ]
    assert "not imported" in next(line for line in shown.splitlines() if line.startswith("E-mail"))
    assert keel("contacts", "list").stdout == ""


@pytest.mark.usefixtures("signed_in", "working")
@pytest.mark.parametrize(
    ("mapping", "code", "told"),
    [
        ("Surname=last_name", 2, "The file has no column Surname. Its columns are First Name, E-mail, Shoe size"),
        (
            "Shoe size=shoes",
            2,
            "There is no field shoes for the column Shoe size. The fields are first_name, last_name, ",
        ),
        ("First Name=", 6, "A column must be mapped to"),
    ],
)
def test_a_mapping_that_does_not_fit_is_refused_and_leaves_nothing_behind(
    keel: Run, people: str, mapping: str, code: int, told: str
) -> None:
    done = keel("import", people, "--to", "contacts", "--yes", "--map", mapping)
    assert done.exit_code == code, done.output
    assert told in done.stderr
    assert statuses(keel) == ["cancelled"]


@pytest.mark.parametrize(
    ("given", "told"),
    [
        (("--map", "nonsense"), "--map must be COLUMN=FIELD"),
        (("--duplicates", "merge"), "--duplicates must be one of skip, update, create, not merge"),
        (("--date-format", "DMY"), "--date-format must be one of ymd, mdy, dmy, not DMY"),
        (
            ("--errors", "absent/errors.csv"),
            "Cannot save failed rows to absent/errors.csv (No such file or directory)",
        ),
        (("--errors", "people.csv"), "people.csv already exists"),
    ],
)
@pytest.mark.usefixtures("signed_in", "working")
def test_what_cannot_be_is_refused_before_anything_is_sent(
    keel: Run, people: str, given: tuple[str, str], told: str
) -> None:
    done = keel("import", people, "--to", "contacts", "--yes", *given)
    assert done.exit_code == 2
    [line] = done.stderr.splitlines()
    assert told in line
    assert statuses(keel) == []


@pytest.mark.usefixtures("signed_in")
def test_a_file_that_is_none_is_refused_with_the_reason(keel: Run, tmp_path: Path) -> None:
    (tmp_path / "empty.csv").write_text("")
    done = keel("import", str(tmp_path / "empty.csv"), "--to", "contacts", "--yes")
    assert done.exit_code == 9
    assert done.stderr.startswith("keel: The file cannot be imported: ")
    assert keel("import", str(tmp_path / "absent.csv"), "--to", "contacts").exit_code == 2


@pytest.mark.usefixtures("signed_in")
def test_a_kind_that_cannot_be_imported_is_the_servers_to_refuse(keel: Run, people: str) -> None:
    done = keel("import", people, "--to", "projects")
    assert done.exit_code == 6
    assert "imports.invalid_model_type" in done.stderr


@pytest.fixture
def working(pump: Pump, monkeypatch: pytest.MonkeyPatch) -> None:
    """While the command waits, the workers work."""
    monkeypatch.setattr("keel_crm.cli.imports.time.sleep", lambda _: pump("import_worker", "export_worker"))


@pytest.mark.usefixtures("signed_in", "working")
def test_a_file_becomes_records(keel: Run, people: str) -> None:
    done = keel("import", people, "--to", "contacts", "--yes", "--map", "Shoe size=notes")
    assert done.exit_code == 0, done.output
    job = json.loads(done.stdout)
    assert (job["status"], job["created_count"], job["processed_rows"]) == ("completed", 2, 2)
    contacts = [json.loads(line) for line in keel("contacts", "list", "--json").stdout.splitlines()]
    assert {(each["first_name"], each["email"], each["notes"]) for each in contacts} == {
        ("Ada", "ada@example.com", "38"),
        ("Grace", "grace@example.com", "40"),
    }


@pytest.mark.usefixtures("signed_in", "working")
def test_rows_that_fail_come_back_in_a_file_that_can_be_mended(keel: Run, people: str, tmp_path: Path) -> None:
    path = Path(people)
    path.write_text(PEOPLE + "Joan,nonsense,39\n")
    done = keel("import", people, "--to", "contacts", "--yes")
    assert done.exit_code == 9
    assert json.loads(done.stdout)["failed_count"] == 1
    failed = tmp_path / "people.errors.csv"
    assert f"1 row failed. Fix the rows in {failed} and import that file" in done.stderr
    assert "Joan,nonsense,39" in failed.read_text()
    assert "contacts.invalid_request" in failed.read_text()
    saved = keel("imports", "errors-file", json.loads(done.stdout)["id"], "-o", "again.csv")
    assert (saved.exit_code, saved.stderr) == (0, "Saved the rows that failed to again.csv\n")
    assert (tmp_path / "again.csv").read_text() == failed.read_text()
    failed.write_text(failed.read_text().replace("nonsense", "joan@example.com"))
    again = keel("import", str(failed), "--to", "contacts", "--yes")
    assert json.loads(again.stdout)["created_count"] == 1, again.output


@pytest.mark.usefixtures("signed_in", "working")
def test_the_file_of_very_many_rows_that_failed_is_waited_for(
    over: Run, line: Line, people: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("keel_crm.cli.failed_rows._PAUSE_SECONDS", 0)
    error = {"code": "imports.invalid_request", "message": "The file is large and still being written."}
    line.instead["imports-errors-file"] = [httpx.Response(400, json={"ok": False, "error": error}) for _ in range(3)]
    Path(people).write_text("Name,E-mail\nJoan,nonsense\n")
    done = over("import", people, "--to", "contacts", "--yes")
    assert done.exit_code == 9
    assert done.stderr.count("Waiting for the file of the rows that failed") == 1
    assert "Joan" in (tmp_path / "people.errors.csv").read_text()


@pytest.mark.usefixtures("signed_in", "working")
def test_rows_that_fail_overwrite_nothing(keel: Run, people: str, tmp_path: Path) -> None:
    Path(people).write_text("Name,E-mail\nJoan,nonsense\n")
    mended = tmp_path / "people.errors.csv"
    mended.write_text("Name,E-mail\nEve,no address\n")
    for file, kept in ((people, "people.errors-2.csv"), (str(mended), "people.errors-3.csv")):
        done = keel("import", file, "--to", "contacts", "--yes")
        assert f"Fix the rows in {tmp_path / kept} and import" in done.stderr
        assert (tmp_path / kept).exists()
    assert mended.read_text() == "Name,E-mail\nEve,no address\n"
    assert "Eve" in (tmp_path / "people.errors-3.csv").read_text()
    assert [path.name for path in tmp_path.glob("*.part")] == []


@pytest.mark.usefixtures("signed_in", "working", "terminal")
def test_a_person_is_told_the_sum_and_the_way_back(keel: Run, people: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("keel_crm.cli.columns.can_ask", lambda: True)
    monkeypatch.setattr("keel_crm.cli.imports.is_terminal", lambda: True)
    done = keel("import", people, "--to", "contacts", input="y\n")
    assert done.exit_code == 0, done.output
    assert "2 rows: 2 created, 0 updated, 0 skipped, 0 failed. To undo: keel imports undo " in done.stdout


@pytest.mark.usefixtures("signed_in", "working")
def test_what_was_exported_changes_nothing_when_it_is_imported_again(keel: Run, people: str, tmp_path: Path) -> None:
    keel("import", people, "--to", "contacts", "--yes")
    file = tmp_path / "all.csv"
    done = keel("export", "contacts", "-o", str(file))
    assert done.exit_code == 0, done.output
    assert f"Exported 2 contacts to {file}" in done.stderr
    again = keel("import", str(file), "--to", "contacts", "--duplicates", "update", "--yes")
    job = json.loads(again.stdout)
    assert (job["skipped_count"], job["processed_rows"]) == (2, 2)


@pytest.mark.usefixtures("signed_in", "working")
def test_an_export_goes_to_a_pipe_as_json_lines(keel: Run, people: str) -> None:
    keel("import", people, "--to", "contacts", "--yes")
    done = keel("export", "contacts", "--format", "jsonl")
    assert {json.loads(line)["first_name"] for line in done.stdout.splitlines()} == {"Ada", "Grace"}
    assert keel("export", "users").exit_code == 6


@pytest.mark.usefixtures("signed_in")
@pytest.mark.parametrize(
    ("to", "told"),
    [
        ("absent/all.csv", "keel: absent/all.csv: No such file or directory"),
        ("all.xlsx", "keel: all.xlsx does not end in .csv or .jsonl: use --format csv or --format jsonl"),
    ],
)
def test_an_export_that_could_not_be_written_is_not_begun(over: Run, line: Line, to: str, told: str) -> None:
    line.before["exports-create"] = lambda: pytest.fail("an export was begun")
    done = over("export", "contacts", "-o", to)
    assert (done.exit_code, done.stderr) == (2, f"{told}\n")


@pytest.mark.usefixtures("signed_in", "working")
@pytest.mark.parametrize(("given", "begins"), [(("ALL.JSONL",), "{"), (("all.xlsx", "--format", "csv"), "id,")])
def test_the_ending_of_a_file_tells_its_format_unless_it_is_given(
    keel: Run, people: str, tmp_path: Path, given: tuple[str, ...], begins: str
) -> None:
    keel("import", people, "--to", "contacts", "--yes")
    done = keel("export", "contacts", "-o", *given)
    assert done.exit_code == 0, done.output
    assert (tmp_path / given[0]).read_text("utf-8-sig").startswith(begins)
