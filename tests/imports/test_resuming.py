"""Does an import end the same whatever interrupts it? Workers that run out of time, die, meet, or are told twice."""

from collections.abc import Callable
from typing import Any

import pytest

from tests.imports.test_imports import settled

ROWS = 40


@pytest.fixture
def small_groups(monkeypatch: pytest.MonkeyPatch) -> Callable[[int], None]:
    from keel.imports import groups

    return lambda rows: monkeypatch.setattr(groups, "ROWS", rows)


def people(count: int = ROWS) -> str:
    """Rows of every kind: new, repeated, bad, with line breaks, with companies and sources that repeat."""
    rows = []
    for number in range(count):
        if number % 10 == 9:
            rows.append(f",nobody,n{number}@example.com,,,")
        else:
            email = f"p{number % 17}@example.com"
            rows.append(f'P{number},"Zoë\n""{number}""",{email},Co {number % 3},S {number % 2},t{number % 4}')
    return "\r\n".join(["first_name,last_name,email,company,source,tags", *rows, ""])


def without_times(value: Any) -> Any:
    """Records by what an import decides: neither ids nor the times of a run are compared."""
    if isinstance(value, list):
        return [without_times(each) for each in value]
    kept = ("first_name", "last_name", "email", "company_name", "source_name", "tags", "name")
    return {name: value[name] for name in kept if name in value}


def state(ours: Any) -> Any:
    lists = [ours.all(f"{model}-list") for model in ("contacts", "companies", "sources")]
    return [without_times(each) for each in lists]


@pytest.mark.parametrize("encoding", ["utf-8-sig", "utf-16", "cp1252"])
def test_an_import_goes_on_wherever_time_ran_out(importer, monkeypatch, small_groups, encoding):
    from keel.imports import worker

    ours, whole = importer(), importer()
    settled(whole.run(people(), duplicate_handling="update"))
    small_groups(3)
    calls = iter(range(1_000))
    monkeypatch.setattr(worker, "MARGIN_MILLISECONDS", 0)
    uploaded = ours.preview(people().encode(encoding))
    mapping = uploaded["preview"]["suggested_mapping"]
    job_id = ours.confirm(uploaded["job"]["id"], mapping, duplicate_handling="update").result["id"]
    invocations = 0
    while ours.job(job_id)["status"] == "processing":
        invocations += 1
        worker.carry_on(
            {"account_id": ours.session.account_id, "job_id": job_id},
            lambda: 1 if next(calls) % 2 == 0 else -1,
        )
    assert invocations > 10
    settled(ours.job(job_id))
    assert state(ours) == state(whole)


def test_a_storage_that_knows_no_ranges_gives_no_row_twice(importer, monkeypatch, small_groups):
    from keel import objects

    ask = objects.Blocks._get
    monkeypatch.setattr(objects.Blocks, "_get", lambda self, **asked: ask(self, IfMatch=asked["IfMatch"]))
    ours = importer()
    small_groups(3)
    settled(ours.run(people(), duplicate_handling="create"))
    assert len(ours.all()) == ROWS * 9 // 10
