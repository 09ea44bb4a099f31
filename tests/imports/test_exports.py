"""Test exports, and that importing an export changes nothing."""

import csv
import io
import json
import uuid
from typing import Any

import boto3
import pytest


@pytest.fixture
def exported(importer, pump, stand_ins):
    """`exported(ours, "contacts")` is the text of a whole export."""

    def exported(ours: Any, model: str, **fields: Any) -> str:
        job = ours.make("exports-create", model_type=model, **fields)
        assert job["status"] == "pending"
        assert job["signed_url"] is None
        pump("export_worker")
        job = ours.make("exports-get", id=job["id"])
        assert (job["status"], job["error"]) == ("completed", None)
        assert job["expires_in"] > 0
        assert "X-Amz-Signature" in job["signed_url"]
        folder = f"exports/{ours.session.account_id}/{job['id']}/"
        [found] = boto3.client("s3").list_objects_v2(Bucket=ours.bucket, Prefix=folder)["Contents"]
        text = boto3.client("s3").get_object(Bucket=ours.bucket, Key=found["Key"])["Body"].read().decode()
        lines = list(csv.reader(io.StringIO(text))) if job["format"] == "csv" else [None, *text.splitlines()]
        assert job["row_count"] == len(lines) - 1
        return text

    return exported


AWKWARD: list[dict[str, Any]] = [
    {"first_name": "=1+1", "last_name": "'quoted", "phone": "+44 (20) 7946-0001", "notes": "-5"},
    {"first_name": " padded ", "last_name": "\ttab", "notes": 'line\r\n"break", and more', "email": "a@example.com"},
    {"first_name": "'=x", "job_title": "@home", "tags": ["a,b", "c;d", "=e"], "city": "Zürich 🏔"},
    {"first_name": "-", "last_name": "+a", "notes": "\r\nx", "email": "A@example.com"},
    {"first_name": "same", "email": "a@example.com", "address": "   "},
]


def test_importing_an_export_changes_nothing(importer, exported):
    ours = importer()
    companies = [
        ours.make("companies-create", name=name, annual_revenue=5, employee_count=0) for name in ("Acme", "ACME")
    ]
    ours.make("companies-create", name="=big", annual_revenue=123456, domain="x.example", tags=["p"])
    sources = [ours.make("sources-create", name=name) for name in ("Web", "Old", "web", "+3")]
    fields = {}
    for label, kind in {"N": "number", "D": "date", "B": "boolean", "E": "enum", "T": "text"}.items():
        body = {"entity_type": "contact", "label": label, "field_type": kind, "options": [" x", "y", "-z"]}
        fields[label] = ours.make("custom-fields-create", **body)["id"]
    values: list[dict[str, Any]] = [
        {"N": 1.0, "D": "2026-02-28", "B": True, "E": " x", "T": "=t"},
        {"N": -1e-7, "B": False, "E": "-z"},
        {"N": 12345678901234567890, "T": " t "},
        {},
        {"N": 0},
    ]
    for number, (contact, custom) in enumerate(zip(AWKWARD, values, strict=True)):
        ours.make(
            "contacts-create",
            **contact,
            company_id=companies[number % 2]["id"],
            source_id=sources[number % 3]["id"],
            custom_fields={fields[label]: value for label, value in custom.items()},
        )
    ours.make("sources-archive", id=sources[1]["id"])
    for model in ("contacts", "companies", "sources"):
        before = ours.all(f"{model}-list", **({"include_archived": True} if model == "sources" else {}))
        text = exported(ours, model)
        for mapping in (None, {name: name for name in csv.DictReader(io.StringIO(text)).fieldnames or ()}):
            job = ours.run(text, mapping, model=model, duplicate_handling="update")
            assert (job["skipped_count"], job["failed_count"]) == (len(before), 0), ours.errors(job["id"])
            after = ours.all(f"{model}-list", **({"include_archived": True} if model == "sources" else {}))
            assert after == before


def test_csv_columns_are_fields_names_and_custom_fields(importer, exported):
    ours = importer()
    body = {"entity_type": "contact", "label": "Size", "field_type": "number"}
    size = ours.make("custom-fields-create", **body)["id"]
    company = ours.make("companies-create", name="Acme")
    contact = ours.make(
        "contacts-create", first_name="Ada", phone="+1 555 0100", company_id=company["id"], custom_fields={size: 3}
    )
    [row] = csv.DictReader(io.StringIO(exported(ours, "contacts")))
    assert row["id"] == contact["id"]
    assert (row["first_name"], row["phone"], row["company_name"]) == ("Ada", "+1 555 0100", "Acme")
    assert row[f"custom_fields.{size}"] == "3"
    assert "account_id" not in row
    assert "custom_fields" not in row


