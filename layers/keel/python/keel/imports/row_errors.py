"""List the rows of an import that failed: page by page, and as a CSV file to fix and import again."""

import csv
import io
import json
import time
from collections.abc import Callable, Iterator
from typing import Any, Final

from keel import clock
from keel.api import pagination
from keel.api.authorizer import Caller
from keel.errors import ApiError
from keel.imports import jobs
from keel.imports.mapping import ERROR_COLUMNS
from keel.imports.models import ErrorsFileLease, ImportErrors, ImportJob, errors_file_key, errors_key
from keel.imports.planner import unique_names
from keel.imports.schemas import ErrorList
from keel.records import csv_values
from keel.records.schemas import ById
from keel.settings import ImportSettings, load_settings
from keel.storage import objects, table
from keel.workers import recovery

WAIT_SECONDS: Final = 10.0

_LEASE_SECONDS: Final = 600  # an invocation of the worker, and the wait in the queue before it
_PAGE_BYTES: Final = 2_000_000  # of the 6 MB that a function may answer with
_PAGE_BATCHES: Final = 4


def list_(caller: Caller, body: ErrorList) -> dict[str, Any]:
    """A page of a job's errors by row."""
    job = jobs.get(caller.account_id, body.id)
    scope = (caller.account_id, "imports-errors", job.id)
    after = int(pagination.position(body.cursor, "imports", *scope) or 0)
    columns = jobs.columns(job)
    errors: list[dict[str, Any]] = []
    size = 0
    for error in _errors_after(job, after, limit=_PAGE_BATCHES):
        if len(errors) == body.limit or size > _PAGE_BYTES:
            return {"items": errors, "next_cursor": pagination.sign(str(errors[-1]["row"]), *scope)}
        cells = error.pop("cells")
        names = unique_names(columns + [""] * (len(cells) - len(columns)))
        errors.append(error | {"data": dict(zip(names, cells, strict=False))})
        size += len(json.dumps(errors[-1]))
    return {"items": errors, "next_cursor": ""}


def _errors_after(job: ImportJob, row: int, *, limit: int | None = None) -> Iterator[dict[str, Any]]:
    """The errors after a row. They are stored by batches, each under the number of its last row."""
    key, more = errors_key(job, row), True
    pk, after = key
    while more:
        page = table.query(pk, after=after, limit=limit)
        for item in page.items:
            if isinstance(item, ImportErrors):
                yield from (error for error in json.loads(item.content) if error["row"] > row)
            after = item.sk
        more = page.more


# --- As a file -----------------------------------------------------------------------------------------------


def file(caller: Caller, body: ById) -> dict[str, Any]:
    """A URL of all errors so far as a CSV file."""
    job = jobs.get(caller.account_id, body.id)
    key = _object_key(job)
    if objects.head(key) is None:
        deadline = time.monotonic() + WAIT_SECONDS
        if _is_being_written(job) or not write_file(job, lambda: time.monotonic() > deadline):
            message = "The file is large and still being written. Try again in a minute."
            raise ApiError.for_field("imports.invalid_request", "id", message)
    return {
        "signed_url": objects.signed_get(key, f"errors-{job.id}.csv"),
        "expires_in": objects.EXPIRES_SECONDS,
    }


def write_file(job: ImportJob, is_time_up: Callable[[], bool]) -> bool:
    """Write the file if there is none with as many errors. When time is up, a worker continues it.

    Returns whether the file is complete.
    """
    return continue_file(job, {"key": _object_key(job), "row": 0, "stored": objects.NOTHING}, is_time_up)


def continue_file(job: ImportJob, progress: dict[str, Any], is_time_up: Callable[[], bool]) -> bool:
    """Continue a file after the `row` up to which its parts are `stored`. Returns whether the file is complete."""
    if objects.head(progress["key"]) is not None:
        return True
    columns = jobs.columns(job)
    writer = objects.Writer(progress["key"], "text/csv; charset=utf-8", objects.Stored(*progress["stored"]))
    if not progress["row"]:
        writer.write(_csv_line([*columns, *ERROR_COLUMNS]))
    for error in _errors_after(job, progress["row"]):
        if is_time_up():
            _hand_over(job, progress)
            return False
        writer.write(_error_line(error, len(columns)))
        if not writer.has_pending:
            progress = progress | {"row": error["row"], "stored": writer.stored}
    writer.close()
    return True


def _object_key(job: ImportJob) -> str:
    return f"errors/{job.account_id}/{job.id}/{job.failed_count}.csv"


def _hand_over(job: ImportJob, progress: dict[str, Any]) -> None:
    ttl = clock.now() // clock.SECOND + _LEASE_SECONDS
    table.write(table.put(ErrorsFileLease(*errors_file_key(job), ttl=ttl)))
    recovery.send_job(load_settings(ImportSettings).queue, job.account_id, job.id, errors_file=progress)


def _is_being_written(job: ImportJob) -> bool:
    """Whether a worker was asked so recently that it may still be writing the file."""
    lease = table.get(ErrorsFileLease, errors_file_key(job))
    return lease is not None and lease.ttl > clock.now() // clock.SECOND


def _error_line(error: dict[str, Any], width: int) -> bytes:
    cells = error["cells"]
    row = cells[:width] + [""] * (width - len(cells))
    # Surplus cells come last and stay surplus: if the row is imported again unchanged, it fails again.
    return _csv_line([*row, *(str(error[name]) for name in ERROR_COLUMNS), *cells[width:]])


def _csv_line(values: list[str]) -> bytes:
    text = io.StringIO()
    csv.writer(text).writerow([csv_values.escape_formula(value) for value in values])
    return text.getvalue().encode()
