"""How does a worker go through a batch? One record after the other; what fails comes again, what is done does not.

Lambda delivers at least once: whatever a worker does, it must be able to do again.
"""

import json
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any, Final

from keel import clock, metrics
from keel.logs import describe, logger

Event = dict[str, Any]
Failures = dict[str, list[dict[str, str]]]

_LATE: Final = 20 * clock.MINUTE  # more than a message may be delayed on purpose


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


def _failures(*identifiers: str) -> Failures:
    return {"batchItemFailures": [{"itemIdentifier": identifier} for identifier in identifiers]}
