"""How is an import kept? The job's item, its states, and the changes from one to the next.

Every change of a job is conditional: on the revision that it was computed from, or on the states that allow
it. So of two that race one finds out, and nothing is counted twice.
"""

import json
from typing import Any, Final

from keel import clock, ids
from keel.api import pagination
from keel.api.authorizer import Caller
from keel.errors import ApiError
from keel.imports.mapping import KINDS
from keel.imports.rows import cut, packed
from keel.imports.schemas import ImportJob, ImportList, RequestUpload
from keel.settings import import_settings
from keel.storage import legacy_table as table
from keel.storage.legacy_table import Item, Key, Write
from keel.workers import recovery

Job = dict[str, Any]

KIND: Final = "import"
COUNTS: Final = ("created_count", "updated_count", "skipped_count", "failed_count")
UNFINISHED: Final = ("pending", "uploaded", "processing")

_RESUMED: Final = 12  # an hour: where many import at once, a job also waits for its turn
_READ_AT_MOST: Final = 20  # times the page
_PREVIEW_CELL: Final = 500
_PREVIEW_KEPT: Final = 60 * clock.DAY  # its columns are wanted for as long as the rows that failed are kept
_PREVIEW_CELLS: Final = 50_000  # characters
_PREVIEW_BYTES: Final = 250_000  # of the rows, as JSON: an item ends at 400 KB


class Moved(Exception):
    """The job is no longer as it was read; `job` is what it is now."""

    def __init__(self, job: Job) -> None:
        self.job = job
        super().__init__("moved")


def key(account_id: str, job_id: str) -> Key:
    return Key(table.partition(account_id, KIND), job_id)


def found(account_id: str, job_id: str) -> Job:
    """The job; `imports.invalid_id`, `imports.not_found`."""
    id_ = ids.parse(job_id)
    if id_ is None:
        raise ApiError.for_field("imports.invalid_id", "id")
    item = table.get(key(account_id, id_))
    if item is None:
        raise ApiError("imports.not_found")
    return of_item(item)


def of_item(item: Item) -> Job:
    return item | {"id": item["sk"], "account_id": item["pk"].partition("#")[0]}


def new(caller: Caller, body: RequestUpload, content_type: str) -> Job:
    """A job that waits for its file; it is stored when this returns."""
    now = clock.now()
    id_ = ids.mint(now)
    place = key(caller.account_id, id_)
    item: Item = {
        "pk": place.pk,
        "sk": place.sk,
        "kind": KIND,
        "revision": 1,
        "created_by": caller.user_id,
        "created_at": clock.text(now),
        "updated_at": clock.text(now),
        "status": "pending",
        "model_type": body.model_type,
        "file_name": body.file_name,
        "content_type": content_type,
        "duplicate_handling": body.duplicate_handling,
        "date_format": body.date_format,
        "auto_confirm": body.auto_confirm,
        "column_mapping": {column: field for column, field in (body.column_mapping or {}).items() if field},
        "total_rows": 0,
        "processed_rows": 0,
        **dict.fromkeys(COUNTS, 0),
        "kept_count": 0,
        "error": None,
        "completed_at": None,
    }
    table.commit(table.put(item), recovery.begun(KIND, caller.account_id, id_))
    return of_item(item)


def changed(job: Job, **values: Any) -> tuple[Job, Write]:
    """The job with these values, and the write that makes it so if it still is as it was read."""
    values |= {"revision": job["revision"] + 1, "updated_at": clock.text(clock.now())}
    write = table.update(
        key(job["account_id"], job["id"]),
        "SET " + ", ".join(f"#{name} = :{name}" for name in values),
        "#revision = :seen",
        failed=_moved,
        seen=job["revision"],
        **values,
    )
    return job | values, write


def _moved(item: Item | None) -> Exception:
    return Moved(of_item(item)) if item else ApiError("imports.not_found")


def ended(job: Job, status: str, error: str | None = None, **values: Any) -> tuple[Job, list[Write]]:
    """The job at the end of its work, or of an attempt at it."""
    at = {"completed_at": clock.text(clock.now())} if job["completed_at"] is None else {}
    after, write = changed(job, status=status, error=error, **at, **values)
    return after, [write, recovery.ended(KIND, job["account_id"], job["id"])]


def start(job: Job, *writes: Write, **values: Any) -> Job:
    """Begin the import; a message that is lost after this is sent anew by a schedule."""
    after, write = changed(job, status="processing", started=clock.now(), worker="", resumed=0, **values)
    table.transact(write, *writes)
    go_on(after)
    return after