def test_json_lines_equal_the_results_of_get(importer, exported):
    ours = importer()
    project = ours.make("projects-create", name="P", value=5, start_date="2026-01-02", is_retainer=True)
    activity = ours.make(
        "activities-create", activity_type="call", project_id=project["id"], metadata={"outcome": "busy"}
    )
    source = ours.make("sources-create", name="Web")
    ours.make("sources-archive", id=source["id"])
    for model, record in (("projects", project), ("activities", activity), ("sources", source)):
        [line] = exported(ours, model, format="jsonl").splitlines()
        assert json.loads(line) == ours.make(f"{model}-get", id=record["id"])
        assert record["id"] in exported(ours, model)


def test_formulas_are_escaped_in_csv(importer, exported):
    ours = importer()
    cells = ["=1+1", "+1+1", "-1+1", "@x", "\tx", "\rx", "+44 20 7946 0001", "-5", "+5.5", "-1,000.5", "x=1", "'=1"]
    for cell in cells:
        ours.make("sources-create", name=cell)
    names = [row["name"] for row in csv.DictReader(io.StringIO(exported(ours, "sources"), newline=""))]
    assert names == ["'=1+1", "'+1+1", "'-1+1", "'@x", "'\tx", "'\rx", *cells[6:]]


def test_export_spans_pages_and_upload_parts(importer, exported, monkeypatch):
    from keel.exports import worker
    from keel.storage import objects

    monkeypatch.setattr(worker, "_PAGE", 7)
    monkeypatch.setattr(objects, "_PART", 5 << 20)
    ours = importer()
    for number in range(30):
        ours.make("contacts-create", first_name=f"P{number}", notes="n" * 10_000)
    rows = list(csv.DictReader(io.StringIO(exported(ours, "contacts"))))
    assert [row["first_name"] for row in rows] == [f"P{number}" for number in range(30)]


@pytest.mark.parametrize("model", ["contacts", "companies", "projects", "activities", "sources"])
def test_export_of_an_empty_account_has_no_rows(importer, exported, model):
    assert len(list(csv.reader(io.StringIO(exported(importer(), model))))) == 1
    assert exported(importer(), model, format="jsonl") == ""


def test_export_has_no_records_of_other_accounts(importer, exported):
    ours, theirs = importer(), importer()
    theirs.make("contacts-create", first_name="Foreign")
    assert "Foreign" not in exported(ours, "contacts")


def test_invalid_requests_return_codes_in_order(call, importer):
    ours = importer()

    def code(operation: str, **body: Any) -> Any:
        return call(operation, body, token=ours.token).code

    assert call("exports-create", {}).code == "auth.required"
    for model in ("users", "", None):
        assert code("exports-create", model_type=model, format="xml") == "exports.invalid_model_type"
    assert code("exports-create", model_type="contacts", format="xml") == "exports.invalid_request"
    assert code("exports-create", model_type=1) == "exports.invalid_request"
    assert code("exports-get") == code("exports-get", id="x") == "exports.invalid_id"
    assert code("exports-get", id=1) == "exports.invalid_request"
    assert code("exports-get", id=str(uuid.uuid4())) == "exports.not_found"
    theirs = importer().make("exports-create", model_type="contacts")
    assert code("exports-get", id=theirs["id"]) == "exports.not_found"


def test_idempotency_key_creates_one_export(call, importer):
    ours = importer()
    orders = [
        call("exports-create", {"model_type": "contacts"}, token=ours.token, headers={"Idempotency-Key": "k"}).result
        for _ in range(2)
    ]
    assert orders[0] == orders[1]


def test_stalled_export_is_resumed_and_finally_fails(importer, invoke, monkeypatch):
    from keel import clock

    ours = importer()
    job = ours.make("exports-create", model_type="contacts")
    now = clock.now()
    for minutes in range(10, 80, 10):
        monkeypatch.setattr(clock, "now", lambda minutes=minutes: now + minutes * clock.MINUTE)
        invoke("unfinished_jobs", {})
    monkeypatch.undo()
    found = ours.make("exports-get", id=job["id"])
    assert found["status"] == "failed"
    assert found["error"]
