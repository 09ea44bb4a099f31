"""What happens when a file arrives? It is looked through, once, and its job learns what it holds.

Two come to it: the message that storage sends, and the client who asks for the preview. Both plan; the first
to write wins, and the other takes what it wrote.
"""

import io
import time
from collections.abc import Callable
from typing import Any, BinaryIO, Final
from urllib.parse import unquote_plus

from keel.errors import ApiError
from keel.imports import files, jobs, mapping
from keel.imports.files import Plan, Unreadable
from keel.imports.jobs import Job, Moved
from keel.storage import legacy_table as table
from keel.storage import objects
from keel.storage.objects import Gone, Object

LARGE_BYTES: Final = 150_000_000
PATIENCE_SECONDS: Final = 20.0

_PREFIX: Final = "uploads/"
_BUFFER: Final = 1 << 16
_PLANNING_BLOCK: Final = 8 << 20


def object_key(job: Job) -> str:
    return f"{_PREFIX}{job['account_id']}/{job['id']}"


def job_of(key: str) -> tuple[str, str] | None:
    """The account and the job whose file lies under the key."""
    account_id, _, job_id = key.removeprefix(_PREFIX).partition("/")
    return (account_id, job_id) if key.startswith(_PREFIX) and account_id and job_id else None


def source(job: Job) -> Object:
    """The object that was planned, and no other."""
    return Object(object_key(job), job["file_size"], job["file_etag"], job["file_version"])


def opened(found: Object, position: int, block: int = 1 << 20) -> BinaryIO:
    return io.BufferedReader(objects.Blocks(found, position, block=block), _BUFFER)


def asked_for(job: Job) -> Job:
    """The job with its preview, for a client who waits: `pending` if its file is not there.

    A file that takes too long for an answer is left to storage's message, which comes as well.
    """
    if job["status"] != "pending":
        return job
    found = objects.head(object_key(job))
    if found is None:
        return job
    if found.size <= LARGE_BYTES:
        return arrived(job)
    deadline = time.monotonic() + PATIENCE_SECONDS
    while job["status"] == "pending" and time.monotonic() < deadline:
        time.sleep(0.5)
        job = jobs.found(job["account_id"], job["id"])
    if job["status"] == "pending":
        message = "The file is large and still being looked through. Ask again in a few seconds."
        raise ApiError.for_field("imports.invalid_request", "id", message)
    return job


def arrived(job: Job) -> Job:
    """Plan the job's file if it is there; gives the job as it is then, `pending` if it is not."""
    if job["status"] != "pending":
        return job
    found = objects.head(object_key(job))
    if found is None:
        return job
    try:
        plan = files.plan(lambda position: opened(found, position, _PLANNING_BLOCK), found.size)
    except Unreadable as unreadable:
        reason = str(unreadable)
        return _settled(lambda: jobs.fail(job, reason))
    except Gone:
        return job  # replaced while it was read: its successor's arrival is announced as well
    return _settled(lambda: _planned(job, found, plan))


def _settled(settle: Callable[[], Job]) -> Job:
    try:
        return settle()
    except Moved as moved:
        return moved.job


def _planned(job: Job, found: Object, plan: Plan) -> Job:
    values = {
        "file_size": found.size,
        "file_etag": found.etag,
        "file_version": found.version,
        "encoding": plan.layout.encoding,
        "delimiter": plan.layout.delimiter,
        "position": plan.layout.start,
        "total_rows": plan.total_rows,
    }
    keep = jobs.keep_preview(job, plan.layout.columns, plan.samples)
    if not job["auto_confirm"]:
        after, write = jobs.changed(job, status="uploaded", **values)
        table.commit(write, keep)
        return after
    kind = mapping.KINDS[job["model_type"]]
    defined = mapping.definitions_of(kind, job["account_id"])
    columns = plan.layout.columns
    wanted = job["column_mapping"] or mapping.suggested(kind, defined, columns, plan.samples)
    try:
        chosen = mapping.judged(kind, defined, columns, wanted)
    except ApiError as unfit:
        after, writes = jobs.ended(job, "failed", f"The columns do not fit: {unfit.message}", **values)
        table.commit(*writes, keep)
        return after
    return jobs.start(job, keep, column_mapping=chosen, **values)


def announced(message: dict[str, Any]) -> None:
    """Take note of a message of storage's; the one by which it tries the queue names no file."""
    for record in message.get("Records", ()):
        # Encoded as in a form: a space as "+".
        place = job_of(unquote_plus(record["s3"]["object"]["key"]))
        item = table.get(jobs.key(*place)) if place else None
        if item is None:
            continue
        job = jobs.of_item(item)
        if job["status"] == "processing":
            jobs.go_on(job)  # who started it may have died before saying so
        else:
            arrived(job)
