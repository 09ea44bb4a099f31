"""Test that an import whose workers are killed two hundred times ends like one that is not interrupted."""

import random
from typing import Any

import pytest

from tests.imports.test_imports import settled
from tests.imports.test_resuming import killed, state, until_done

ROWS = 2_000
KILLS = 200


def people() -> str:
    """Rows that are new, that repeat earlier ones near and far, that are bad, and that name companies."""
    rows = []
    for number in range(ROWS):
        email = f"p{number % 1_500 if number % 7 else number - 3}@example.com" if number % 20 else ""
        name = "" if number % 50 == 9 else f"P{number}"
        rows.append(f"{name},{email},Co {number % 5}")
    return "\n".join(["first_name,email,company", *rows, ""])


def begun(ours: Any, mode: str) -> str:
    ours.make("contacts-create", first_name="Old", email="p5@example.com", tags=["kept"])
    uploaded = ours.preview(people())
    mapping = uploaded["preview"]["suggested_mapping"]
    return str(ours.confirm(uploaded["job"]["id"], mapping, duplicate_handling=mode).result["id"])


# Each worker dies within so many calls: a mode that looks for matches makes more of them.
@pytest.mark.parametrize(("mode", "calls"), [("skip", 32), ("update", 32), ("create", 22)])
def test_two_hundred_kills_change_nothing(importer, inject, wire, monkeypatch, mode, calls):
    from keel.imports import batch, worker

    monkeypatch.setattr(batch, "MAX_ROWS", 6)
    monkeypatch.setattr(worker, "MAX_IN_FLIGHT", 2)
    chance = random.Random(mode)  # noqa: S311 - the same deaths each time
    whole, ours = importer(), importer()
    whole_id, job_id = begun(whole, mode), begun(ours, mode)
    until_done(whole, whole_id)
    deaths = 0
    while ours.job(job_id)["status"] == "processing":
        died = killed(ours, job_id, inject, wire, chance.randrange(calls), after=chance.random() < 0.5)
        deaths += died
        job = ours.job(job_id)
        assert (
            sum(job[f"{name}_count"] for name in ("created", "updated", "skipped", "failed")) == job["processed_rows"]
        )
    assert deaths >= KILLS
    assert settled(ours.job(job_id)) == settled(whole.job(whole_id))
    assert state(ours) == state(whole)
    assert ours.errors(job_id, limit=100) == whole.errors(whole_id, limit=100)
