"""Who tells the world of a change? The table's stream, as events on the bus."""

from typing import Any

from keel.events import publisher
from keel.workers import Event


def handler(event: Event, _context: Any) -> None:
    publisher.publish(event["Records"])
