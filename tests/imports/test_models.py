"""Test that the models of imports and exports read and continue what version 0.1 stored."""

import json
from typing import Any

from keel import clock, ids
from keel.storage import table
from keel.storage.attribute_types import encode_attributes
from keel.storage.models import Key
from tests.imports.test_imports import settled

CONTENT = b"first_name,email\nAda,ada@example.com\n,bad@example.com\nBob,bob@example.com\n"


def import_item(ours: Any, **values: Any) -> dict[str, Any]:
    """An import job as version 0.1 stored it while it waited for its file."""
    now = clock.text(clock.now())
    counts = ("created_count", "updated_count", "skipped_count", "failed_count", "kept_count")
    return {
        "pk": f"{ours.session.account_id}#import",
        "sk": ids.mint(clock.now()),
        "kind": "import",
        "revision": 1,
        "created_by": ours.session.user["id"],
        "created_at": now,
        "updated_at": now,
        "status": "pending",
        "model_type": "contacts",
        "file_name": "people.csv",
        "content_type": "text/csv",
        "duplicate_handling": "skip",
        "date_format": None,
        "auto_confirm": False,
        "column_mapping": {},
        "total_rows": 0,
        "processed_rows": 0,
        **dict.fromkeys(counts, 0),
        "error": None,
        "completed_at": None,
        **values,
    }


def test_an_import_job_of_version_0_1_is_completed_and_undone(importer):
    ours = importer()
    item = import_item(ours, note_of_a_newer_version="kept")
    table.batch_write([encode_attributes(item)])
    job = ours.job(item["sk"])
    assert (job["status"], job["error"], job["date_format"], job["completed_at"]) == ("pending", None, None, None)
    ours.put(job["id"], CONTENT)
    mapping = ours.complete(job["id"])["preview"]["suggested_mapping"]
    ours.confirm(job["id"], mapping)
    ours.work(job["id"])
    assert settled(ours.job(job["id"])) == (2, 0, 0, 1)
    assert ours.undo(job["id"])["status"] == "undone"
    [stored] = table.batch_get_attributes([Key(item["pk"], item["sk"])]).values()
    assert stored["note_of_a_newer_version"] == {"S": "kept"}


def test_effects_and_errors_of_version_0_1_are_undone_and_listed(importer):
    ours = importer()
    ada = ours.make("contacts-create", first_name="Ada", email="new@example.com")
    company = ours.make("companies-create", name="Acme")
    now = clock.text(clock.now())
    item = import_item(ours, status="completed", total_rows=3, processed_rows=3, completed_at=now, revision=7)
    job_id, account_id = item["sk"], ours.session.account_id
    effects = {
        "besides": [["company", company["id"]]],
        "updated": [{"id": ada["id"], "from": 1, "to": 1, "had": {"email": "old@example.com"}}],
    }
    errors = [
        {"row": 2, "field": "email", "code": "contacts.invalid_request", "message": "is none", "cells": ["", "x"]}
    ]
    preview = {"columns": ["first_name", "email"], "samples": []}
    stored = [
        item,
        {"pk": f"{account_id}#import_effects#{job_id}", "sk": "00000003", "kind": "import_effects", "content": effects},
        {"pk": f"{account_id}#import_errors#{job_id}", "sk": "00000003", "kind": "import_errors", "content": errors},
        {"pk": f"{account_id}#import_preview", "sk": job_id, "kind": "import_preview", "content": preview},
    ]
    for each in stored[1:]:
        each |= {"content": json.dumps(each["content"]), "ttl": clock.now() // 1_000 + 1_000}
    table.batch_write(map(encode_attributes, stored))
    [error] = ours.errors(job_id)["items"]
    assert (error["row"], error["data"]) == (2, {"first_name": "", "email": "x"})
    assert ours.undo(job_id)["kept_count"] == 0
    assert [each["email"] for each in ours.all()] == ["old@example.com"]
    assert ours.all("companies-list") == []


def test_an_export_job_of_version_0_1_is_completed(importer, invoke, monkeypatch, pump):
    ours = importer()
    now, job_id, account_id = clock.now(), ids.mint(clock.now()), ours.session.account_id
    job = {
        "pk": f"{account_id}#export",
        "sk": job_id,
        "kind": "export",
        "created_by": ours.session.user["id"],
        "created_at": clock.text(now),
        "updated_at": clock.text(now),
        "model_type": "contacts",
        "format": "csv",
        "status": "pending",
        "row_count": 0,
        "error": None,
        "completed_at": None,
        "resumed": 0,
        "object": "",
    }
    marker = {"pk": "unfinished", "sk": f"export#{account_id}#{job_id}", "kind": "unfinished"}
    table.batch_write(map(encode_attributes, (job, marker)))
    monkeypatch.setattr(clock, "now", lambda: now + 6 * clock.MINUTE)
    invoke("unfinished_jobs", {})
    monkeypatch.undo()
    pump("export_worker")
    assert ours.make("exports-get", id=job_id)["status"] == "completed"
