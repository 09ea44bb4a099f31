"""Plan an import when its file has been uploaded.

Two callers plan: the message that storage sends about the new file, and the client that asks for the preview. The first
one to store its result wins, and the other returns what the first has stored.
"""

import io
import time
from collections.abc import Callable
from typing import Any, BinaryIO, Final
from urllib.parse import unquote_plus

from keel.errors import ApiError
from keel.imports import jobs, mapping, planner
from keel.imports.csv_reader import UnreadableFile
from keel.imports.jobs import JobConflict
from keel.imports.models import ImportJob
from keel.imports.planner import Plan
from keel.storage import objects, table
from keel.storage.objects import Gone, Object

LARGE_BYTES: Final = 150_000_000
WAIT_SECONDS: Final = 20.0

_PREFIX: Final = "uploads/"
_BUFFER: Final = 1 << 16
_PLANNING_BLOCK: Final = 8 << 20


def object_key(job: ImportJob) -> str:
    return f"{_PREFIX}{job.account_id}/{job.id}"


def _ids_of(object_key: str) -> tuple[str, str] | None:
    """The account and the job that an object belongs to."""
    account_id, _, job_id = object_key.removeprefix(_PREFIX).partition("/")
    return (account_id, job_id) if object_key.startswith(_PREFIX) and account_id and job_id else None


def planned_object(job: ImportJob) -> Object:
    """The object that was planned. A file that was uploaded later under the same key is another object."""
    return Object(object_key(job), job.file_size, job.file_etag, job.file_version)


def open_object(stored: Object, position: int, block: int = 1 << 20) -> BinaryIO:
    """The object from a byte on, read in blocks."""
    return io.BufferedReader(objects.Blocks(stored, position, block=block), _BUFFER)


def plan_for_client(job: ImportJob) -> ImportJob:
    """The planned job, still `pending` if its file is not there.

    A file that takes longer to plan than a client can wait is left to storage's message.
    """
    if job.status != "pending":
        return job
    stored = objects.head(object_key(job))
    if stored is None:
        return job
    if stored.size <= LARGE_BYTES:
        return plan_upload(job)
    deadline = time.monotonic() + WAIT_SECONDS
    while job.status == "pending" and time.monotonic() < deadline:
        time.sleep(0.5)
        job = jobs.get(job.account_id, job.id)
    if job.status == "pending":
        message = "The file is large and still being read. Try again in a few seconds."
        raise ApiError.for_field("imports.invalid_request", "id", message)
    return job


def plan_upload(job: ImportJob) -> ImportJob:
    """Plan the job's file if it is there. Returns the job as it is then, `pending` if there is no file."""
    if job.status != "pending":
        return job
    stored = objects.head(object_key(job))
    if stored is None:
        return job
    try:
        plan = planner.plan(lambda position: open_object(stored, position, _PLANNING_BLOCK), stored.size)
    except UnreadableFile as unreadable:
        reason = str(unreadable)
        return _first(lambda: jobs.fail(job, reason))
    except Gone:
        return job  # replaced while it was read: storage sends a message about the new file as well
    return _first(lambda: _store(job, stored, plan))


def _first(store: Callable[[], ImportJob]) -> ImportJob:
    """Store a result, or return the job that another caller has stored before."""
    try:
        return store()
    except JobConflict as conflict:
        return conflict.job


def _store(job: ImportJob, stored: Object, plan: Plan) -> ImportJob:
    planned = job.copy()
    planned.file_size, planned.file_etag, planned.file_version = stored.size, stored.etag, stored.version
    planned.encoding, planned.delimiter = plan.layout.encoding, plan.layout.delimiter
    planned.position, planned.total_rows = plan.layout.start, plan.total_rows
    put_preview = jobs.put_preview(job, plan.layout.columns, plan.samples)
    if not job.auto_confirm:
        planned.status = "uploaded"
        table.commit(jobs.save(planned), put_preview)
        return planned
    entity_type = mapping.ENTITY_TYPES[job.model_type]
    definitions = mapping.definitions_of(entity_type, job.account_id)
    columns = plan.layout.columns
    wanted = job.column_mapping or mapping.suggest(entity_type, definitions, columns, plan.samples)
    try:
        planned.column_mapping = mapping.validate(entity_type, definitions, columns, wanted)
    except ApiError as invalid:
        table.commit(*jobs.end(planned, "failed", f"The column mapping is invalid. {invalid.message}"), put_preview)
        return planned
    return jobs.start(planned, put_preview)


def handle_notification(message: dict[str, Any]) -> None:
    """Handle storage's message about new files. Its test message has no records."""
    for record in message.get("Records", ()):
        # Encoded as in a form: a space as "+".
        ids = _ids_of(unquote_plus(record["s3"]["object"]["key"]))
        job = jobs.find(*ids) if ids else None
        if job is None:
            continue
        if job.status == "processing":
            jobs.send_to_worker(job)  # the worker that started it may have died before sending the message
        else:
            plan_upload(job)
