"""Continue an import: write its rows, or undo it."""

from functools import partial

from aws_lambda_powertools.utilities.batch.types import PartialItemFailureResponse
from aws_lambda_powertools.utilities.data_classes import SQSEvent, event_source
from aws_lambda_powertools.utilities.typing import LambdaContext

from keel import metrics
from keel.imports import worker
from keel.logs import logger
from keel.settings import FileSettings, ImportSettings, load_settings, settings
from keel.workers.queues import process_queue

settings(), load_settings(FileSettings), load_settings(ImportSettings)  # an invalid setting fails the cold start


@logger.inject_lambda_context(log_event=False)
@metrics.log_metrics
@event_source(data_class=SQSEvent)
def handler(event: SQSEvent, context: LambdaContext) -> PartialItemFailureResponse:
    return process_queue(event, partial(worker.run, milliseconds_left=context.get_remaining_time_in_millis))
