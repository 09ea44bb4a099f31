"""Who clears what pointed to a deleted record?"""

from typing import Any

from keel.settings import cascade_settings, settings
from keel.workers import cascade
from keel.workers.queues import Event, Failures, go_through_queue

settings()
cascade_settings()


def handler(event: Event, context: Any) -> Failures:
    return go_through_queue(event, lambda order: cascade.carry_out(order, context.get_remaining_time_in_millis))
