"""What follows when an import has work left?"""

from functools import partial
from typing import Any

from keel.imports import worker
from keel.settings import file_settings, import_settings, settings
from keel.workers.queues import Failures, go_through_queue

settings()
file_settings()
import_settings()


def handler(event: dict[str, Any], context: Any) -> Failures:
    return go_through_queue(event, partial(worker.carry_on, milliseconds_left=context.get_remaining_time_in_millis))
