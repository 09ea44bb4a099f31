"""Process batches of SQS messages and stream records with Powertools' batch processor.

Each record is processed by itself, and only those that fail are delivered again. Lambda delivers at least once, so what
a worker does must be safe to repeat.
"""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any, Final

from aws_lambda_powertools.utilities.batch import BatchProcessor, EventType, FailureResponse, process_partial_response
from aws_lambda_powertools.utilities.batch.exceptions import ExceptionInfo
from aws_lambda_powertools.utilities.batch.types import PartialItemFailureResponse
from aws_lambda_powertools.utilities.data_classes import DynamoDBStreamEvent, SQSEvent
from aws_lambda_powertools.utilities.data_classes.dynamo_db_stream_event import DynamoDBRecord
from aws_lambda_powertools.utilities.data_classes.sqs_event import SQSRecord

from keel import clock, metrics
from keel.logs import describe, logger
from keel.storage.models import Key

_LATE: Final = 20 * clock.MINUTE  # longer than any message is delayed on purpose


class _Processor(BatchProcessor):
    """A batch processor that can use several threads and logs no personal data."""

    def __init__(self, event_type: EventType, threads: int = 1) -> None:
        # Powertools would raise an error with the text of all errors when every record has failed.
        super().__init__(event_type, raise_on_entire_batch_failure=False)
        self._threads = threads

    def process(self) -> list[tuple[Any, ...]]:
        if self._threads == 1 or len(self.records) == 1:
            return super().process()
        with ThreadPoolExecutor(max_workers=self._threads) as pool:
            entries = list(pool.map(self._process_record, self.records))
        self.fail_messages = [record for status, _, record in entries if status == "fail"]  # in the order of the batch
        return [*entries]

    def failure_handler(self, record: SQSRecord | DynamoDBRecord, exception: ExceptionInfo) -> FailureResponse:
        """Log where a record has failed, but not the text of the error, which may quote the record."""
        _, error, _ = exception
        described = describe(error) if error else {}
        logger.error("failed", message_id=_id_of(record), **described)
        self.exceptions.append(exception)
        self.fail_messages.append(record)
        return "fail", str(described.get("error_type")), record


def process_queue(event: SQSEvent, work: Callable[[Any], None], *, threads: int = 1) -> PartialItemFailureResponse:
    """Process the messages of a batch, which are JSON, in this many threads. Returns those that failed."""

    def handle(record: SQSRecord) -> None:
        work(record.json_body)

    _report_late(event)
    return process_partial_response(event.raw_event, handle, _Processor(EventType.SQS, threads))


def process_stream(event: DynamoDBStreamEvent, work: Callable[[Key], None]) -> PartialItemFailureResponse:
    """Process the keys of the items that a batch of the table's stream is about. Returns the records that failed."""

    def handle(record: DynamoDBRecord) -> None:
        keys = record.raw_event["dynamodb"]["Keys"]
        work(Key(keys["pk"]["S"], keys["sk"]["S"]))

    return process_partial_response(event.raw_event, handle, _Processor(EventType.DynamoDBStreams))


def _id_of(record: SQSRecord | DynamoDBRecord) -> str | None:
    """What identifies a record: the id of a message, the sequence number of a stream record."""
    if isinstance(record, SQSRecord):
        return record.message_id
    return record.dynamodb.sequence_number if record.dynamodb else None


def _report_late(event: SQSEvent) -> None:
    """Count how long the oldest message has waited if it is late: this worker is too slow, or was not invoked."""
    waited = clock.now() - min(int(record.attributes.sent_timestamp) for record in event.records)
    if waited > _LATE:
        metrics.seconds("MessageAge", waited // clock.SECOND)
        metrics.flush()  # not at the end, which a worker that times out does not reach
