"""What becomes of that which pointed to a deleted record? It is cleared, by a job that any fault may interrupt.

Readers see the deletion at once, whether or not this has run: an id whose record is gone reads as `null`. What is
cleared moves its revision alone: no `updated_at`, no version and so no event.

What there is to do is told by the postings of the references, and a posting goes in the transaction that clears
its record. So the job begins anew wherever it ended, and is done when it finds nothing more.
"""

import json
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from itertools import islice
from typing import Final, TypedDict

from keel import aws, table
from keel.records import postings, registry, service
from keel.settings import cascade_settings
from keel.table import Key
from keel.workers import Change

_PAGE: Final = 100
_THREADS: Final = 8
_MARGIN_MILLISECONDS: Final = 20_000


class Order(TypedDict):
    """A record that was deleted, whose traces are to be cleared."""

    account_id: str
    kind: str
    id: str


def ask(change: Change) -> None:
    """Order the work that the deletion of a record leaves."""
    if change.before is not None and change.after is None:
        account_id = change.before["pk"].partition("#")[0]
        _send(Order(account_id=account_id, kind=change.before["kind"], id=change.before["sk"]))


def carry_out(order: Order, milliseconds_left: Callable[[], int]) -> None:
    """Do what was ordered; what time does not suffice for is ordered anew."""
    done = clear(order["account_id"], order["kind"], order["id"], lambda: milliseconds_left() < _MARGIN_MILLISECONDS)
    if not done:
        _send(order)


def _send(order: Order) -> None:
    aws.client("sqs").send_message(QueueUrl=cascade_settings().queue, MessageBody=json.dumps(order))


def clear(account_id: str, kind_name: str, record_id: str, out_of_time: Callable[[], bool]) -> bool:
    """Clear whatever points to a record that was deleted; False when time ran out before the end."""
    deleted = registry.KINDS[kind_name]
    if table.get(deleted.key(account_id, record_id)) is not None:
        return True
    with ThreadPoolExecutor(_THREADS) as pool:
        for kind, reference in registry.pointing_to(kind_name):
            partition = postings.partition(account_id, kind.name, reference.field, record_id)
            while found := table.query(partition, limit=_PAGE).items:
                if out_of_time():
                    return False
                release = partial(service.release, kind, account_id, reference.field, record_id)
                list(pool.map(release, (Key(item["pk"], item["sk"]) for item in found)))
    attached = iter(deleted.attached(account_id, record_id))
    while keys := list(islice(attached, _PAGE)):
        if out_of_time():
            return False
        table.batch_write(deletes=keys)
    return True
