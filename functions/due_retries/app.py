"""Who sees to it that retries are made when they are due?"""

from typing import Any

from keel import clock
from keel.logs import logger
from keel.webhooks import queues


def handler(_event: dict[str, Any], _context: Any) -> None:
    logger.info("due_retries", queued=queues.pass_on(clock.now()))
