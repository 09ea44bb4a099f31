"""What follows when a record is deleted? A message for the worker that clears what pointed to it."""

from typing import Any

from keel.records import cascade
from keel.settings import cascade_settings, settings
from keel.workers import Event, Failures, go_through_stream

settings()
cascade_settings()


def handler(event: Event, _context: Any) -> Failures:
    return go_through_stream(event, cascade.ask)
