"""Which jobs have work left? Markers of all accounts' jobs in one place, and the messages that move them on.

A job is carried on by messages in a queue. The marker comes with the job and goes with its end, so that a
schedule finds every job whose message was lost, whoever died when.
"""

import json
from collections.abc import Iterator
from typing import Any, Final, NamedTuple

from keel import aws, table
from keel.table import Key, Write

# Not under an account: the schedule asks for the jobs of all of them.
_PARTITION: Final = "unfinished"


class Unfinished(NamedTuple):
    work: str
    account_id: str
    job_id: str


def _key(work: str, account_id: str, job_id: str) -> Key:
    return Key(_PARTITION, f"{work}#{account_id}#{job_id}")


def begun(work: str, account_id: str, job_id: str) -> Write:
    """For the transaction that gives a job work; `work` is the kind of job."""
    key = _key(work, account_id, job_id)
    return table.put({"pk": key.pk, "sk": key.sk, "kind": _PARTITION})


def ended(work: str, account_id: str, job_id: str) -> Write:
    """For the transaction that leaves a job nothing to do."""
    return table.delete(_key(work, account_id, job_id))


def walk(work: str) -> Iterator[Unfinished]:
    for item in table.walk(_PARTITION, begins=f"{work}#"):
        _, account_id, job_id = item["sk"].split("#")
        yield Unfinished(work, account_id, job_id)


def send(queue: str, account_id: str, job_id: str, **more: Any) -> None:
    """Have a worker carry the job on; a message too many does no harm."""
    body = json.dumps({"account_id": account_id, "job_id": job_id, **more})
    # The group makes the queue fair: one account's jobs do not keep those of others waiting.
    aws.client("sqs").send_message(QueueUrl=queue, MessageBody=body, MessageGroupId=account_id)
