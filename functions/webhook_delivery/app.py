"""Make the attempts of webhook deliveries, and create the deliveries of events that imports cause.

Deliveries come from the delivery queue and the overflow queue, events only from the overflow queue.
"""

from typing import Any

from aws_lambda_powertools.utilities.batch.types import PartialItemFailureResponse
from aws_lambda_powertools.utilities.data_classes import SQSEvent, event_source
from aws_lambda_powertools.utilities.typing import LambdaContext

from keel import metrics
from keel.logs import logger
from keel.settings import DeliverySettings, load_settings
from keel.webhooks import attempts, fanout, queues
from keel.webhooks.queues import DeliveryMessage, EventMessage
from keel.workers.queues import process_queue


@logger.inject_lambda_context(log_event=False)
@metrics.log_metrics
@event_source(data_class=SQSEvent)
def handler(event: SQSEvent, _context: LambdaContext) -> PartialItemFailureResponse:
    queue = next(event.records).event_source_arn.rpartition(":")[2]
    if queue == load_settings(DeliverySettings).overflow_queue.rpartition("/")[2]:
        # The workers wait for receivers, not for the processor, so a batch is processed concurrently.
        return process_queue(event, _process_overflow, threads=10)
    # A batch ends with its slowest message, so here it is a single message.
    return process_queue(event, lambda body: attempts.make(DeliveryMessage(**body)))


def _process_overflow(body: dict[str, Any]) -> None:
    match queues.parse(body):
        case EventMessage(event):
            fanout.distribute(event)
        case DeliveryMessage() as message:
            attempts.make_overflowed(message)
