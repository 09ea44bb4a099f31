"""What follows when an export was ordered?"""

from typing import Any

from keel.exports import worker
from keel.settings import file_settings, settings
from keel.workers.queues import Failures, go_through_queue

settings()
file_settings()


def handler(event: dict[str, Any], _context: Any) -> Failures:
    return go_through_queue(event, worker.carry_out)
