"""Invoke workers with the events of the table's real stream and the real queues."""

import base64
import json
import time
import uuid
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any, Final

import boto3

import template
from tests.harness.functions import Functions
from tests.harness.stand_ins import REGION, StandIns

_PATIENCE: Final = 30.0
_MARKER: Final = "pump"


@dataclass
class Pumped:
    """What was handed to the workers and what they answered, by function."""

    records: dict[str, list[dict[str, Any]]] = field(default_factory=dict)
    answers: dict[str, list[Any]] = field(default_factory=dict)

    def note(self, folder: str, records: list[dict[str, Any]], answer: Any) -> None:
        self.records.setdefault(folder, []).extend(records)
        self.answers.setdefault(folder, []).append(answer)


class Stream:
    """The table's stream from now on."""

    def __init__(self, stand_ins: StandIns) -> None:
        self._table = str(stand_ins.value({"Ref": "Table"}))
        self._arn = str(stand_ins.value({"Fn::GetAtt": ["Table", "StreamArn"]}))
        self._client = boto3.client("dynamodbstreams")
        self._iterators = {shard: self._iterator(shard, "LATEST") for shard in self._shards()}

    def _shards(self) -> list[str]:
        described = self._client.describe_stream(StreamArn=self._arn)["StreamDescription"]
        return [shard["ShardId"] for shard in described["Shards"]]

    def _iterator(self, shard: str, kind: Any) -> str:
        found: Any = self._client.get_shard_iterator(StreamArn=self._arn, ShardId=shard, ShardIteratorType=kind)
        return str(found["ShardIterator"])

    def read(self) -> list[dict[str, Any]]:
        """The records of all changes since the last call."""
        marker = self._mark()
        found: list[dict[str, Any]] = []
        deadline = time.monotonic() + _PATIENCE
        while True:
            for shard in self._shards():
                if shard not in self._iterators:
                    self._iterators[shard] = self._iterator(shard, "TRIM_HORIZON")
            for shard, iterator in list(self._iterators.items()):
                page: Any = self._client.get_records(ShardIterator=iterator)
                if page.get("NextShardIterator"):
                    self._iterators[shard] = page["NextShardIterator"]
                found += page["Records"]
            if any(record["dynamodb"]["Keys"]["sk"]["S"] == marker for record in found):
                break
            assert time.monotonic() < deadline, "the stream does not deliver"
        return [self._as_lambda(record) for record in found if record["dynamodb"]["Keys"]["pk"]["S"] != _MARKER]

    def _mark(self) -> str:
        """Writes an item whose record comes after those of every earlier write."""
        marker = str(uuid.uuid4())
        boto3.client("dynamodb").put_item(TableName=self._table, Item={"pk": {"S": _MARKER}, "sk": {"S": marker}})
        return marker

    def _as_lambda(self, record: dict[str, Any]) -> dict[str, Any]:
        change = dict(record["dynamodb"])
        change["ApproximateCreationDateTime"] = change["ApproximateCreationDateTime"].timestamp()
        return _plain(record | {"dynamodb": change, "awsRegion": REGION, "eventSourceARN": self._arn})  # type: ignore[no-any-return]


def _plain(value: Any) -> Any:
    if isinstance(value, bytes):
        return base64.b64encode(value).decode()
    if isinstance(value, dict):
        return {name: _plain(each) for name, each in value.items()}
    return [_plain(each) for each in value] if isinstance(value, list) else value


