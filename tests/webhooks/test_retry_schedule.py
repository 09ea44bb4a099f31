"""Test the retry schedule: its steps, jitter, Retry-After, and retries that wait in the table."""

import random
from collections import Counter
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from typing import Any

import pytest

from keel import clock
from keel.webhooks import retry_schedule
from tests.harness.functions import Functions
from tests.harness.wire import Killed
from tests.webhooks.conftest import Registered, Webhooks
from tests.webhooks.receivers import Receiver

STEPS = [5, 300, 1_800, 7_200, 18_000, 36_000, 50_400, 72_000, 86_400]
NOW = clock.milliseconds("2026-06-01T12:00:00.000Z")


@pytest.mark.parametrize(("attempt", "step"), list(enumerate(STEPS, 1)))
def test_each_step_has_jitter_of_twenty_percent(attempt: int, step: int) -> None:
    delays = [retry_schedule.delay(attempt, "", NOW) or 0 for _ in range(500)]
    assert min(delays) >= 800 * step
    assert max(delays) <= 1_200 * step
    assert min(delays) < 950 * step < 1_050 * step < max(delays)


def test_there_is_no_retry_after_the_tenth_attempt() -> None:
    assert retry_schedule.delay(10, "", NOW) is None
    assert retry_schedule.delay(10, "60", NOW) is None


@pytest.mark.parametrize(
    ("value", "least", "most"),
    [
        ("0", 240, 360),
        ("400", 400, 480),
        ("550", 550, 600),
        ("1000000000000", 540, 600),
        ("-5", 240, 360),
        ("soon", 240, 360),
        ("1e9", 240, 360),
        ("²", 240, 360),
        (format_datetime(datetime(2026, 6, 1, 12, 7, tzinfo=UTC), usegmt=True), 420, 504),
        (format_datetime(datetime(2026, 6, 1, 12, tzinfo=UTC) - timedelta(days=1), usegmt=True), 240, 360),
        (format_datetime(datetime(2030, 1, 1, tzinfo=UTC), usegmt=True), 540, 600),
        ("Fri, 31 Dec 9999 23:59:59 -2359", 540, 600),
        ("Mon, 01 Jan 0001 00:00:00 +2359", 240, 360),
        ("Thu, 01 Jan 2026 00:00:00 +99999999999999999", 240, 360),
        ("Thu, 99999999999999999999 Jan 2026 00:00:00 GMT", 240, 360),
        ("Thu, 01 Jan 2026 99999999999999999999:00:00 GMT", 240, 360),
        ("Thu, 01 Jan 99999999999999999999 00:00:00 GMT", 240, 360),
    ],
)
def test_retry_after_counts_between_one_and_two_steps(value: str, least: int, most: int) -> None:
    delays = [retry_schedule.delay(2, value, NOW) or 0 for _ in range(100)]
    assert least * 1_000 <= min(delays)
    assert max(delays) <= most * 1_000
    assert len(set(delays)) > 10


@pytest.mark.parametrize(("value", "seconds"), [("10", 10), ("7", 7)])
def test_no_retry_comes_before_the_time_in_retry_after(
    webhooks: Webhooks, receiver: Receiver, sent: Callable[[], list[dict[str, Any]]], value: str, seconds: int
) -> None:
    endpoint = webhooks.register(receiver.url)
    webhooks.create_contact()
    webhooks.fan_out()
    receiver.answers = [(503, {"Retry-After": value})]
    requests = sent()
    webhooks.run("webhook_delivery")
    [delay] = [each["DelaySeconds"] for each in requests if each["MessageGroupId"] == endpoint.id]
    assert seconds <= delay <= 10
    [pending] = webhooks.deliveries(endpoint)
    wait = clock.milliseconds(pending["next_attempt_at"]) - clock.milliseconds(pending["attempts"][0]["at"])
    assert wait >= seconds * 1_000


def test_endpoints_that_fail_together_are_not_retried_together(monkeypatch: pytest.MonkeyPatch) -> None:
    # There are only a dozen late retries a minute, so chance could pile them up: each run has the same jitter.
    monkeypatch.setattr(retry_schedule, "jitter", random.Random(1))  # noqa: S311 - no secret
    # In an outage of ten thousand endpoints, all first attempts end within one minute.
    at = [endpoint * 6 for endpoint in range(10_000)]
    for attempt in range(1, 10):
        at = [each + (retry_schedule.delay(attempt, "", NOW) or 0) for each in at]
        minutes = Counter(each // clock.MINUTE for each in at)
        at.sort()  # the mean of the middle nine tenths, without the few stragglers
        mean = 9_000 / (at[9_500] // clock.MINUTE - at[500] // clock.MINUTE + 1)
        assert max(minutes.values()) <= 3 * mean, f"retry {attempt}"


@pytest.fixture
def failed_thrice(webhooks: Webhooks, receiver: Receiver) -> Registered:
    """An endpoint with a delivery whose fourth attempt is due in half an hour."""
    receiver.answers = [500, 500, 500]
    endpoint = webhooks.register(receiver.url)
    webhooks.create_contact()
    webhooks.deliver()
    for _ in range(2):
        webhooks.attempt(webhooks.deliveries(endpoint)[0])
    return endpoint


def test_late_retry_waits_in_the_table_and_is_queued_once_when_it_is_due(
    webhooks: Webhooks,
    failed_thrice: Registered,
    receiver: Receiver,
    functions: Functions,
    at: Callable[[int], Any],
) -> None:
    [waiting] = webhooks.deliveries(failed_thrice)
    assert waiting["status"] == "pending"
    functions.invoke("due_retries", {})
    webhooks.run("webhook_delivery")
    assert len(receiver.received) == 3

    due_at = clock.milliseconds(waiting["next_attempt_at"])
    for _ in range(2):  # the second run finds nothing to do
        with at(due_at + 1):
            functions.invoke("due_retries", {})
    webhooks.run("webhook_delivery")
    [done] = webhooks.deliveries(failed_thrice)
    assert done["status"] == "succeeded"
    assert len(receiver.received) == 4


def test_retry_that_is_queued_twice_is_attempted_once(
    webhooks: Webhooks,
    failed_thrice: Registered,
    receiver: Receiver,
    functions: Functions,
    inject: Callable[..., Any],
    at: Callable[[int], Any],
) -> None:
    [waiting] = webhooks.deliveries(failed_thrice)
    due_at = clock.milliseconds(waiting["next_attempt_at"])
    with at(due_at + 1):
        inject("BatchWriteItem", Killed())  # the job dies before it removes what it queued
        with pytest.raises(Killed):
            functions.invoke("due_retries", {})
        functions.invoke("due_retries", {})
    webhooks.run("webhook_delivery")
    assert len(receiver.received) == 4
