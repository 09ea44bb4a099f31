"""Recover stalled jobs: find the jobs that have work left, and continue those whose queue message was lost.

A job is carried on by messages in a queue. A marker is stored with the job and deleted when the job ends. The markers
of all accounts lie in one partition, so that a schedule finds every job whose message was lost.

An account may have very many jobs. When the time of a run is up, the next run continues at the stored position.

| access | key |
| --- | --- |
| marker of a job | `unfinished`, `{job type}#{account_id}#{job_id}` |
| all markers, a page at a time | `unfinished`, after a sort key |
| position of the last run | `unfinished_jobs`, `position` |
"""

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, Final, NamedTuple

from keel.logs import describe, logger
from keel.storage import clients, table
from keel.storage.attribute_types import TextAttribute
from keel.storage.models import Item, Key
from keel.storage.table import Write

_PARTITION: Final = "unfinished"
_POSITION: Final = Key("unfinished_jobs", "position")


class JobMarker(Item, discriminator="unfinished"):
    """A job that has work left, or the position of the last run, which alone has `after`, the sort key of a marker."""

    after = TextAttribute()


class RecoveryFailed(Exception):
    """Some jobs could not be recovered. The log has the reason of each."""


class JobType(NamedTuple):
    """A type of job: the key of an account's job, and the function that recovers the job if it has stalled."""

    key: Callable[[str, str], Key]
    recover: Callable[[Any], None]


def _marker_key(job_type: str, account_id: str, job_id: str) -> Key:
    return Key(_PARTITION, f"{job_type}#{account_id}#{job_id}")


def add_marker(job_type: str, account_id: str, job_id: str) -> Write:
    """For the transaction that gives a job work to do."""
    return table.put(JobMarker(*_marker_key(job_type, account_id, job_id)))


def remove_marker(job_type: str, account_id: str, job_id: str) -> Write:
    """For the transaction that leaves a job nothing to do."""
    return table.delete(JobMarker, _marker_key(job_type, account_id, job_id))


def recover_stalled_jobs(job_types: Mapping[str, JobType], is_time_up: Callable[[], bool]) -> None:
    """Recover all jobs, or as many as there is time for. Raises `RecoveryFailed` at the end if some have failed."""
    stored = table.get(JobMarker, _POSITION)
    after = stored.after if stored else ""
    failed = 0
    while True:
        page = table.query(_PARTITION, after=after, limit=table.READ_LIMIT)
        failed += sum(not is_recovered for is_recovered in _recover(job_types, page.items))
        if not page.more:
            if stored:
                table.write(table.delete(JobMarker, _POSITION))
            break
        after = page.items[-1].sk
        if is_time_up():
            table.write(table.put(JobMarker(*_POSITION, after=after)))
            break
    if failed:
        raise RecoveryFailed(failed)


def _recover(job_types: Mapping[str, JobType], markers: Sequence[Item]) -> Iterator[bool]:
    """For each job whether its recovery succeeded."""
    named = [marker.sk.split("#") for marker in markers]
    keys = [(name, job_types[name].key(account_id, job_id)) for name, account_id, job_id in named if name in job_types]
    jobs = table.batch_get(key for _, key in keys)
    for name, key in keys:
        if job := jobs.get(key):
            try:
                job_types[name].recover(job)
                yield True
            except Exception as error:  # noqa: BLE001 - a batch processor: one job must not stop the others
                logger.error("job_recovery_failed", job_type=name, job_id=key.sk, **describe(error))
                yield False


def send_job(queue: str, account_id: str, job_id: str, **more: Any) -> None:
    """Send a worker the message to continue a job. A duplicate does no harm."""
    body = json.dumps({"account_id": account_id, "job_id": job_id, **more})
    # The message group makes the queue fair: one account's jobs do not delay those of others.
    clients.client("sqs").send_message(QueueUrl=queue, MessageBody=body, MessageGroupId=account_id)
