"""Create a delivery of an event for each webhook endpoint that is subscribed to it."""

from aws_lambda_powertools.utilities.batch.types import PartialItemFailureResponse
from aws_lambda_powertools.utilities.data_classes import SQSEvent, event_source
from aws_lambda_powertools.utilities.typing import LambdaContext

from keel import metrics
from keel.logs import logger
from keel.webhooks import fanout
from keel.workers.queues import process_queue


@logger.inject_lambda_context(log_event=False)
@metrics.log_metrics
@event_source(data_class=SQSEvent)
def handler(event: SQSEvent, _context: LambdaContext) -> PartialItemFailureResponse:
    return process_queue(event, lambda envelope: fanout.distribute(envelope["detail"]), threads=10)
