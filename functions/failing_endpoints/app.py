"""Who disables endpoints that have been failing for too long?"""

from typing import Any

from keel import clock
from keel.logs import logger
from keel.webhooks import health


def handler(_event: dict[str, Any], _context: Any) -> None:
    logger.info("failing_endpoints", disabled=health.disable_failing(clock.now()))
