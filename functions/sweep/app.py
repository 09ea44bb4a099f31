"""Delete index entries that belong to no record."""

from typing import Final

from aws_lambda_powertools.utilities.typing import LambdaContext

from keel import clock, metrics
from keel.logs import logger
from keel.workers import sweep

_MARGIN_MILLISECONDS: Final = 20_000


@logger.inject_lambda_context(log_event=False)
@metrics.log_metrics
def handler(_event: dict[str, object], context: LambdaContext) -> None:
    removed = sweep.run(clock.now(), lambda: context.get_remaining_time_in_millis() < _MARGIN_MILLISECONDS)
    logger.info("swept", removed=removed)
