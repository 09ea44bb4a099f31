"""What becomes of that which pointed to a deleted record? It is cleared, by a job that any fault may interrupt.

Readers see the deletion at once, whether or not this has run: an id whose record is gone reads as `null`. What is
cleared moves its revision alone: no `updated_at`, no version and so no event.

What there is to do is told by the postings of the references, and a posting goes in the transaction that clears
its record. So the job begins anew wherever it ended, and is done when it finds nothing more. An import may go on
writing for a while what points to a record that it had read before: the queue keeps orders back until it is dead.
"""

import json
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from itertools import islice
from typing import TYPE_CHECKING, Any, Final, TypedDict

from keel import entity_types
from keel.records import index_entries, service
from keel.settings import cascade_settings
from keel.storage import clients
from keel.storage import legacy_table as table
from keel.storage.legacy_table import Key

if TYPE_CHECKING:
    from mypy_boto3_sqs.type_defs import SendMessageRequestTypeDef

_PAGE: Final = 100
_THREADS: Final = 8
_MARGIN_MILLISECONDS: Final = 20_000


class Order(TypedDict):
    """A record that was deleted, whose traces are to be cleared."""

    account_id: str
    kind: str
    id: str


def ask(records: Iterable[dict[str, Any]]) -> None:
    """Order the work that the deletions leave that are among these records of the table's stream."""
    clients.map_concurrently(_send, [order for record in records if (order := _order(record))])


def _order(record: dict[str, Any]) -> Order | None:
    if record["eventName"] != "REMOVE":
        return None
    place, kind = record["dynamodb"]["Keys"], record["dynamodb"]["OldImage"]["kind"]["S"]
    if not entity_types.pointing_to(kind):
        return None
    return Order(account_id=place["pk"]["S"].partition("#")[0], kind=kind, id=place["sk"]["S"])


def carry_out(order: Order, milliseconds_left: Callable[[], int]) -> None:
    """Do what was ordered; what time does not suffice for is ordered anew."""
    done = clear(order["account_id"], order["kind"], order["id"], lambda: milliseconds_left() < _MARGIN_MILLISECONDS)
    if not done:
        _send(order, delay=0)


def _send(order: Order, delay: int | None = None) -> None:
    """Send an order; without a delay in seconds, that of the queue applies."""
    request: SendMessageRequestTypeDef = {"QueueUrl": cascade_settings().queue, "MessageBody": json.dumps(order)}
    if delay is not None:
        request["DelaySeconds"] = delay
    clients.client("sqs").send_message(**request)


def clear(account_id: str, kind_name: str, record_id: str, out_of_time: Callable[[], bool]) -> bool:
    """Clear whatever points to a record that was deleted; False when time ran out before the end."""
    deleted = entity_types.ENTITY_TYPES[kind_name]
    if table.get(deleted.key(account_id, record_id)) is not None:
        return True
    with ThreadPoolExecutor(_THREADS) as pool:
        for kind, reference in entity_types.pointing_to(kind_name):
            partition = index_entries.partition(account_id, kind.name, reference.field, record_id)
            while found := table.query(partition, limit=_PAGE).items:
                if out_of_time():
                    return False
                release = partial(service.clear_reference, kind, account_id, reference.field, record_id)
                list(pool.map(release, (Key(item["pk"], item["sk"]) for item in found)))
    attached = iter(deleted.attached(account_id, record_id))
    while keys := list(islice(attached, _PAGE)):
        if out_of_time():
            return False
        table.batch_write(deletes=keys)
    return True
