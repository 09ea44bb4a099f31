"""Create, read and change import jobs.

Every change of a job is conditional: on the revision that was read, or on the statuses that allow it. So of several
concurrent changes only one succeeds, and no row is counted twice.

A function that changes a job works on a copy, and returns the copy once it is stored.
"""

import json
from typing import Any, Final

from keel import clock, ids
from keel.api import pagination
from keel.api.authorizer import Caller
from keel.errors import ApiError
from keel.imports import schemas
from keel.imports.mapping import ENTITY_TYPES
from keel.imports.models import ImportJob, ImportPreview, job_key, preview_key
from keel.imports.row_json import shorten_cells, to_json
from keel.imports.schemas import ImportList, RequestUpload
from keel.settings import ImportSettings, load_settings
from keel.storage import table
from keel.storage.table import Write
from keel.workers import recovery

JOB_TYPE: Final = "import"
CANCELLABLE: Final = ("pending", "uploaded", "processing")

_MAX_RESUMES: Final = 12  # an hour: a job also waits for others where many import at once
_LIST_READS: Final = 20  # jobs read for each one on a page
_PREVIEW_KEPT: Final = 60 * clock.DAY  # the list of failed rows needs its columns for as long as it is kept
_PREVIEW_CELL: Final = 500  # characters
_PREVIEW_CELLS: Final = 50_000  # characters
_PREVIEW_BYTES: Final = 250_000  # of the rows as JSON: an item has at most 400 KB


class JobConflict(Exception):
    """The job has changed since it was read. `job` is the job as it is now."""

    def __init__(self, job: ImportJob) -> None:
        self.job = job
        super().__init__("the import job has changed")


def get(account_id: str, job_id: str) -> ImportJob:
    """The job. Raises `imports.invalid_id` and `imports.not_found`."""
    id_ = ids.parse(job_id)
    if id_ is None:
        raise ApiError.for_field("imports.invalid_id", "id")
    job = find(account_id, id_)
    if job is None:
        raise ApiError("imports.not_found")
    return job


def find(account_id: str, job_id: str) -> ImportJob | None:
    return table.get(ImportJob, job_key(account_id, job_id))


def view(job: ImportJob) -> dict[str, Any]:
    """The job as a client sees it."""
    return {name: getattr(job, name) for name in schemas.ImportJob.model_fields}


def list_(caller: Caller, body: ImportList) -> dict[str, Any]:
    """A page of jobs, newest first, of one model type and one status if asked for."""
    if body.model_type is not None and body.model_type not in ENTITY_TYPES:
        raise ApiError.for_field("imports.invalid_model_type", "model_type")
    scope = (caller.account_id, "imports-list", body.model_type, body.status)
    position = pagination.position(body.cursor, "imports", *scope)
    pk, jobs, read, more = job_key(caller.account_id, "").pk, list[ImportJob](), 0, True
    while more and len(jobs) < body.limit and read < _LIST_READS * body.limit:
        page = table.query(pk, before=position, newest_first=True, limit=body.limit + 1 - len(jobs))
        more = page.more
        for job in page.items:
            if len(jobs) == body.limit:
                more = True
                break
            position = job.sk
            read += 1
            if isinstance(job, ImportJob) and _matches(job, body):
                jobs.append(job)
    return pagination.page([view(job) for job in jobs], position if more else "", *scope)


def _matches(job: ImportJob, body: ImportList) -> bool:
    return body.model_type in (None, job.model_type) and body.status in (None, job.status)


# --- Changes -------------------------------------------------------------------------------------------------


def create(caller: Caller, body: RequestUpload, content_type: str) -> ImportJob:
    """Store a job that waits for its file."""
    now = clock.now()
    job = ImportJob(
        *job_key(caller.account_id, ids.mint(now)),
        created_by=caller.user_id,
        created_at=clock.text(now),
        status="pending",
        model_type=body.model_type,
        file_name=body.file_name,
        content_type=content_type,
        duplicate_handling=body.duplicate_handling,
        date_format=body.date_format,
        auto_confirm=body.auto_confirm,
        column_mapping={column: field for column, field in (body.column_mapping or {}).items() if field},
    )
    table.commit(save(job), recovery.add_marker(JOB_TYPE, job.account_id, job.id))
    return job


