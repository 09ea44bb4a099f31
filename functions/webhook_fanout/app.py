"""Who turns an event into deliveries?"""

from typing import Any

from keel.webhooks import fanout
from keel.workers.queues import Event, Failures, go_through_queue


def handler(event: Event, _context: Any) -> Failures:
    return go_through_queue(event, lambda envelope: fanout.distribute(envelope["detail"]), at_once=10)
