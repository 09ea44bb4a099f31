"""Take note of an uploaded file that S3 has announced."""

from aws_lambda_powertools.utilities.batch.types import PartialItemFailureResponse
from aws_lambda_powertools.utilities.data_classes import SQSEvent, event_source
from aws_lambda_powertools.utilities.typing import LambdaContext

from keel import metrics
from keel.imports import uploads
from keel.logs import logger
from keel.settings import FileSettings, ImportSettings, load_settings, settings
from keel.workers.queues import process_queue

settings(), load_settings(FileSettings), load_settings(ImportSettings)  # an invalid setting fails the cold start


@logger.inject_lambda_context(log_event=False)
@metrics.log_metrics
@event_source(data_class=SQSEvent)
def handler(event: SQSEvent, _context: LambdaContext) -> PartialItemFailureResponse:
    return process_queue(event, uploads.handle_notification)
