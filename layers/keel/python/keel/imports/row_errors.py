"""Which rows failed, and why? Page by page, and as a file to mend and import again."""

import csv
import io
import json
from collections.abc import Iterator
from typing import Any, Final

from keel import cells, cursors, objects, table
from keel.errors import Fault
from keel.gate import Caller
from keel.imports import files, jobs
from keel.imports.jobs import Job
from keel.imports.schemas import ErrorList
from keel.records.schemas import ById

_ANSWER_BYTES: Final = 2_000_000  # of the 6 MB that a function may answer with
_PAGE_GROUPS: Final = 4
_OWN: Final = ("row", "field", "code", "message")


def page(caller: Caller, body: ErrorList) -> dict[str, Any]:
    """The errors of a job by row."""
    job = jobs.found(caller.account_id, body.id)
    scope = (caller.account_id, "imports-errors", job["id"])
    after = 0
    if body.cursor.strip():
        position = cursors.unseal(body.cursor, *scope)
        if position is None:
            raise Fault.at("imports.invalid_request", "cursor", "The cursor is not valid for this list.")
        after = int(position)
    columns, _ = jobs.preview(job) or ([], [])
    errors: list[dict[str, Any]] = []
    size = 0
    for error in _after(job, after, limit=_PAGE_GROUPS):
        if len(errors) == body.limit or size > _ANSWER_BYTES:
            return {"items": errors, "next_cursor": cursors.seal(str(errors[-1]["row"]), *scope)}
        cells = error.pop("cells")
        names = files.named(columns + [""] * (len(cells) - len(columns)))
        errors.append(error | {"data": dict(zip(names, cells, strict=False))})
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


def file(caller: Caller, body: ById) -> dict[str, Any]:
    """An address of all errors so far as a CSV file."""
    job = jobs.found(caller.account_id, body.id)
    return {
        "signed_url": objects.signed_get(write(job), f"errors-{job['id']}.csv"),
        "expires_in": objects.EXPIRES_SECONDS,
    }


def write(job: Job) -> str:
    """Write the file, unless it has been for as many errors; gives its key."""
    key = f"errors/{job['account_id']}/{job['id']}/{job['failed_count']}.csv"
    if objects.head(key) is not None:
        return key
    columns, _ = jobs.preview(job) or ([], [])
    width = len(columns)
    writer = objects.Writer(key, "text/csv; charset=utf-8")
    writer.write(_line([*columns, *_OWN]))
    for error in _after(job, 0):
        found = error["cells"]
        row = found[:width] + [""] * (width - len(found))
        # What a row has too much stays too much, behind all: imported again as it is, the row fails again.
        writer.write(_line([*row, *(str(error[name]) for name in _OWN), *found[width:]]))
    writer.close()
    return key


def _line(values: list[str]) -> bytes:
    text = io.StringIO()
    csv.writer(text).writerow([cells.guarded(value) for value in values])
    return text.getvalue().encode()
