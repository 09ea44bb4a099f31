"""How does a worker go through a batch? One record after the other; what fails comes again, what is done does not.

Lambda delivers at least once: whatever a worker does, it must be able to do again.
"""

import json
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any, Final

from keel import clock, metrics
from keel.attributes import decode_item
from keel.logs import describe, logger
from keel.table import Item

Event = dict[str, Any]
Failures = dict[str, list[dict[str, str]]]

_LATE: Final = 20 * clock.MINUTE  # more than a message may be delayed on purpose


@dataclass(frozen=True)
class Change:
    """A change of an item of the table, as its stream tells it. `id` is the same each time it comes."""

    id: str
    before: Item | None
    after: Item | None


def go_through_stream(event: Event, work: Callable[[Change], None]) -> Failures:
    """Hand over the changes in their order; gives the first that fails, from which on Lambda tries again."""
    for record in event["Records"]:
        images = record["dynamodb"]
        try:
            work(Change(record["eventID"], _image(images, "OldImage"), _image(images, "NewImage")))
        except Exception as error:  # noqa: BLE001 - the stream stands still until the record is told apart
            logger.error("failed", event_id=record["eventID"], **describe(error))
            return _failures(images["SequenceNumber"])
    return _failures()


def go_through_queue(event: Event, work: Callable[[Any], None], *, at_once: int = 1) -> Failures:
    """Hand over the messages' JSON values, so many at once; gives those that fail, which come again alone."""

    def failed(record: dict[str, Any]) -> bool:
        try:
            work(json.loads(record["body"]))
        except Exception as error:  # noqa: BLE001 - one message must not take the others along
            logger.error("failed", message_id=record["messageId"], **describe(error))
            return True
        return False

    records = event["Records"]
    _tell_if_late(records)
    if at_once == 1 or len(records) == 1:
        return _failures(*(record["messageId"] for record in records if failed(record)))
    with ThreadPoolExecutor(max_workers=at_once) as pool:
        found = zip(records, pool.map(failed, records), strict=True)
        return _failures(*(record["messageId"] for record, is_failed in found if is_failed))


def _tell_if_late(records: list[dict[str, Any]]) -> None:
    """Whether it was this worker that kept the messages waiting or that it was not called: they are late."""
    waited = clock.now() - min(int(record["attributes"]["SentTimestamp"]) for record in records)
    if waited > _LATE:
        metrics.seconds("SecondsWaited", waited // clock.SECOND)


def _image(images: dict[str, Any], name: str) -> Item | None:
    return decode_item(images[name]) if name in images else None


def _failures(*identifiers: str) -> Failures:
    return {"batchItemFailures": [{"itemIdentifier": identifier} for identifier in identifiers]}
