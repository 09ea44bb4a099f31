"""Send the mails that transactions have left in the outbox."""

from functools import partial

from aws_lambda_powertools.utilities.batch.types import PartialItemFailureResponse
from aws_lambda_powertools.utilities.data_classes import DynamoDBStreamEvent, event_source
from aws_lambda_powertools.utilities.typing import LambdaContext

from keel import metrics
from keel.logs import logger
from keel.mails import sending
from keel.settings import MailSettings, load_settings, settings
from keel.users import mail_recipients
from keel.workers.queues import process_stream

settings(), load_settings(MailSettings)  # an invalid setting fails the cold start


@logger.inject_lambda_context(log_event=False)
@metrics.log_metrics
@event_source(data_class=DynamoDBStreamEvent)
def handler(event: DynamoDBStreamEvent, _context: LambdaContext) -> PartialItemFailureResponse:
    return process_stream(event, partial(sending.send_or_set_aside, find_recipient=mail_recipients.find))