def save(job: ImportJob) -> Write:
    """The write that stores a changed copy of a job. It fails with `JobConflict` if the job has changed meanwhile."""
    job.updated_at = clock.text(clock.now())
    write = table.put(job, on_failure=_conflict)
    job.revision = (job.revision or 0) + 1
    return write


def _conflict(job: ImportJob | None) -> Exception:
    return JobConflict(job) if job else ApiError("imports.not_found")


def end(job: ImportJob, status: str, error: str | None = None) -> list[Write]:
    """The writes that end a changed copy of a job: the import, or its undo."""
    job.status, job.error = status, error
    job.completed_at = job.completed_at or clock.text(clock.now())
    return [save(job), recovery.remove_marker(JOB_TYPE, job.account_id, job.id)]


def start(job: ImportJob, *writes: Write) -> ImportJob:
    """Start the import, with further writes. Recovery sends the message again if it is lost."""
    started = job.copy()
    started.status, started.started, started.worker, started.resumed = "processing", clock.now(), "", 0
    table.transact(save(started), *writes)
    send_to_worker(started)
    return started


def send_to_worker(job: ImportJob) -> None:
    """Have a worker continue the job."""
    recovery.send_job(load_settings(ImportSettings).queue, job.account_id, job.id)


def start_undo(job: ImportJob) -> ImportJob:
    undoing = job.copy()
    undoing.status, undoing.undo_phase, undoing.undo_position = "undoing", "records", ""
    undoing.resumed, undoing.kept_count = 0, 0
    table.commit(save(undoing), recovery.add_marker(JOB_TYPE, job.account_id, job.id))
    send_to_worker(undoing)
    return undoing


def resume(job: ImportJob) -> None:
    """Send the message of a stalled job again. An import that makes no progress fails in the end, an undo never."""
    if job.resumed >= _MAX_RESUMES and job.status == "processing":
        fail(job, f"The import stopped after row {job.processed_rows} and could not be resumed.")
        return
    resumed = job.copy()
    resumed.resumed += 1
    table.transact(save(resumed))
    send_to_worker(resumed)


def cancel(job: ImportJob) -> ImportJob:
    """Cancel a job, whatever progress it has made meanwhile. Raises `JobConflict` if it has ended."""
    now = clock.text(clock.now())
    actions = [
        ImportJob.status.set("cancelled"),
        ImportJob.completed_at.set(now),
        ImportJob.updated_at.set(now),
        ImportJob.revision.add(1),
    ]
    write = table.update(ImportJob, job.key, actions, ImportJob.status.is_in(*CANCELLABLE), on_failure=_conflict)
    table.commit(write, recovery.remove_marker(JOB_TYPE, job.account_id, job.id))
    return get(job.account_id, job.id)


def fail(job: ImportJob, reason: str) -> ImportJob:
    failed = job.copy()
    table.commit(*end(failed, "failed", reason))
    return failed


# --- Preview -------------------------------------------------------------------------------------------------


def put_preview(job: ImportJob, columns: tuple[str, ...], samples: list[list[str]]) -> Write:
    """Store the columns and first rows of the job's file, with long cells shortened."""
    width, height = len(columns), max(len(samples), 1)
    cell_length = min(_PREVIEW_CELL, _PREVIEW_CELLS // (width * height))
    rows = [[cell[:cell_length] for cell in (row + [""] * width)[:width]] for row in samples]
    content = {"columns": columns, "samples": [shorten_cells(row, _PREVIEW_BYTES // height) for row in rows]}
    ttl = (clock.now() + _PREVIEW_KEPT) // clock.SECOND
    return table.put(ImportPreview(*preview_key(job), content=to_json(content), ttl=ttl))


def preview(job: ImportJob) -> tuple[list[str], list[list[str]]] | None:
    """The file's columns and first rows, None before they are known."""
    stored = table.get(ImportPreview, preview_key(job))
    if stored is None:
        return None
    content = json.loads(stored.content)
    return content["columns"], content["samples"]


def columns(job: ImportJob) -> list[str]:
    """The file's columns."""
    found = preview(job)
    return found[0] if found else []
