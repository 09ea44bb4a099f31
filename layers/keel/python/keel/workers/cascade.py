"""Clear references to deleted records, and delete the items that depended on them.

Clients see a deletion at once: an id whose record is deleted shows as `null`, whether or not the cascade has run. A
cleared record moves its revision alone, neither `updated_at` nor its version, so there is no event.

The index entries of the references tell what to clear, and an index entry is removed in the transaction that clears its
record. So the job may be interrupted anywhere and starts over until it finds nothing more. An import may still write
references to records that it read before: the queue delays its messages until no import that knew them can be running.
"""

import json
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from itertools import islice
from typing import TYPE_CHECKING, Any, Final, TypedDict

from keel import entity_types
from keel.records import index_entries, service
from keel.settings import CascadeSettings, load_settings
from keel.storage import calls, clients, table

if TYPE_CHECKING:
    from mypy_boto3_sqs.type_defs import SendMessageRequestTypeDef

_PAGE: Final = 100
_THREADS: Final = 8
_MARGIN_MILLISECONDS: Final = 20_000


class Deletion(TypedDict):
    """The message about a deleted record; `kind` is the name of its entity type."""

    account_id: str
    kind: str
    id: str


def enqueue(records: Iterable[dict[str, Any]]) -> None:
    """Queue the deletions among these records of the table's stream that other records may point to."""
    clients.map_concurrently(_send, [deletion for record in records if (deletion := _deletion(record))])


def _deletion(record: dict[str, Any]) -> Deletion | None:
    if record["eventName"] != "REMOVE":
        return None
    key, entity_type = calls.key_of(record["dynamodb"]["Keys"]), record["dynamodb"]["OldImage"]["kind"]["S"]
    if not entity_types.pointing_to(entity_type):
        return None
    return Deletion(account_id=key.pk.partition("#")[0], kind=entity_type, id=key.sk)


def process(deletion: Deletion, milliseconds_left: Callable[[], int]) -> None:
    """Clear what a deletion left behind. What there is no time for is queued again."""

    def is_time_up() -> bool:
        return milliseconds_left() < _MARGIN_MILLISECONDS

    if not clear(deletion["account_id"], deletion["kind"], deletion["id"], is_time_up):
        _send(deletion, delay=0)


def _send(deletion: Deletion, delay: int | None = None) -> None:
    """Send a message. Without a delay in seconds, that of the queue applies."""
    request: SendMessageRequestTypeDef = {
        "QueueUrl": load_settings(CascadeSettings).queue,
        "MessageBody": json.dumps(deletion),
    }
    if delay is not None:
        request["DelaySeconds"] = delay
    clients.client("sqs").send_message(**request)


def clear(account_id: str, entity_type_name: str, record_id: str, is_time_up: Callable[[], bool]) -> bool:
    """Clear the references to a deleted record and delete what depended on it. False if time was up before the end."""
    deleted = entity_types.ENTITY_TYPES[entity_type_name]
    if table.get(deleted.model, deleted.key(account_id, record_id)) is not None:
        return True
    with ThreadPoolExecutor(_THREADS) as threads:
        for entity_type, reference in entity_types.pointing_to(entity_type_name):
            pk = index_entries.value_partition(account_id, entity_type.name, reference.field, record_id)
            while entries := table.query_attributes(pk, limit=_PAGE).items:
                if is_time_up():
                    return False
                clear_one = partial(service.clear_reference, entity_type, account_id, reference.field, record_id)
                list(threads.map(clear_one, map(calls.key_of, entries)))
    dependent_keys = entity_types.dependent_keys(entity_type_name, account_id, record_id)
    while keys := list(islice(dependent_keys, _PAGE)):
        if is_time_up():
            return False
        table.batch_write(deletes=keys)
    return True
