"""Which rows failed, and why? Page by page, and as a file to mend and import again."""

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
from keel.imports import files, jobs
from keel.imports.jobs import Job
from keel.imports.mapping import FAULT
from keel.imports.schemas import ErrorList
from keel.records import csv_values
from keel.records.schemas import ById
from keel.settings import import_settings
from keel.storage import legacy_table as table
from keel.storage import objects
from keel.storage.legacy_table import Key
from keel.workers import recovery

PATIENCE_SECONDS: Final = 10.0

_WRITING_SECONDS: Final = 600  # an invocation of the worker, and its wait in the queue
_ANSWER_BYTES: Final = 2_000_000  # of the 6 MB that a function may answer with
_PAGE_GROUPS: Final = 4


def page(caller: Caller, body: ErrorList) -> dict[str, Any]:
    """The errors of a job by row."""
    job = jobs.found(caller.account_id, body.id)
    scope = (caller.account_id, "imports-errors", job["id"])
    after = int(pagination.position(body.cursor, "imports", *scope) or 0)
    columns, _ = jobs.preview(job) or ([], [])
    errors: list[dict[str, Any]] = []
    size = 0
    for error in _after(job, after, limit=_PAGE_GROUPS):
        if len(errors) == body.limit or size > _ANSWER_BYTES:
            return {"items": errors, "next_cursor": pagination.seal(str(errors[-1]["row"]), *scope)}
        row = error.pop("cells")
        names = files.named(columns + [""] * (len(row) - len(columns)))
        errors.append(error | {"data": dict(zip(names, row, strict=False))})
        size += len(json.dumps(errors[-1]))
    return {"items": errors, "next_cursor": ""}


def _after(job: Job, row: int, *, limit: int | None = None) -> Iterator[dict[str, Any]]:
    """The errors behind a row; they lie in groups under the last row of each."""
    pk, place, more = jobs.errors_key(job, "").pk, f"{row:08}", True
    while more:
        found = table.query(pk, after=place, limit=limit)
        for item in found.items:
            yield from (error for error in json.loads(item["content"]) if error["row"] > row)
            place = item["sk"]
        more = found.more


# --- As a file -------------------------------------------------------------------------------------------------


def file(caller: Caller, body: ById) -> dict[str, Any]:
    """An address of all errors so far as a CSV file."""
    job = jobs.found(caller.account_id, body.id)
    key = _object_key(job)
    if objects.head(key) is None:
        deadline = time.monotonic() + PATIENCE_SECONDS
        if _is_being_written(job) or not write(job, lambda: time.monotonic() > deadline):
            message = "The file is large and still being made. Ask again in a minute."
            raise ApiError.for_field("imports.invalid_request", "id", message)
    return {
        "signed_url": objects.signed_get(key, f"errors-{job['id']}.csv"),
        "expires_in": objects.EXPIRES_SECONDS,
    }


def write(job: Job, is_time_up: Callable[[], bool]) -> bool:
    """Write the file, unless it has been for as many errors. What time does not suffice for is handed on."""
    return go_on(job, {"key": _object_key(job), "row": 0, "stored": objects.NOTHING}, is_time_up)


def go_on(job: Job, begun: dict[str, Any], is_time_up: Callable[[], bool]) -> bool:
    """Write the file from behind the row up to which its parts are stored; whether it is there."""
    if objects.head(begun["key"]) is not None:
        return True
    columns, _ = jobs.preview(job) or ([], [])
    writer = objects.Writer(begun["key"], "text/csv; charset=utf-8", objects.Stored(*begun["stored"]))
    if not begun["row"]:
        writer.write(_line([*columns, *FAULT]))
    for error in _after(job, begun["row"]):
        if is_time_up():
            _hand_on(job, begun)
            return False
        writer.write(_error_line(error, len(columns)))
        if not writer.has_pending:
            begun = begun | {"row": error["row"], "stored": writer.stored}
    writer.close()
    return True


def _object_key(job: Job) -> str:
    return f"errors/{job['account_id']}/{job['id']}/{job['failed_count']}.csv"


def _hand_on(job: Job, begun: dict[str, Any]) -> None:
    place = _writing_key(job)
    ttl = clock.now() // 1_000 + _WRITING_SECONDS
    table.apply(table.put({"pk": place.pk, "sk": place.sk, "kind": "import_errors_file", "ttl": ttl}))
    recovery.send(import_settings().queue, job["account_id"], job["id"], errors_file=begun)


def _is_being_written(job: Job) -> bool:
    """Whether a worker was told of the file so lately that it may still be at it."""
    item = table.get(_writing_key(job))
    return item is not None and item["ttl"] > clock.now() // 1_000


def _writing_key(job: Job) -> Key:
    return Key(table.partition(job["account_id"], "import_errors_file"), job["id"])


def _error_line(error: dict[str, Any], width: int) -> bytes:
    found = error["cells"]
    row = found[:width] + [""] * (width - len(found))
    # What a row has too much stays too much, behind all: imported again as it is, the row fails again.
    return _line([*row, *(str(error[name]) for name in FAULT), *found[width:]])


def _line(values: list[str]) -> bytes:
    text = io.StringIO()
    csv.writer(text).writerow([csv_values.escape_formula(value) for value in values])
    return text.getvalue().encode()
