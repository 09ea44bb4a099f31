"""What follows when storage says that a file has arrived?"""

from typing import Any

from keel.imports import uploads
from keel.settings import file_settings, import_settings, settings
from keel.workers.queues import Failures, go_through_queue

settings()
file_settings()
import_settings()


def handler(event: dict[str, Any], _context: Any) -> Failures:
    return go_through_queue(event, uploads.announced)
