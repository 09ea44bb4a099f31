"""Publish the changes of records from the table's stream to the event bus, each at least once.

A record of the stream from which no event can be made is set aside in the failure bucket, and the others continue. An
error of AWS that may pass is raised, and Lambda delivers the batch again.
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
from keel.events.models import EventData, event_data_key
from keel.logs import describe, logger
from keel.records import presentation
from keel.settings import EventSettings, load_settings
from keel.storage import clients, table
from keel.storage.table import RetriesExhausted

SOURCE: Final = "keel"
if TYPE_CHECKING:
    from mypy_boto3_events.type_defs import PutEventsRequestEntryTypeDef as Entry
else:
    Entry = dict

_TRANSIENT: Final = (ClientError, BotoCoreError, RetriesExhausted)

# PutEvents takes ten entries and 256 KB in all. The bus adds its envelope before the same limit applies to a queue.
_ENTRIES: Final = 10
_BYTES: Final = 240_000
_TRIES: Final = 5
_RETRYABLE: Final = frozenset({"ThrottlingException", "InternalFailure", "InternalException", "ServiceUnavailable"})
_KEPT: Final = 7 * clock.DAY


class PublishingFailed(Exception):
    """The bus rejected events in every attempt."""


def publish(stream_records: Iterable[dict[str, Any]]) -> None:
    """Publish the events that these records of the stream stand for."""
    read = [change for record in stream_records if (change := _read(record))]
    _put([entry for batch in _batches(read) for entry in _entries(batch)])


def _read(stream_record: dict[str, Any]) -> Change | None:
    try:
        return changes.of(stream_record)
    except Exception as error:  # noqa: BLE001 - the stream continues without a record that cannot be read
        _set_aside(stream_record, **describe(error))
        return None


def _batches(all_changes: list[Change]) -> Iterator[list[Change]]:
    """Changes of one entity type in one account: the names that they refer to are read together."""

    def group(change: Change) -> tuple[str, str]:
        return change.record.account_id, change.entity_type.name

    for _, batch in groupby(sorted(all_changes, key=group), group):
        yield list(batch)


def _entries(batch: list[Change]) -> list[tuple[Change, Entry]]:
    try:
        presented = presentation.present(batch[0].entity_type, [change.record for change in batch])
        return [(change, _entry(change, data)) for change, data in zip(batch, presented, strict=True)]
    except _TRANSIENT:
        raise
    except Exception as error:  # noqa: BLE001 - one record that cannot be presented must not stop the others
        if len(batch) > 1:
            return [entry for change in batch for entry in _entries([change])]
        _set_aside(batch[0].stream_record, **describe(error))
        return []


def _entry(change: Change, data: dict[str, Any]) -> Entry:
    detail = _dumps(change.event(data))
    if len(detail.encode()) > _BYTES - 1_000:
        _store_data(change, data)
        detail = _dumps(change.event(None))
    return {
        "Source": SOURCE,
        "DetailType": change.name,
        "Detail": detail,
        "Time": datetime.fromtimestamp(change.milliseconds // 1_000, UTC),
        "EventBusName": load_settings(EventSettings).bus,
    }


def _store_data(change: Change, data: dict[str, Any]) -> None:
    """Store the record of an event that is too large for the bus, for webhook deliveries."""
    key = event_data_key(change.record.account_id, change.id)
    item = EventData(*key, data=_dumps(data), ttl=(clock.now() + _KEPT) // clock.SECOND)
    table.write(table.put(item))


def data_of(event: dict[str, Any]) -> dict[str, Any]:
    """The record of an event, from the event itself or the table."""
    data: dict[str, Any] | None = event["data"]
    if data is not None:
        return data
    stored = table.get(EventData, event_data_key(event["account_id"], event["id"]))
    if stored is None:
        raise LookupError("the data of this event is no longer kept")
    loaded: dict[str, Any] = json.loads(stored.data)
    return loaded


def _put(entries: list[tuple[Change, Entry]]) -> None:
    """Put all of these on the bus, and repeat those that the bus rejects."""
    jitter = random.SystemRandom()
    # Several calls at the same time: accounts that share a shard with a burst wait for all of its events.
    for attempt in range(_TRIES):
        rejected = clients.map_concurrently(_put_batch, list(_batched(entries)))
        entries = [pair for pairs in rejected for pair in pairs]
        if not entries:
            return
        time.sleep(jitter.uniform(0, 0.1 * 2**attempt))
    raise PublishingFailed


def _put_batch(batch: list[tuple[Change, Entry]]) -> list[tuple[Change, Entry]]:
    """Make one call. Returns the entries to repeat."""
    response = clients.client("events").put_events(Entries=[entry for _, entry in batch])
    rejected = []
    for pair, result in zip(batch, response["Entries"], strict=True):
        if code := result.get("ErrorCode"):
            if code in _RETRYABLE:
                rejected.append(pair)
            else:
                _set_aside(pair[0].stream_record, code=code)
    return rejected


def _batched(entries: list[tuple[Change, Entry]]) -> Iterator[list[tuple[Change, Entry]]]:
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


def _set_aside(stream_record: dict[str, Any], **reason: Any) -> None:
    """Store a record of the stream in the failure bucket, as an event that the function can be invoked with."""
    event_id = stream_record.get("eventID", "unknown")
    clients.client("s3").put_object(
        Bucket=load_settings(EventSettings).failures,
        Key=f"event_publisher/{event_id}.json",
        Body=json.dumps({"Records": [stream_record]}, default=str).encode(),
    )
    logger.error("stream_record_set_aside", event_id=event_id, **reason)


def _dumps(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))
