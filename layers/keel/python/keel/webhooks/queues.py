"""How does a delivery come to its next attempt? Messages that name it, soon by a queue, later by the table.

A queue holds a message back for 15 minutes at most, and Lambda stops a chain in which a function feeds its
own queue too often. So what is due later waits as an item, in the order of its time, spread over shards for
none of them to become hot; a job each minute passes on what falls due until its next run.
"""

import hashlib
import json
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass
from math import ceil
from typing import Any, Final

from keel import clock
from keel.settings import delivery_settings
from keel.storage import clients
from keel.storage import legacy_table as table
from keel.storage.legacy_table import Item, Key, Write

SHARDS: Final = 8
LONGEST_DELAY: Final = 15 * clock.MINUTE


@dataclass(frozen=True)
class Message:
    """Make attempt `number` of a delivery. `paced`: it has waited for its turn at a slow endpoint."""

    account_id: str
    endpoint_id: str
    delivery_id: str
    number: int
    paced: bool = False


def send(messages: Sequence[Message], *, delay: int = 0, overflow: bool = False) -> None:
    """Queue these attempts, after a delay in milliseconds.

    The group of a message is its endpoint: by it SQS keeps one with a backlog from holding up the others.
    """
    _send([(message, delay, overflow) for message in messages])


def _send(messages: Sequence[tuple[Message, int, bool]]) -> None:
    urls = delivery_settings()
    client = clients.client("sqs")

    def queue(each: tuple[Message, int, bool]) -> None:
        message, delay, overflow = each
        client.send_message(
            QueueUrl=urls.overflow if overflow else urls.deliveries,
            MessageBody=json.dumps(asdict(message)),
            MessageGroupId=message.endpoint_id,
            # Not before it is due: a receiver may have asked for just that.
            DelaySeconds=ceil(max(min(delay, LONGEST_DELAY), 0) / 1_000),
        )

    clients.map_concurrently(queue, messages)


def put_off(message: Message, delay: int) -> None:
    """Have an attempt made by the second lane, after a delay in milliseconds."""
    if delay > LONGEST_DELAY:
        table.apply(later(message, clock.now() + delay))
    else:
        send([message], delay=delay, overflow=True)


def later(message: Message, due: int) -> Write:
    """The write that has an attempt made when it is due."""
    shard = hashlib.sha256(message.delivery_id.encode()).digest()[0] % SHARDS
    item = {"pk": f"webhook_due#{shard}", "sk": f"{clock.text(due)}#{message.delivery_id}", "kind": "webhook_due"}
    return table.put(item | asdict(message))


def pass_on(now: int) -> int:
    """Queue every attempt that is due before the job's next run, for its time; gives their number.

    Queued first and removed then: what dies in between queues an attempt twice, and the delivery's claim
    sees to it that one is made.
    """
    passed = 0
    for shard in range(SHARDS):
        more = True
        while more:
            page = table.query(f"webhook_due#{shard}", before=clock.text(now + clock.MINUTE))
            found = [(_message(item), clock.milliseconds(item["sk"].partition("#")[0]) - now) for item in page.items]
            _send([(message, delay, message.paced) for message, delay in found])
            table.batch_write(deletes=_keys(page.items))
            passed, more = passed + len(page.items), page.more
    return passed


def _message(item: Item) -> Message:
    fields: dict[str, Any] = {name: item[name] for name in Message.__dataclass_fields__}
    return Message(**fields)


def _keys(items: Iterable[Item]) -> list[Key]:
    return [Key(item["pk"], item["sk"]) for item in items]
