"""How do changes become events? From the table's stream to the bus, each at least once.

What one record of the stream does not let happen must not stop the others: a record that no event can be
made of is put aside whole, in the bucket of failures. What AWS refuses for the moment is raised, and Lambda
comes again with the batch.
"""

import json
import random
import time
from collections.abc import Iterable, Iterator
from datetime import UTC, datetime
from itertools import groupby
from typing import TYPE_CHECKING, Any, Final

from botocore.exceptions import BotoCoreError, ClientError

from keel import clock
from keel.events import changes
from keel.events.changes import Change
from keel.logs import describe, logger
from keel.records import presentation
from keel.settings import event_settings
from keel.storage import clients
from keel.storage import legacy_table as table
from keel.storage.legacy_table import Key, RetriesExhausted

SOURCE: Final = "keel"
if TYPE_CHECKING:
    from mypy_boto3_events.type_defs import PutEventsRequestEntryTypeDef as Entry
else:
    Entry = dict

_PASSING: Final = (ClientError, BotoCoreError, RetriesExhausted)

# PutEvents takes ten entries and 256 KB in all; the bus adds its envelope before a queue's same limit applies.
_ENTRIES: Final = 10
_BYTES: Final = 240_000
_TRIES: Final = 5
_THROTTLED: Final = frozenset({"ThrottlingException", "InternalFailure", "InternalException", "ServiceUnavailable"})
_KEPT: Final = 7 * clock.DAY


class Refused(Exception):
    """The bus went on refusing events, however often it was tried."""


def publish(records: Iterable[dict[str, Any]]) -> None:
    """Publish what these records of the stream stand for."""
    found = [change for record in records if (change := _read(record))]
    _put([entry for batch in _batches(found) for entry in _entries(batch)])


def _read(record: dict[str, Any]) -> Change | None:
    try:
        return changes.of(record)
    except Exception as error:  # noqa: BLE001 - the stream goes on without what cannot be read
        _put_aside(record, **describe(error))
        return None


def _batches(found: list[Change]) -> Iterator[list[Change]]:
    """Changes of one kind in one account, whose names are joined together."""

    def place(change: Change) -> tuple[str, str]:
        return change.record.account_id, change.kind.name

    for _, batch in groupby(sorted(found, key=place), place):
        yield list(batch)


def _entries(batch: list[Change]) -> list[tuple[Change, Entry]]:
    try:
        views = presentation.present(batch[0].kind, [change.record for change in batch])
        return [(change, _entry(change, view)) for change, view in zip(batch, views, strict=True)]
    except _PASSING:
        raise
    except Exception as error:  # noqa: BLE001 - one record that cannot be shown must not take the others along
        if len(batch) > 1:
            return [entry for change in batch for entry in _entries([change])]
        _put_aside(batch[0].source, **describe(error))
        return []


def _entry(change: Change, view: dict[str, Any]) -> Entry:
    detail = _dumps(change.event(view))
    if len(detail.encode()) > _BYTES - 1_000:
        _keep(change, view)
        detail = _dumps(change.event(None))
    return {
        "Source": SOURCE,
        "DetailType": change.name,
        "Detail": detail,
        "Time": datetime.fromtimestamp(change.milliseconds // 1_000, UTC),
        "EventBusName": event_settings().bus,
    }


def _keep(change: Change, view: dict[str, Any]) -> None:
    """Keep the data of an event that is too large for the bus, for those who deliver it."""
    at = kept_at(change.record.account_id, change.id)
    item = {"pk": at.pk, "sk": at.sk, "kind": "event_data", "data": _dumps(view)}
    table.apply(table.put(item | {"ttl": (clock.now() + _KEPT) // 1_000}))


def kept_at(account_id: str, event_id: str) -> Key:
    return Key(table.partition(account_id, "event_data"), event_id)


def data_of(event: dict[str, Any]) -> dict[str, Any]:
    """The record in an event, wherever it is kept."""
    if event["data"] is None:
        item = table.get(kept_at(event["account_id"], event["id"]))
        if item is None:
            raise LookupError("the data of this event is no longer kept")
        event = event | {"data": json.loads(item["data"])}
    data: dict[str, Any] = event["data"]
    return data


def _put(entries: list[tuple[Change, Entry]]) -> None:
    """Put all of these on the bus, each entry that is refused again by itself."""
    jitter = random.SystemRandom()
    # Several calls at once: whoever shares this reader with a burst waits for all of its events.
    for attempt in range(_TRIES):
        entries = [pair for refused in clients.map_concurrently(_offer, list(_calls(entries))) for pair in refused]
        if not entries:
            return
        time.sleep(jitter.uniform(0, 0.1 * 2**attempt))
    raise Refused


def _offer(batch: list[tuple[Change, Entry]]) -> list[tuple[Change, Entry]]:
    """One call; gives what the bus refuses for the moment."""
    answer = clients.client("events").put_events(Entries=[entry for _, entry in batch])
    refused = []
    for pair, result in zip(batch, answer["Entries"], strict=True):
        if code := result.get("ErrorCode"):
            if code in _THROTTLED:
                refused.append(pair)
            else:
                _put_aside(pair[0].source, code=code)
    return refused


def _calls(entries: list[tuple[Change, Entry]]) -> Iterator[list[tuple[Change, Entry]]]:
    """The entries in as few calls as the limits allow."""
    batch: list[tuple[Change, Entry]] = []
    size = 0
    for pair in entries:
        length = len(pair[1]["Detail"].encode()) + 200
        if batch and (len(batch) == _ENTRIES or size + length > _BYTES):
            yield batch
            batch, size = [], 0
        batch.append(pair)
        size += length
    if batch:
        yield batch


def _put_aside(record: dict[str, Any], **why: Any) -> None:
    event_id = record.get("eventID", "unknown")
    clients.client("s3").put_object(
        Bucket=event_settings().failures,
        Key=f"event_publisher/{event_id}.json",
        Body=json.dumps({"Records": [record]}, default=str).encode(),  # to be handed to the function again as it is
    )
    logger.error("put_aside", event_id=event_id, **why)


def _dumps(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))
