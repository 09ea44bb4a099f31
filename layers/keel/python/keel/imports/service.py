"""What do the operations on imports do?"""

from typing import Any, Final

from keel import clock
from keel.api.authorizer import Caller
from keel.errors import ApiError
from keel.imports import jobs, mapping, uploads
from keel.imports.jobs import Job, Moved
from keel.imports.schemas import Confirm, RequestUpload
from keel.records.schemas import ById
from keel.storage import objects
from keel.storage.legacy_table import Item
from keel.workers.recovery import Work

UNDO_DAYS: Final = 30
_MAPPING_BYTES: Final = 200_000
_COLUMN_BYTES: Final = 30_000  # of the name of an attribute; no column of a file has so long a one
_STILL: Final = 3 * clock.MINUTE  # longer than a worker lives


def request_upload(caller: Caller, body: RequestUpload) -> dict[str, Any]:
    if not body.model_type.strip():
        raise ApiError.for_field("imports.model_type_required", "model_type")
    if body.model_type not in mapping.KINDS:
        raise ApiError.for_field("imports.invalid_model_type", "model_type")
    if not body.file_name.strip():
        raise ApiError.for_field("imports.file_name_required", "file_name")
    content_type = body.content_type.strip() or "text/csv"
    if not (content_type.isascii() and content_type.isprintable()):
        raise ApiError.for_field("imports.invalid_request", "content_type", "content_type must be printable ASCII.")
    given = body.column_mapping or {}
    mapping_bytes = sum(len(f"{column}{field}".encode()) for column, field in given.items())
    if mapping_bytes > _MAPPING_BYTES or any(len(column.encode()) > _COLUMN_BYTES for column in given):
        raise ApiError.for_field("imports.invalid_request", "column_mapping", "column_mapping is too large.")
    job = jobs.new(caller, body, content_type)
    return {
        "job_id": job["id"],
        "signed_url": objects.signed_put(uploads.object_key(job), content_type),
        "headers": {"Content-Type": content_type},
        "expires_in": objects.EXPIRES_SECONDS,
    }


def get(caller: Caller, body: ById) -> dict[str, Any]:
    return jobs.shown(jobs.found(caller.account_id, body.id))


def complete_upload(caller: Caller, body: ById) -> dict[str, Any]:
    job = uploads.asked_for(jobs.found(caller.account_id, body.id))
    if job["status"] == "pending":
        raise ApiError.for_field("imports.invalid_request", "id", "No file has been uploaded for this import yet.")
    return {"job": jobs.shown(job), "preview": None if job["status"] == "failed" else _preview(job)}


def _preview(job: Job) -> dict[str, Any] | None:
    kept = jobs.preview(job)
    if kept is None:
        return None
    columns, samples = kept
    kind = mapping.KINDS[job["model_type"]]
    defined = mapping.definitions_of(kind, job["account_id"])
    return {
        "headers": columns,
        "sample_rows": samples,
        "total_rows": job["total_rows"],
        "suggested_mapping": mapping.suggested(kind, defined, columns, samples),
        "available_fields": mapping.available(kind, defined),
    }


def confirm(caller: Caller, body: Confirm) -> dict[str, Any]:
    """Begin the import of a file that was looked through."""
    job = jobs.found(caller.account_id, body.id)
    if job["status"] != "uploaded":
        raise ApiError.for_field(
            "imports.invalid_request", "id", f"This import is {job['status']}: it cannot be confirmed."
        )
    columns, _ = jobs.preview(job) or ([], [])
    kind = mapping.KINDS[job["model_type"]]
    defined = mapping.definitions_of(kind, job["account_id"])
    wanted = job["column_mapping"] if body.column_mapping is None else body.column_mapping
    chosen = mapping.judged(kind, defined, columns, wanted)
    try:
        started = jobs.start(
            job,
            column_mapping=chosen,
            duplicate_handling=body.duplicate_handling or job["duplicate_handling"],
            date_format=body.date_format or job["date_format"],
        )
    except Moved as moved:
        raise ApiError.for_field(
            "imports.invalid_request", "id", f"This import is {moved.job['status']} by now."
        ) from None
    return jobs.shown(started)


def cancel(caller: Caller, body: ById) -> dict[str, Any]:
    """End a job that has not ended; rows already written stay."""
    while True:
        job = jobs.found(caller.account_id, body.id)
        if job["status"] not in jobs.UNFINISHED:
            return jobs.shown(job)
        try:
            return jobs.shown(jobs.cancel(job))
        except Moved:
            continue  # it ended, or went on, by itself


def undo(caller: Caller, body: ById) -> dict[str, Any]:
    """Begin to take back what an import did."""
    job = jobs.found(caller.account_id, body.id)
    if job["status"] in ("undoing", "undone"):
        return jobs.shown(job)
    if job["status"] not in ("completed", "cancelled"):
        raise ApiError.for_field(
            "imports.invalid_request", "id", f"This import is {job['status']}: it cannot be undone."
        )
    if clock.now() - clock.milliseconds(job["completed_at"]) > UNDO_DAYS * clock.DAY:
        raise ApiError.for_field("imports.invalid_request", "id", f"An import can be undone for {UNDO_DAYS} days.")
    try:
        return jobs.shown(jobs.start_undo(job))
    except Moved as moved:
        return jobs.shown(moved.job)


def look_after(item: Item) -> None:
    """Move on a job that stands still, and fail one that stood still too often."""
    job = jobs.of_item(item)
    age = clock.now() - clock.milliseconds(job["updated_at"])
    try:
        if job["status"] in ("pending", "uploaded"):
            discard_abandoned(job)
        elif job["status"] in ("processing", "undoing") and age > _STILL:
            jobs.resume(job)
    except Moved:
        return  # it moves by itself


LOOKED_AFTER: Final = Work(jobs.key, look_after)


def discard_abandoned(job: Job) -> None:
    """Fail a job whose file never came, or that nobody confirmed."""
    age = clock.now() - clock.milliseconds(job["updated_at"])
    if job["status"] == "pending" and age > clock.DAY:
        jobs.fail(job, "No file was uploaded within 24 hours.")
    elif job["status"] == "uploaded" and age > 7 * clock.DAY:
        jobs.fail(job, "The import was not confirmed within 7 days.")
