"""Queue the retries of webhook deliveries that are due."""

from aws_lambda_powertools.utilities.typing import LambdaContext

from keel import clock, metrics
from keel.logs import logger
from keel.webhooks import queues


@logger.inject_lambda_context(log_event=False)
@metrics.log_metrics
def handler(_event: dict[str, object], _context: LambdaContext) -> None:
    logger.info("due_retries_queued", count=queues.queue_due_retries(clock.now()))
