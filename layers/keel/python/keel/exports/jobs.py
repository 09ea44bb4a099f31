"""Create, read, continue and end export jobs."""

from typing import Any, Final

from pynamodb.expressions.update import Action

from keel import clock, entity_types, ids
from keel.api.authorizer import Caller
from keel.api.idempotency import IdempotentRequest
from keel.errors import ApiError
from keel.exports import schemas
from keel.exports.models import ExportJob, job_key
from keel.exports.schemas import ExportCreate
from keel.records.entity_type import EntityType
from keel.records.schemas import ById
from keel.settings import ExportSettings, load_settings
from keel.storage import objects, table
from keel.storage.table import ConditionFailed, Write
from keel.workers import recovery
from keel.workers.recovery import JobType

JOB_TYPE: Final = "export"
FORMATS: Final = ("csv", "jsonl")
ENTITY_TYPES: Final[dict[str, EntityType]] = {  # by the `model_type` of the API
    entity_type.resource: entity_type
    for name, entity_type in entity_types.ENTITY_TYPES.items()
    if name != "custom_field"
}

_FILE_KEPT: Final = 30 * clock.DAY  # the bucket's lifecycle rule deletes it then
_STALLED_AFTER: Final = 5 * clock.MINUTE
_MAX_RESUMES: Final = 5


def create(caller: Caller, body: ExportCreate, once: IdempotentRequest | None) -> dict[str, Any]:
    """Create an export job and return it as a client sees it."""
    if body.model_type not in ENTITY_TYPES:
        raise ApiError.for_field("exports.invalid_model_type", "model_type")
    if body.format not in FORMATS:
        raise ApiError.for_field("exports.invalid_request", "format", "format must be csv or jsonl.")
    now = clock.now()
    job = ExportJob(
        *job_key(caller.account_id, ids.mint(now)),
        created_by=caller.user_id,
        created_at=clock.text(now),
        updated_at=clock.text(now),
        model_type=body.model_type,
        format=body.format,
        status="pending",
    )
    view = _view(job)
    keep = [once.record(view)] if once else []
    table.commit(*keep, table.put(job), recovery.add_marker(JOB_TYPE, job.account_id, job.id))
    recovery.send_job(load_settings(ExportSettings).queue, job.account_id, job.id)
    return view


def get(caller: Caller, body: ById) -> dict[str, Any]:
    """A job as a client sees it, with a URL of its file once the job is completed."""
    job_id = ids.parse(body.id)
    if job_id is None:
        raise ApiError.for_field("exports.invalid_id", "id")
    job = find(caller.account_id, job_id)
    if job is None:
        raise ApiError("exports.not_found")
    return _view(job)


def find(account_id: str, job_id: str) -> ExportJob | None:
    return table.get(ExportJob, job_key(account_id, job_id))


def _view(job: ExportJob) -> dict[str, Any]:
    view: dict[str, Any] = {name: getattr(job, name, None) for name in schemas.ExportJob.model_fields}
    if job.status == "completed" and _is_file_kept(job):
        name = f"{job.model_type}-{job.created_at[:10]}.{job.format}"
        view |= {"signed_url": objects.signed_get(job.object, name), "expires_in": objects.EXPIRES_SECONDS}
    return view


def _is_file_kept(job: ExportJob) -> bool:
    return job.completed_at is not None and clock.now() - clock.milliseconds(job.completed_at) < _FILE_KEPT


# --- Progress ------------------------------------------------------------------------------------------------


def update_progress(job: ExportJob, *actions: Action) -> None:
    """Store the progress of a job. Raises `ConditionFailed` if the job has ended already."""
    table.write(_update(job, "processing", *actions))


def complete(job: ExportJob, object_key: str, row_count: int) -> None:
    """Complete a job with its file, unless another worker was faster."""
    _end(job, "completed", ExportJob.row_count.set(row_count), ExportJob.object.set(object_key))


def _end(job: ExportJob, status: str, *actions: Action) -> None:
    completed_at = ExportJob.completed_at.set(clock.text(clock.now()))
    try:
        table.commit(
            _update(job, status, completed_at, *actions), recovery.remove_marker(JOB_TYPE, job.account_id, job.id)
        )
    except ConditionFailed:
        return


def _update(job: ExportJob, status: str, *actions: Action) -> Write:
    """Change a job that has not ended."""
    updated_at = ExportJob.updated_at.set(clock.text(clock.now()))
    has_not_ended = ExportJob.status.is_in("pending", "processing")
    return table.update(ExportJob, job.key, [ExportJob.status.set(status), updated_at, *actions], has_not_ended)


def recover(job: ExportJob) -> None:
    """Continue a stalled job. Fail it if it has stalled too often."""
    if clock.now() - clock.milliseconds(job.updated_at) < _STALLED_AFTER:
        return
    if job.resumed >= _MAX_RESUMES:
        _end(job, "failed", ExportJob.error.set("The export could not be completed. Create a new export."))
        return
    try:
        update_progress(job, ExportJob.resumed.set(job.resumed + 1))
    except ConditionFailed:
        return  # it has ended meanwhile
    recovery.send_job(load_settings(ExportSettings).queue, job.account_id, job.id)


RECOVERY: Final = JobType(job_key, recover)
