"""Does the command line bring a file in, and show what becomes of it?"""

import json
from pathlib import Path

import pytest

from tests.client.conftest import Run
from tests.harness.streams import Pump

PEOPLE = "First Name,E-mail,Shoe size\nAda,ada@example.com,38\nGrace,grace@example.com,40\n"


@pytest.fixture
def people(tmp_path: Path) -> str:
    path = tmp_path / "people.csv"
    path.write_text(PEOPLE)
    return str(path)


@pytest.mark.usefixtures("signed_in")
def test_an_import_that_nobody_can_confirm_is_cancelled(keel: Run, people: str) -> None:
    done = keel("import", people, "--to", "contacts")
    assert done.exit_code == 2
    assert "--yes" in done.stderr
    [job] = [json.loads(line) for line in keel("imports", "list").stdout.splitlines()]
    assert job["status"] == "cancelled"


@pytest.mark.usefixtures("signed_in")
def test_what_becomes_of_each_column_is_shown_before_anything_is_written(
    keel: Run, people: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("keel_crm.cli.imports.can_ask", lambda: True)
    done = keel("import", people, "--to", "contacts", "--map", "E-mail=", input="n\n")
    assert done.exit_code == 130
    shown = done.stderr
    assert "Import 2 rows into contacts?" in shown
    assert [line.split()[-1] for line in shown.splitlines() if line.startswith(("First Name", "E-mail"))] == [
        "Ada",
        "ada@example.com",
    ]
    assert "left out" in next(line for line in shown.splitlines() if line.startswith("E-mail"))
    assert keel("contacts", "list").stdout == ""


@pytest.mark.usefixtures("signed_in")
def test_a_column_that_the_file_lacks_is_refused(keel: Run, people: str) -> None:
    done = keel("import", people, "--to", "contacts", "--map", "Surname=last_name")
    assert done.exit_code == 2
    assert "no column Surname" in done.stderr
    assert keel("import", people, "--to", "contacts", "--map", "nonsense").exit_code == 2


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
    assert f"1 row failed: mend what is in {failed}" in done.stderr
    assert "Joan,nonsense,39" in failed.read_text()
    assert "contacts.invalid_request" in failed.read_text()
    failed.write_text(failed.read_text().replace("nonsense", "joan@example.com"))
    again = keel("import", str(failed), "--to", "contacts", "--yes")
    assert json.loads(again.stdout)["created_count"] == 1, again.output


@pytest.mark.usefixtures("signed_in", "working", "terminal")
def test_a_person_is_told_the_sum_and_the_way_back(keel: Run, people: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("keel_crm.cli.imports.can_ask", lambda: True)
    monkeypatch.setattr("keel_crm.cli.imports.is_terminal", lambda: True)
    done = keel("import", people, "--to", "contacts", input="y\n")
    assert done.exit_code == 0, done.output
    assert "2 rows: 2 created, 0 updated, 0 skipped, 0 failed. To take it back: keel imports undo " in done.stdout


@pytest.mark.usefixtures("signed_in", "working")
def test_what_was_exported_changes_nothing_when_it_is_imported_again(keel: Run, people: str, tmp_path: Path) -> None:
    keel("import", people, "--to", "contacts", "--yes")
    file = tmp_path / "all.csv"
    done = keel("export", "contacts", "-o", str(file))
    assert done.exit_code == 0, done.output
    assert f"2 contacts are in {file}" in done.stderr
    again = keel("import", str(file), "--to", "contacts", "--duplicates", "update", "--yes")
    job = json.loads(again.stdout)
    assert (job["skipped_count"], job["processed_rows"]) == (2, 2)


@pytest.mark.usefixtures("signed_in", "working")
def test_an_export_goes_to_a_pipe_as_json_lines(keel: Run, people: str) -> None:
    keel("import", people, "--to", "contacts", "--yes")
    done = keel("export", "contacts", "--format", "jsonl")
    assert {json.loads(line)["first_name"] for line in done.stdout.splitlines()} == {"Ada", "Grace"}
    assert keel("export", "users").exit_code == 6
