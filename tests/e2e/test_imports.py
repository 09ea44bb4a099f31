"""Import and export files on the deployed system."""

import csv
import io
import json
from typing import Any

import pytest
import urllib3

from tests.conftest import Call
from tests.e2e.conftest import eventually

pytestmark = pytest.mark.e2e

ROWS = 300


def people() -> str:
    rows = [f"P{number},Person,p{number}@example.com,Co {number % 5},vip;x" for number in range(ROWS)]
    return "\n".join(["Given Name,Surname,E-mail,Organization,Labels", *rows, ",Nameless,n@example.com,,", ""])


@pytest.fixture
def ada(call: Call, owner: Any) -> Any:
    token = owner().token
    return lambda operation, **body: call(operation, body, token=token)


def upload(pool: urllib3.PoolManager, request: dict[str, Any], content: str) -> int:
    answer = pool.request("PUT", request["signed_url"], body=content.encode(), headers=request["headers"])
    return answer.status


def ended(ada: Any, operation: str, id_: str, *statuses: str) -> Any:
    def look() -> Any:
        job = ada(operation, id=id_).result
        return job if job["status"] in statuses else None

    return eventually(look)


def test_one_call_and_one_upload_import_a_file(ada, pool):
    request = ada("imports-request-upload", model_type="contacts", file_name="people.csv", auto_confirm=True).result
    assert upload(pool, request, people()) == 200
    job = ended(ada, "imports-get", request["job_id"], "completed", "failed")
    assert (job["created_count"], job["failed_count"], job["total_rows"]) == (ROWS, 1, ROWS + 1)
    [found] = ada("contacts-list", search="p7@example.com").result["items"]
    assert (found["first_name"], found["company_name"], found["tags"]) == ("P7", "Co 2", ["vip", "x"])


def test_an_import_step_by_step_is_undone_again(ada, pool):
    request = ada("imports-request-upload", model_type="contacts", file_name="people.csv").result
    assert ada("imports-complete-upload", id=request["job_id"]).code == "imports.invalid_request"
    assert upload(pool, request, people()) == 200
    uploaded = ada("imports-complete-upload", id=request["job_id"]).result
    assert uploaded["job"]["status"] == "uploaded"
    mapping = uploaded["preview"]["suggested_mapping"]
    assert mapping["Given Name"] == "first_name"
    # What is uploaded after the preview is not what is imported.
    assert upload(pool, request, "Given Name\nMallory\n") == 200
    assert ada("imports-confirm", id=request["job_id"], column_mapping=mapping).result["status"] == "processing"
    job = ended(ada, "imports-get", request["job_id"], "completed", "failed")
    assert (job["error"], job["created_count"], job["failed_count"]) == (None, ROWS, 1)
    [error] = ada("imports-errors", id=job["id"]).result["items"]
    assert (error["row"], error["code"]) == (ROWS + 1, "contacts.first_name_required")
    file = pool.request("GET", ada("imports-errors-file", id=job["id"]).result["signed_url"])
    assert file.status == 200
    [row] = csv.DictReader(io.StringIO(file.data.decode()))
    assert (row["Surname"], row["row"]) == ("Nameless", str(ROWS + 1))
    assert ada("imports-undo", id=job["id"]).result["status"] == "undoing"
    undone = ended(ada, "imports-get", job["id"], "undone")
    assert undone["kept_count"] == 0
    assert ada("contacts-list").result["items"] == ada("companies-list").result["items"] == []


def test_a_signed_address_takes_only_what_it_was_signed_for(ada, pool):
    request = ada("imports-request-upload", model_type="contacts", file_name="people.csv").result
    other = request | {"headers": {"Content-Type": "text/html"}}
    assert upload(pool, other, people()) == 403
    elsewhere = request | {"signed_url": request["signed_url"].replace(request["job_id"], "elsewhere")}
    assert upload(pool, elsewhere, people()) == 403
    assert upload(pool, request | {"signed_url": request["signed_url"].partition("?")[0]}, people()) == 403


def test_an_export_is_downloaded(ada, pool):
    made = ada("contacts-create", first_name="=Ada", tags=["a", "b"]).result
    csv_job = ada("exports-create", model_type="contacts").result
    json_job = ada("exports-create", model_type="contacts", format="jsonl").result
    job = ended(ada, "exports-get", csv_job["id"], "completed", "failed")
    [row] = csv.DictReader(io.StringIO(pool.request("GET", job["signed_url"]).data.decode()))
    assert (row["id"], row["first_name"], row["tags"]) == (made["id"], "'=Ada", "a;b")
    job = ended(ada, "exports-get", json_job["id"], "completed", "failed")
    [line] = pool.request("GET", job["signed_url"]).data.decode().splitlines()
    assert json.loads(line) == made
