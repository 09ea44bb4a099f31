"""Implement the operations on imports."""

from typing import Any, Final

from keel import clock
from keel.api.authorizer import Caller
from keel.errors import ApiError
from keel.imports import jobs, mapping, uploads
from keel.imports.jobs import JobConflict
from keel.imports.models import ImportJob, job_key
from keel.imports.schemas import Confirm, RequestUpload
from keel.records.schemas import ById
from keel.storage import objects
from keel.workers.recovery import JobType

UNDO_DAYS: Final = 30
_MAPPING_BYTES: Final = 200_000
_COLUMN_BYTES: Final = 30_000  # no column of a file has a longer name
_STALLED_AFTER: Final = 3 * clock.MINUTE  # longer than an invocation of a worker


def request_upload(caller: Caller, body: RequestUpload) -> dict[str, Any]:
    """Create a job, and sign a URL to upload its file."""
    if not body.model_type.strip():
        raise ApiError.for_field("imports.model_type_required", "model_type")
    if body.model_type not in mapping.ENTITY_TYPES:
        raise ApiError.for_field("imports.invalid_model_type", "model_type")
    if not body.file_name.strip():
        raise ApiError.for_field("imports.file_name_required", "file_name")
    content_type = body.content_type.strip() or "text/csv"
    if not (content_type.isascii() and content_type.isprintable()):
        raise ApiError.for_field("imports.invalid_request", "content_type", "content_type must be printable ASCII.")
    column_mapping = body.column_mapping or {}
    mapping_bytes = sum(len(f"{column}{field}".encode()) for column, field in column_mapping.items())
    if mapping_bytes > _MAPPING_BYTES or any(len(column.encode()) > _COLUMN_BYTES for column in column_mapping):
        raise ApiError.for_field("imports.invalid_request", "column_mapping", "column_mapping is too large.")
    job = jobs.create(caller, body, content_type)
    return {
        "job_id": job.id,
        "signed_url": objects.signed_put(uploads.object_key(job), content_type),
        "headers": {"Content-Type": content_type},
        "expires_in": objects.EXPIRES_SECONDS,
    }


def get(caller: Caller, body: ById) -> dict[str, Any]:
    return jobs.view(jobs.get(caller.account_id, body.id))


def complete_upload(caller: Caller, body: ById) -> dict[str, Any]:
    """The job and the preview of its file."""
    job = uploads.plan_for_client(jobs.get(caller.account_id, body.id))
    if job.status == "pending":
        raise _invalid_state("No file has been uploaded for this import yet. PUT it to the signed_url first.")
    return {"job": jobs.view(job), "preview": None if job.status == "failed" else _preview(job)}


def _preview(job: ImportJob) -> dict[str, Any] | None:
    preview = jobs.preview(job)
    if preview is None:
        return None
    columns, samples = preview
    entity_type = mapping.ENTITY_TYPES[job.model_type]
    definitions = mapping.definitions_of(entity_type, job.account_id)
    return {
        "headers": columns,
        "sample_rows": samples,
        "total_rows": job.total_rows,
        "suggested_mapping": mapping.suggest(entity_type, definitions, columns, samples),
        "available_fields": mapping.available_fields(entity_type, definitions),
    }


def confirm(caller: Caller, body: Confirm) -> dict[str, Any]:
    """Start the import of a file that has been previewed."""
    job = jobs.get(caller.account_id, body.id)
    if job.status != "uploaded":
        raise _invalid_state(f"This import is {job.status}. Only an uploaded import can be confirmed.")
    entity_type = mapping.ENTITY_TYPES[job.model_type]
    definitions = mapping.definitions_of(entity_type, job.account_id)
    wanted = job.column_mapping if body.column_mapping is None else body.column_mapping
    confirmed = job.copy()
    confirmed.column_mapping = mapping.validate(entity_type, definitions, jobs.columns(job), wanted)
    confirmed.duplicate_handling = body.duplicate_handling or job.duplicate_handling
    confirmed.date_format = body.date_format or job.date_format
    try:
        return jobs.view(jobs.start(confirmed))
    except JobConflict as conflict:
        raise _invalid_state(f"This import is already {conflict.job.status}.") from None


def cancel(caller: Caller, body: ById) -> dict[str, Any]:
    """End a job that has not ended. Rows that have been written stay."""
    while True:
        job = jobs.get(caller.account_id, body.id)
        if job.status not in jobs.CANCELLABLE:
            return jobs.view(job)
        try:
            return jobs.view(jobs.cancel(job))
        except JobConflict:
            continue  # it has ended meanwhile


def undo(caller: Caller, body: ById) -> dict[str, Any]:
    """Start to undo an import."""
    job = jobs.get(caller.account_id, body.id)
    if job.status in ("undoing", "undone"):
        return jobs.view(job)
    if job.status not in ("completed", "cancelled") or job.completed_at is None:
        raise _invalid_state(f"This import is {job.status}. Only a completed or cancelled import can be undone.")
    if clock.now() - clock.milliseconds(job.completed_at) > UNDO_DAYS * clock.DAY:
        raise _invalid_state(f"An import can only be undone within {UNDO_DAYS} days.")
    try:
        return jobs.view(jobs.start_undo(job))
    except JobConflict as conflict:
        return jobs.view(conflict.job)


def _invalid_state(message: str) -> ApiError:
    return ApiError.for_field("imports.invalid_request", "id", message)


# --- Recovery ------------------------------------------------------------------------------------------------


def recover(job: ImportJob) -> None:
    """Continue a stalled job. Fail one that has stalled too often, or that the client has abandoned."""
    age = clock.now() - clock.milliseconds(job.updated_at)
    try:
        if job.status in ("pending", "uploaded"):
            _fail_abandoned(job, age)
        elif job.status in ("processing", "undoing") and age > _STALLED_AFTER:
            jobs.resume(job)
    except JobConflict:
        return  # it makes progress


def _fail_abandoned(job: ImportJob, age: int) -> None:
    if job.status == "pending" and age > clock.DAY:
        jobs.fail(job, "No file was uploaded within 24 hours.")
    elif job.status == "uploaded" and age > 7 * clock.DAY:
        jobs.fail(job, "The import was not confirmed within 7 days.")


RECOVERY: Final = JobType(job_key, recover)
