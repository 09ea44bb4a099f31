"""How does a test import a file? By the calls that a client makes."""

import json
from collections.abc import Callable
from typing import Any
from urllib.parse import quote_plus

import boto3
import pytest

from tests.harness.gateway import Session


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
        return self.invoke(
            "import_upload", {"Records": [{"messageId": "m", "body": json.dumps({"Records": [record]})}]}
        )

    def complete(self, job_id: str) -> Any:
        return self.call("imports-complete-upload", {"id": job_id}, token=self.token).result

    def preview(self, content: str | bytes, model_type: str = "contacts", **fields: Any) -> Any:
        """The preview of a file, with its job."""
        job_id = self.request(model_type, **fields)
        self.put(job_id, content)
        return self.complete(job_id)

    def job(self, job_id: str) -> Any:
        return self.call("imports-get", {"id": job_id}, token=self.token).result


@pytest.fixture
def importer(call: Any, invoke: Any, stand_ins: Any, owner: Any) -> Callable[..., Importer]:
    """`importer()` opens an account and imports into it."""
    return lambda session=None: Importer(call, invoke, stand_ins, session or owner())
