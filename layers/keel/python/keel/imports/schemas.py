"""Define the request and response bodies of `imports-*`."""

from typing import Annotated, Any, Literal

from pydantic import BaseModel, Field

from keel.api.fields import AnyText, Body, Text
from keel.records.schemas import ById, ListBody, Record

Duplicates = Literal["skip", "update", "create"]
DateFormat = Literal["ymd", "mdy", "dmy"]
Status = Literal["pending", "uploaded", "processing", "completed", "failed", "cancelled", "undoing", "undone"]
# A field that is null or blank leaves its column out; a column without a name there is none.
Mapping = dict[Annotated[AnyText, Field(min_length=1)], AnyText | None]


class RequestUpload(Body):
    model_type: str = ""
    file_name: Text = ""
    content_type: Text = "text/csv"
    column_mapping: Mapping | None = None
    duplicate_handling: Duplicates = "skip"
    date_format: DateFormat | None = None
    auto_confirm: bool = False


class Confirm(ById):
    column_mapping: Mapping | None = None
    duplicate_handling: Duplicates | None = None
    date_format: DateFormat | None = None


class ImportList(ListBody):
    model_type: str | None = None
    status: Status | None = None


class ErrorList(ListBody):
    id: str = ""


class ImportJob(Record):
    model_type: str
    file_name: str
    content_type: str
    status: Status
    total_rows: int
    processed_rows: int
    created_count: int
    updated_count: int
    skipped_count: int
    failed_count: int
    kept_count: int
    column_mapping: dict[str, str]
    duplicate_handling: Duplicates
    date_format: DateFormat | None
    auto_confirm: bool
    error: str | None
    completed_at: str | None


class Upload(BaseModel):
    job_id: str
    signed_url: str
    headers: dict[str, str]
    expires_in: int


class AvailableField(BaseModel):
    value: str
    label: str


class Preview(BaseModel):
    headers: list[str]
    sample_rows: list[list[str]]
    total_rows: int
    suggested_mapping: dict[str, str]
    available_fields: list[AvailableField]


class Uploaded(BaseModel):
    job: ImportJob
    preview: Preview | None


class RowError(BaseModel):
    row: int
    field: str
    code: str
    message: str
    data: dict[str, Any] = Field(default_factory=dict)


class Download(BaseModel):
    signed_url: str
    expires_in: int
