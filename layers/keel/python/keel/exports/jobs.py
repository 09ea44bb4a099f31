"""How is an export kept? The job's item, its states, and what a client sees of it."""

from typing import Any, Final

from keel import clock, entity_types, ids
from keel.api.authorizer import Caller
from keel.api.idempotency import IdempotentRequest
from keel.errors import ApiError
from keel.exports.schemas import ExportCreate, ExportJob
from keel.records.entity_type import EntityType
from keel.records.schemas import ById
from keel.settings import export_settings
from keel.storage import legacy_table as table
from keel.storage import objects
from keel.storage.legacy_table import ConditionFailed, Item, Key
from keel.workers import recovery
from keel.workers.recovery import Work

Job = dict[str, Any]

KIND: Final = "export"
FORMATS: Final = ("csv", "jsonl")
KINDS: Final[dict[str, EntityType]] = {
    kind.resource: kind for name, kind in entity_types.ENTITY_TYPES.items() if name != "custom_field"
}

_KEPT: Final = 30 * clock.DAY  # as long as the file
_STILL: Final = 5 * clock.MINUTE
_RESUMED: Final = 5


def _key(account_id: str, job_id: str) -> Key:
    return Key(table.partition(account_id, KIND), job_id)


def create(caller: Caller, body: ExportCreate, once: IdempotentRequest | None) -> dict[str, Any]:
    """Order an export."""
    if body.model_type not in KINDS:
        raise ApiError.for_field("exports.invalid_model_type", "model_type")
    if body.format not in FORMATS:
        raise ApiError.for_field("exports.invalid_request", "format", "format must be csv or jsonl.")
    now = clock.now()
    place = _key(caller.account_id, ids.mint(now))
    item: Item = {
        "pk": place.pk,
        "sk": place.sk,
        "kind": KIND,
        "created_by": caller.user_id,
        "created_at": clock.text(now),
        "updated_at": clock.text(now),
        "model_type": body.model_type,
        "format": body.format,
        "status": "pending",
        "row_count": 0,
        "error": None,
        "completed_at": None,
        "resumed": 0,
        "object": "",
    }
    view = _shown(_of(item))
    keep = [once.record(view)] if once else []
    table.commit(*keep, table.put(item), recovery.begun(KIND, caller.account_id, place.sk))
    recovery.send(export_settings().queue, caller.account_id, place.sk)
    return view


def get(caller: Caller, body: ById) -> dict[str, Any]:
    """The job, with the address of its file once there is one."""
    id_ = ids.parse(body.id)
    if id_ is None:
        raise ApiError.for_field("exports.invalid_id", "id")
    job = find(caller.account_id, id_)
    if job is None:
        raise ApiError("exports.not_found")
    return _shown(job)


def find(account_id: str, job_id: str) -> Job | None:
    item = table.get(_key(account_id, job_id))
    return _of(item) if item else None


def _of(item: Item) -> Job:
    return item | {"id": item["sk"], "account_id": item["pk"].partition("#")[0]}


def _shown(job: Job) -> dict[str, Any]:
    view = {name: job.get(name) for name in ExportJob.model_fields}
    if job["status"] == "completed" and clock.now() - clock.milliseconds(job["completed_at"]) < _KEPT:
        name = f"{job['model_type']}-{job['created_at'][:10]}.{job['format']}"
        view |= {"signed_url": objects.signed_get(job["object"], name), "expires_in": objects.EXPIRES_SECONDS}
    return view


# --- Progress ------------------------------------------------------------------------------------------------


def note(job: Job, **values: Any) -> None:
    """Write down how far a job is; raises `ConditionFailed` when it has ended already."""
    table.apply(_change(job, status="processing", **values))


def end(job: Job, status: str, **values: Any) -> None:
    """End a job, unless another worker was first."""
    write = _change(job, status=status, completed_at=clock.text(clock.now()), **values)
    try:
        table.commit(write, recovery.ended(KIND, job["account_id"], job["id"]))
    except ConditionFailed:
        return


def _change(job: Job, **values: Any) -> table.Write:
    values |= {"updated_at": clock.text(clock.now())}
    return table.update(
        _key(job["account_id"], job["id"]),
        "SET " + ", ".join(f"#{name} = :{name}" for name in values),
        "#status IN (:open, :begun)",
        open="pending",
        begun="processing",
        **values,
    )


def look_after(item: Item) -> None:
    """Move on a job that stands still, and fail one that stood still too often."""
    job = _of(item)
    if clock.now() - clock.milliseconds(job["updated_at"]) < _STILL:
        return
    if job["resumed"] >= _RESUMED:
        end(job, "failed", error="The export could not be completed. Create a new export.")
        return
    try:
        note(job, resumed=job["resumed"] + 1)
    except ConditionFailed:
        return  # it has ended by itself
    recovery.send(export_settings().queue, job["account_id"], job["id"])


LOOKED_AFTER: Final = Work(_key, look_after)
