"""Queue deliveries: now and soon in the delivery queue or the overflow queue, later in the table.

SQS delays a message by at most 15 minutes, and Lambda stops a function that feeds its own queue too often. So a retry
that is due later is an item, sorted by its time, in one of several partitions of which none becomes hot. A job that
runs every minute queues what is due before its next run.
"""

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from math import ceil
from typing import Any, Final

from keel import clock
from keel.settings import DeliverySettings, load_settings
from keel.storage import clients, table
from keel.storage.table import Write
from keel.webhooks.models import DUE_SHARDS, DueRetry, due_key, due_partition

LONGEST_DELAY: Final = 15 * clock.MINUTE


@dataclass(frozen=True)
class DeliveryMessage:
    """Attempt `number` of a delivery is due. `paced`: it has waited for its time at a slow endpoint."""

    account_id: str
    endpoint_id: str
    delivery_id: str
    number: int
    paced: bool = False


@dataclass(frozen=True)
class EventMessage:
    """An event of an import, which the bus sent to the overflow queue: its deliveries are to be created."""

    event: dict[str, Any]


def parse(body: dict[str, Any]) -> DeliveryMessage | EventMessage:
    """A message of the overflow queue. Events are in the envelope of EventBridge, which has a `detail-type`."""
    return EventMessage(body["detail"]) if "detail-type" in body else DeliveryMessage(**body)


def send(messages: Sequence[DeliveryMessage], *, delay: int = 0, overflow: bool = False) -> None:
    """Queue messages in the delivery queue, or the overflow queue, with a delay in milliseconds.

    The endpoint is the message group: by it SQS keeps an endpoint with a backlog from delaying the others.
    """
    _send([(message, delay, overflow) for message in messages])


def _send(messages: Sequence[tuple[DeliveryMessage, int, bool]]) -> None:
    settings = load_settings(DeliverySettings)
    client = clients.client("sqs")

    def send_one(entry: tuple[DeliveryMessage, int, bool]) -> None:
        message, delay, overflow = entry
        client.send_message(
            QueueUrl=settings.overflow_queue if overflow else settings.delivery_queue,
            MessageBody=json.dumps(asdict(message)),
            MessageGroupId=message.endpoint_id,
            # Rounded up: a receiver may have asked not to be called earlier.
            DelaySeconds=ceil(max(min(delay, LONGEST_DELAY), 0) / 1_000),
        )

    clients.map_concurrently(send_one, messages)


def defer(message: DeliveryMessage, delay: int) -> None:
    """Have the overflow queue's workers make an attempt after a delay in milliseconds."""
    if delay > LONGEST_DELAY:
        table.write(schedule_retry(message, clock.now() + delay))
    else:
        send([message], delay=delay, overflow=True)


def schedule_retry(message: DeliveryMessage, due: int) -> Write:
    """The write that has an attempt queued when it is due."""
    fields = asdict(message)
    retry = DueRetry(
        *due_key(clock.text(due), message.delivery_id), owner_account_id=fields.pop("account_id"), **fields
    )
    return table.put(retry)


def queue_due_retries(now: int) -> int:
    """Queue every retry that is due before the job's next run, with its delay. Returns their number.

    They are removed after they were queued. If the job dies in between, they are queued twice, and the claim of the
    delivery makes sure that there is one attempt.
    """
    queued = 0
    for shard in range(DUE_SHARDS):
        more = True
        while more:
            page = table.query(due_partition(shard), before=clock.text(now + clock.MINUTE))
            retries = [item for item in page.items if isinstance(item, DueRetry)]
            _send([(_message(retry), clock.milliseconds(retry.due_at) - now, retry.paced) for retry in retries])
            table.batch_write(deletes=[item.key for item in page.items])
            queued, more = queued + len(retries), page.more
    return queued


def _message(retry: DueRetry) -> DeliveryMessage:
    return DeliveryMessage(retry.owner_account_id, retry.endpoint_id, retry.delivery_id, retry.number, retry.paced)
