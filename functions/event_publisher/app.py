"""What follows a change? The bus is told of it, and of a deletion the worker that clears what pointed to the record."""

from typing import Any

from keel.events import publisher
from keel.settings import cascade_settings, event_settings, settings
from keel.workers import cascade
from keel.workers.queues import Event

settings(), event_settings(), cascade_settings()  # a wrong setting stops the function at its cold start


def handler(event: Event, _context: Any) -> None:
    cascade.ask(event["Records"])
    publisher.publish(event["Records"])
