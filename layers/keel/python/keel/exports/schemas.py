"""Define the request and response bodies of `exports-*`."""

from typing import Literal

from keel.api.fields import Body
from keel.records.schemas import Record


class ExportCreate(Body):
    model_type: str = ""
    format: str = "csv"


class ExportJob(Record):
    """`signed_url` and `expires_in` are null until the export is completed."""

    model_type: Literal["contacts", "companies", "projects", "activities", "sources"]
    format: Literal["csv", "jsonl"]
    status: Literal["pending", "processing", "completed", "failed"]
    row_count: int
    error: str | None
    completed_at: str | None
    signed_url: str | None
    expires_in: int | None
