"""Which jobs have work left? Markers of all accounts' jobs in one place, and the messages that move them on.

A job is carried on by messages in a queue. The marker comes with the job and goes with its end, so that a
schedule finds every job whose message was lost, whoever died when.

One account may have very many jobs. So the schedule takes up where its time ended the last time, and begins anew
when it has seen them all.
"""

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, Final, NamedTuple

from keel.logs import describe, logger
from keel.storage import clients
from keel.storage import legacy_table as table
from keel.storage.legacy_table import Item, Key, Write

# Not under an account: the schedule asks for the jobs of all of them.
_PARTITION: Final = "unfinished"
_POSITION: Final = Key("unfinished_jobs", "position")


class Failed(Exception):
    """So many jobs could not be looked after: it is in the log why."""


class Work(NamedTuple):
    """A kind of job: where one of an account is kept, and what looks after it."""

    key: Callable[[str, str], Key]
    look_after: Callable[[Item], None]


def _key(work: str, account_id: str, job_id: str) -> Key:
    return Key(_PARTITION, f"{work}#{account_id}#{job_id}")


def begun(work: str, account_id: str, job_id: str) -> Write:
    """For the transaction that gives a job work; `work` is the kind of job."""
    key = _key(work, account_id, job_id)
    return table.put({"pk": key.pk, "sk": key.sk, "kind": _PARTITION})


def ended(work: str, account_id: str, job_id: str) -> Write:
    """For the transaction that leaves a job nothing to do."""
    return table.delete(_key(work, account_id, job_id))


def look_after(works: Mapping[str, Work], out_of_time: Callable[[], bool]) -> None:
    """Look after all jobs, or as many as there is time for; raises `Failed` in the end when some could not be."""
    stored = table.get(_POSITION)
    after = stored["after"] if stored else ""
    failed = 0
    while True:
        page = table.query(_PARTITION, after=after, limit=table.READ_LIMIT)
        failed += sum(not looked_after for looked_after in _look_after(works, page.items))
        if not page.more:
            if stored:
                table.apply(table.delete(_POSITION))
            break
        after = page.items[-1]["sk"]
        if out_of_time():
            table.apply(table.put({**_POSITION._asdict(), "kind": _PARTITION, "after": after}))
            break
    if failed:
        raise Failed(failed)


def _look_after(works: Mapping[str, Work], markers: Sequence[Item]) -> Iterator[bool]:
    """Whether each of these could be looked after."""
    named = [marker["sk"].split("#") for marker in markers]
    keys = [(work, works[work].key(account_id, job_id)) for work, account_id, job_id in named if work in works]
    jobs = table.batch_get(key for _, key in keys)
    for work, key in keys:
        if job := jobs.get(key):
            try:
                works[work].look_after(job)
                yield True
            except Exception as error:  # noqa: BLE001 - a batch processor: one job must not stop the others
                logger.error("a job was not looked after", work=work, job_id=key.sk, **describe(error))
                yield False


def send(queue: str, account_id: str, job_id: str, **more: Any) -> None:
    """Have a worker carry the job on; a message too many does no harm."""
    body = json.dumps({"account_id": account_id, "job_id": job_id, **more})
    # The group makes the queue fair: one account's jobs do not keep those of others waiting.
    clients.client("sqs").send_message(QueueUrl=queue, MessageBody=body, MessageGroupId=account_id)