def go_on(job: Job) -> None:
    """Have a worker carry the job on."""
    recovery.send(import_settings().queue, job["account_id"], job["id"])


def start_undo(job: Job) -> Job:
    after, write = changed(job, status="undoing", undo_phase="records", undo_position="", resumed=0, kept_count=0)
    table.commit(write, recovery.begun(KIND, job["account_id"], job["id"]))
    go_on(after)
    return after


def resume(job: Job) -> None:
    """Send a job's message anew; an import that comes no further however often is failed, an undo goes on trying."""
    if job["resumed"] >= _RESUMED and job["status"] == "processing":
        reason = f"It stopped after row {job['processed_rows']} and could not be carried on."
        after, writes = ended(job, "failed", reason)
        table.commit(*writes)
        return
    after, write = changed(job, resumed=job["resumed"] + 1)
    table.transact(write)
    go_on(after)


def cancel(job: Job) -> Job:
    """Ends a job in any state that can be cancelled: progress meanwhile, which moves the revision, is no hindrance."""
    now = clock.text(clock.now())
    states: Item = {status: status for status in UNFINISHED}
    write = table.update(
        key(job["account_id"], job["id"]),
        "SET #status = :status, #completed_at = :now, #updated_at = :now ADD #revision :one",
        "#status IN (:pending, :uploaded, :processing)",
        failed=_moved,
        status="cancelled",
        now=now,
        one=1,
        **states,
    )
    table.commit(write, recovery.ended(KIND, job["account_id"], job["id"]))
    return found(job["account_id"], job["id"])


def fail(job: Job, error: str) -> Job:
    after, writes = ended(job, "failed", error)
    table.commit(*writes)
    return after


def shown(job: Job) -> dict[str, Any]:
    """The job as a client sees it."""
    return {name: job[name] for name in ImportJob.model_fields}


def page(caller: Caller, body: ImportList) -> dict[str, Any]:
    """Jobs, newest first, of a model and in a status if asked for."""
    if body.model_type is not None and body.model_type not in KINDS:
        raise ApiError.for_field("imports.invalid_model_type", "model_type")
    scope = (caller.account_id, "imports-list", body.model_type, body.status)
    position = pagination.position(body.cursor, "imports", *scope)
    pk, jobs, read, more = table.partition(caller.account_id, KIND), list[Job](), 0, True
    while more and len(jobs) < body.limit and read < _READ_AT_MOST * body.limit:
        asked = table.query(pk, before=position, newest_first=True, limit=body.limit + 1 - len(jobs))
        more = asked.more
        for item in asked.items:
            if len(jobs) == body.limit:
                more = True
                break
            position = item["sk"]
            read += 1
            if body.model_type in (None, item["model_type"]) and body.status in (None, item["status"]):
                jobs.append(of_item(item))
    return pagination.page([shown(job) for job in jobs], position if more else "", *scope)


# --- What groups of rows leave ---------------------------------------------------------------------------------


def effects_key(job: Job, place: str) -> Key:
    """Where a group keeps what undoing it needs to know; `place` is the number of its last row."""
    return Key(table.partition(job["account_id"], f"import_effects#{job['id']}"), place)


def errors_key(job: Job, place: str) -> Key:
    return Key(table.partition(job["account_id"], f"import_errors#{job['id']}"), place)


# --- What the planner found ------------------------------------------------------------------------------------


def _preview_key(job: Job) -> Key:
    return Key(table.partition(job["account_id"], "import_preview"), job["id"])


def keep_preview(job: Job, columns: tuple[str, ...], samples: list[list[str]]) -> Write:
    width = len(columns)
    height = max(len(samples), 1)
    most = min(_PREVIEW_CELL, _PREVIEW_CELLS // (width * height))
    shown = [[cell[:most] for cell in (row + [""] * width)[:width]] for row in samples]
    place = _preview_key(job)
    content = packed({"columns": columns, "samples": [cut(row, _PREVIEW_BYTES // height) for row in shown]})
    ttl = (clock.now() + _PREVIEW_KEPT) // clock.SECOND
    return table.put({"pk": place.pk, "sk": place.sk, "kind": "import_preview", "content": content, "ttl": ttl})


def preview(job: Job) -> tuple[list[str], list[list[str]]] | None:
    """The file's columns and first rows, None before they are known."""
    item = table.get(_preview_key(job))
    if item is None:
        return None
    content = json.loads(item["content"])
    return content["columns"], content["samples"]
