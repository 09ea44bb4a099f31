"""Publish changes of records to the event bus, and queue the clearing of references to deleted records."""

from aws_lambda_powertools.utilities.data_classes import DynamoDBStreamEvent, event_source
from aws_lambda_powertools.utilities.typing import LambdaContext

from keel import metrics
from keel.events import publisher
from keel.logs import logger
from keel.settings import CascadeSettings, EventSettings, load_settings, settings
from keel.workers import cascade

settings(), load_settings(EventSettings), load_settings(CascadeSettings)  # an invalid setting fails the cold start


@logger.inject_lambda_context(log_event=False)
@metrics.log_metrics
@event_source(data_class=DynamoDBStreamEvent)
def handler(event: DynamoDBStreamEvent, _context: LambdaContext) -> None:
    records = [record.raw_event for record in event.records]
    cascade.enqueue(records)
    publisher.publish(records)
