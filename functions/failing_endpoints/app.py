"""Disable webhook endpoints that have been failing for too long."""

from aws_lambda_powertools.utilities.typing import LambdaContext

from keel import clock, metrics
from keel.logs import logger
from keel.webhooks import health


@logger.inject_lambda_context(log_event=False)
@metrics.log_metrics
def handler(_event: dict[str, object], _context: LambdaContext) -> None:
    logger.info("failing_endpoints_disabled", count=health.disable_failing(clock.now()))
