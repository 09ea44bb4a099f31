"""Does the command line bring a file in, and show what becomes of it?"""

import json
from pathlib import Path

import pytest

from tests.client.conftest import Run

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
