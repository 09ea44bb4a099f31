"""Clear the references to a deleted record."""

from aws_lambda_powertools.utilities.batch.types import PartialItemFailureResponse
from aws_lambda_powertools.utilities.data_classes import SQSEvent, event_source
from aws_lambda_powertools.utilities.typing import LambdaContext

from keel import metrics
from keel.logs import logger
from keel.settings import CascadeSettings, load_settings, settings
from keel.workers import cascade
from keel.workers.queues import process_queue

settings(), load_settings(CascadeSettings)  # an invalid setting fails the cold start


@logger.inject_lambda_context(log_event=False)
@metrics.log_metrics
@event_source(data_class=SQSEvent)
def handler(event: SQSEvent, context: LambdaContext) -> PartialItemFailureResponse:
    return process_queue(event, lambda deletion: cascade.process(deletion, context.get_remaining_time_in_millis))
