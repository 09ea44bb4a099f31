"""Who sends a delivery to its endpoint? And who turns what imports change into deliveries?"""

from functools import partial
from typing import Any

from keel.settings import delivery_settings
from keel.webhooks import attempts, fanout
from keel.webhooks.queues import Message
from keel.workers.queues import Event, Failures, go_through_queue


def handler(event: Event, _context: Any) -> Failures:
    overflow = delivery_settings().overflow.rpartition("/")[2]
    in_overflow = event["Records"][0]["eventSourceARN"].rpartition(":")[2] == overflow
    # A batch is at once: it waits for receivers, not for the processor. It ends with its slowest, though, so only the
    # second lane has batches of more than one.
    return go_through_queue(event, partial(_work, overflow=in_overflow), at_once=10)


def _work(body: dict[str, Any], *, overflow: bool) -> None:
    if "detail" in body:  # an event from the bus: such as are many do not stand before others in the fan-out's queue
        fanout.distribute(body["detail"])
    else:
        attempts.make(Message(**body), overflow=overflow)
