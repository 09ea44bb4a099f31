"""Run imports in tests by the calls that a client makes."""

import json
from collections.abc import Callable
from typing import Any
from urllib.parse import quote_plus

import boto3
import pytest

from tests.harness.gateway import Session
from tests.harness.streams import queued


class Importer:
    """Runs imports of one account through the front door."""

    def __init__(self, call: Any, invoke: Any, stand_ins: Any, session: Session) -> None:
        self.call, self.invoke, self.token = call, invoke, session.token
        self.session = session
        self.bucket = stand_ins.value({"Ref": "Files"})

    def request(self, model_type: str = "contacts", **fields: Any) -> str:
        body = {"model_type": model_type, "file_name": "people.csv"} | fields
        return str(self.call("imports-request-upload", body, token=self.token).result["job_id"])

    def key(self, job_id: str) -> str:
        return f"uploads/{self.session.account_id}/{job_id}"

    def put(self, job_id: str, content: str | bytes) -> None:
        raw = content.encode() if isinstance(content, str) else content
        boto3.client("s3").put_object(Bucket=self.bucket, Key=self.key(job_id), Body=raw)

    def announce(self, job_id: str, *, key: str = "") -> Any:
        """What storage says when the file has arrived."""
        record = {
            "s3": {"bucket": {"name": self.bucket}, "object": {"key": quote_plus(key or self.key(job_id), safe="/")}}
        }
        return self.invoke("import_upload", {"Records": [queued(json.dumps({"Records": [record]}), "m")]})

    def complete(self, job_id: str) -> Any:
        return self.call("imports-complete-upload", {"id": job_id}, token=self.token).result

    def preview(self, content: str | bytes, model_type: str = "contacts", **fields: Any) -> Any:
        """The preview of a file, with its job."""
        job_id = self.request(model_type, **fields)
        self.put(job_id, content)
        return self.complete(job_id)

    def confirm(self, job_id: str, mapping: dict[str, str], **fields: Any) -> Any:
        body = {"id": job_id, "column_mapping": mapping} | fields
        return self.call("imports-confirm", body, token=self.token)

    def work(self, job_id: str) -> Any:
        """One message for the worker, as the queue delivers it."""
        body = json.dumps({"account_id": self.session.account_id, "job_id": job_id})
        return self.invoke("import_worker", {"Records": [queued(body, "m")]})

    def run(
        self, content: str | bytes, mapping: dict[str, str] | None = None, model: str = "contacts", **fields: Any
    ) -> Any:
        """A whole import; gives the job at its end. Without a mapping the suggested one is taken."""
        uploaded = self.preview(content, model)
        chosen = uploaded["preview"]["suggested_mapping"] if mapping is None else mapping
        assert self.confirm(uploaded["job"]["id"], chosen, **fields).result["status"] == "processing"
        assert self.work(uploaded["job"]["id"]) == {"batchItemFailures": []}
        return self.job(uploaded["job"]["id"])

    def undo(self, job_id: str) -> Any:
        assert self.call("imports-undo", {"id": job_id}, token=self.token).result["status"] == "undoing"
        assert self.work(job_id) == {"batchItemFailures": []}
        return self.job(job_id)

    def errors(self, job_id: str, **fields: Any) -> Any:
        return self.call("imports-errors", {"id": job_id} | fields, token=self.token).result

    def all(self, operation: str = "contacts-list", **fields: Any) -> list[Any]:
        """Every record of a list, the oldest first."""
        found, cursor = list[Any](), ""
        while True:
            page = self.call(operation, {"limit": 100, "cursor": cursor} | fields, token=self.token).result
            found += page["items"]
            cursor = page["next_cursor"]
            if not cursor:
                return found if operation == "sources-list" else found[::-1]

    def make(self, operation: str, **fields: Any) -> Any:
        return self.call(operation, fields, token=self.token).result

    def job(self, job_id: str) -> Any:
        return self.call("imports-get", {"id": job_id}, token=self.token).result


@pytest.fixture
def importer(call: Any, invoke: Any, stand_ins: Any, owner: Any) -> Callable[..., Importer]:
    """`importer()` opens an account and imports into it."""
    return lambda session=None: Importer(call, invoke, stand_ins, session or owner())
