"""Who removes the postings that no record stands behind?"""

from typing import Any, Final

from keel import clock
from keel.logs import logger
from keel.workers import sweep

_MARGIN_MILLISECONDS: Final = 20_000


def handler(_event: dict[str, Any], context: Any) -> None:
    removed = sweep.go_on(clock.now(), lambda: context.get_remaining_time_in_millis() < _MARGIN_MILLISECONDS)
    logger.info("swept", removed=removed)
