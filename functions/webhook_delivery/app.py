"""Send deliveries to webhook endpoints, and create the deliveries of what imports change."""

from functools import partial
from typing import Any

from aws_lambda_powertools.utilities.batch.types import PartialItemFailureResponse
from aws_lambda_powertools.utilities.data_classes import SQSEvent, event_source
from aws_lambda_powertools.utilities.typing import LambdaContext

from keel import metrics
from keel.logs import logger
from keel.settings import DeliverySettings, load_settings
from keel.webhooks import attempts, fanout
from keel.webhooks.queues import Message
from keel.workers.queues import process_queue


@logger.inject_lambda_context(log_event=False)
@metrics.log_metrics
@event_source(data_class=SQSEvent)
def handler(event: SQSEvent, _context: LambdaContext) -> PartialItemFailureResponse:
    overflow = load_settings(DeliverySettings).overflow.rpartition("/")[2]
    in_overflow = next(event.records).event_source_arn.rpartition(":")[2] == overflow
    # A batch waits for receivers, not for the processor, so its messages are processed concurrently. It ends with its
    # slowest message, so only the second lane has batches of more than one.
    return process_queue(event, partial(_work, overflow=in_overflow), threads=10)


def _work(body: dict[str, Any], *, overflow: bool) -> None:
    if "detail" in body:  # an event of an import, from the bus: it must not delay others in the queue of the fan-out
        fanout.distribute(body["detail"])
    else:
        attempts.make(Message(**body), overflow=overflow)
