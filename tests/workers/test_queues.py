"""Batches of messages: what fails is reported by itself, and logged without what it quotes."""

import json
import logging
import threading
from collections.abc import Callable
from typing import Any

import pytest
from aws_lambda_powertools.utilities.data_classes import DynamoDBStreamEvent, SQSEvent

from keel.storage.models import Key
from keel.workers.queues import process_queue, process_stream
from tests.harness.streams import queued

Lines = Callable[[], list[dict[str, Any]]]
MARKER = "marker-0d7b"


def batch(*bodies: str) -> SQSEvent:
    return SQSEvent({"Records": [queued(body, str(number)) for number, body in enumerate(bodies)]})


def failing(number: int) -> None:
    if number % 2:
        raise ValueError(MARKER)


@pytest.mark.parametrize("threads", [1, 10])
@pytest.mark.parametrize(("count", "failed"), [(1, []), (2, ["1"]), (9, ["1", "3", "5", "7"])])
def test_messages_that_fail_are_reported_in_order(threads: int, count: int, failed: list[str]) -> None:
    response = process_queue(batch(*map(str, range(count))), failing, threads=threads)
    assert response == {"batchItemFailures": [{"itemIdentifier": name} for name in failed]}


@pytest.mark.parametrize("threads", [1, 10])
def test_batch_that_fails_as_a_whole_is_reported_and_raises_nothing(threads: int) -> None:
    response = process_queue(batch("1", "{", "3"), failing, threads=threads)
    assert [each["itemIdentifier"] for each in response["batchItemFailures"]] == ["0", "1", "2"]


def test_messages_are_processed_concurrently() -> None:
    barrier = threading.Barrier(3, timeout=10)

    def work(_message: int) -> None:
        barrier.wait()

    response = process_queue(batch("0", "2", "4"), work, threads=3)
    assert response == {"batchItemFailures": []}


@pytest.mark.parametrize("threads", [1, 10])
def test_failure_is_logged_by_place_and_not_by_text(
    log_lines: Lines, caplog: pytest.LogCaptureFixture, threads: int
) -> None:
    caplog.set_level(logging.DEBUG)

    def work(message: dict[str, str]) -> None:
        raise RuntimeError(message["name"])

    process_queue(batch(f'{{"name": "{MARKER}"}}', f'{{"{MARKER}": 1}}', MARKER), work, threads=threads)
    lines = sorted(log_lines(), key=lambda line: str(line["message_id"]))
    assert [line["message"] for line in lines] == ["failed"] * 3
    assert [line["error_type"] for line in lines] == [
        "builtins.RuntimeError",
        "builtins.KeyError",
        "json.decoder.JSONDecodeError",
    ]
    assert all(line["error_at"] for line in lines)
    assert MARKER not in json.dumps(lines)
    assert MARKER not in caplog.text


def test_stream_records_that_fail_are_reported_by_their_sequence_numbers(log_lines: Lines) -> None:
    records = [
        {
            "eventName": "INSERT",
            "dynamodb": {"Keys": {"pk": {"S": "a"}, "sk": {"S": str(number)}}, "SequenceNumber": f"s{number}"},
        }
        for number in range(3)
    ]
    seen: list[Key] = []

    def work(key: Key) -> None:
        seen.append(key)
        if key.sk == "1":
            raise ValueError(MARKER)

    response = process_stream(DynamoDBStreamEvent({"Records": records}), work)
    assert response == {"batchItemFailures": [{"itemIdentifier": "s1"}]}
    assert seen == [Key("a", "0"), Key("a", "1"), Key("a", "2")]
    [line] = log_lines()
    assert line["message_id"] == "s1"
    assert MARKER not in json.dumps(line)