class Pump:
    """Moves what lies in the stream and in the queues to the functions that the template connects with them."""

    def __init__(self, stand_ins: StandIns, functions: Functions) -> None:
        self._stand_ins, self._functions = stand_ins, functions
        self._stream: Stream | None = None

    def start(self) -> None:
        self._stream = Stream(self._stand_ins)

    def __call__(self, *folders: str) -> Pumped:
        """Hands each worker what has come for it since the last call, in batches as the template has them."""
        assert self._stream is not None
        pumped, records = Pumped(), self._stream.read()
        for folder in folders:
            sources = template.functions()[folder]["Events"].values()
            fed = 0
            for source in sources:
                properties = source["Properties"]
                if source["Type"] == "DynamoDB":
                    self._feed(folder, [each for each in records if passes(properties, each)], properties, pumped)
                elif source["Type"] == "SQS":
                    self._drain(folder, properties, pumped)
                else:
                    continue
                fed += 1
            assert fed, f"{folder} reads neither the stream nor a queue"
        return pumped

    def _feed(self, folder: str, records: list[dict[str, Any]], properties: dict[str, Any], pumped: Pumped) -> None:
        size = properties.get("BatchSize", 100)
        for at in range(0, len(records), size):
            batch = records[at : at + size]
            pumped.note(folder, batch, self._functions.invoke(folder, {"Records": batch}))

    def _drain(self, folder: str, properties: dict[str, Any], pumped: Pumped) -> None:
        """Hands over every message once; what the function does not report as failed is deleted."""
        client, arn = boto3.client("sqs"), str(self._stand_ins.value(properties["Queue"]))
        url = client.get_queue_url(QueueName=arn.rpartition(":")[2])["QueueUrl"]
        size = min(properties.get("BatchSize", 10), 10)
        while messages := client.receive_message(
            QueueUrl=url, MaxNumberOfMessages=size, AttributeNames=["All"], MessageAttributeNames=["All"]
        ).get("Messages"):
            records = [_message(each, arn) for each in messages]
            answer = self._functions.invoke(folder, {"Records": records})
            pumped.note(folder, records, answer)
            failed = {each["itemIdentifier"] for each in (answer or {}).get("batchItemFailures", [])}
            for message in messages:
                if message["MessageId"] not in failed:
                    client.delete_message(QueueUrl=url, ReceiptHandle=message["ReceiptHandle"])


def _message(message: Any, arn: str) -> dict[str, Any]:
    return queued(message["Body"], message["MessageId"], arn) | {
        "receiptHandle": message["ReceiptHandle"],
        "attributes": message["Attributes"],
        "md5OfBody": message["MD5OfBody"],
    }


def queued(body: str, name: str = "1", arn: str = "", *, sent: int | None = None) -> dict[str, Any]:
    """A message as Lambda hands it to a worker, sent now or at `sent` in milliseconds since 1970."""
    return {
        "messageId": name,
        "body": body,
        "attributes": {"SentTimestamp": str(time.time_ns() // 1_000_000 if sent is None else sent)},
        "messageAttributes": {},
        "eventSource": "aws:sqs",
        "eventSourceARN": arn,
        "awsRegion": REGION,
    }


# ---- The bus -------------------------------------------------------------------------------------------------------


def routed(stand_ins: StandIns, entry: dict[str, Any]) -> Iterator[tuple[str, str]]:
    """The queues, by ARN, that the template's rules have for an entry of PutEvents, and what comes there."""
    envelope = {"version": "0", "source": entry["Source"], "detail-type": entry["DetailType"]}
    envelope["detail"] = json.loads(entry["Detail"])
    for rule in template.resources("AWS::Events::Rule").values():
        if matches(rule["EventPattern"], envelope) and stand_ins.value(rule["EventBusName"]) == entry["EventBusName"]:
            for target in rule["Targets"]:
                yield stand_ins.value(target["Arn"]), json.dumps(envelope)


# ---- Filter criteria -----------------------------------------------------------------------------------------------


def passes(properties: dict[str, Any], record: dict[str, Any]) -> bool:
    filters = properties.get("FilterCriteria", {}).get("Filters")
    return filters is None or any(matches(json.loads(each["Pattern"]), record) for each in filters)


def matches(pattern: dict[str, Any], value: Any) -> bool:
    """Whether a value fits an event pattern, of which the operators in use are known."""
    for name, wanted in pattern.items():
        present = isinstance(value, dict) and name in value
        found = value[name] if present else None
        if isinstance(wanted, dict):
            if not matches(wanted, found):
                return False
        elif not any(_fits(rule, present, found) for rule in wanted):
            return False
    return True


def _fits(rule: Any, present: bool, found: Any) -> bool:
    if not isinstance(rule, dict):
        return present and bool(found == rule)
    [(operator, argument)] = rule.items()
    if operator == "exists":
        return present is argument
    if operator == "prefix":
        return isinstance(found, str) and found.startswith(argument)
    if operator == "suffix":
        return isinstance(found, str) and found.endswith(argument)
    if operator == "anything-but" and not isinstance(argument, dict):
        return present and found not in (argument if isinstance(argument, list) else [argument])
    raise NotImplementedError(f"the tests do not know the pattern {rule}")
