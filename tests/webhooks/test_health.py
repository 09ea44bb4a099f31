"""Test that endpoints are disabled after five days without a success."""

from collections.abc import Callable
from typing import Any

import pytest

from keel import clock
from tests.harness.functions import Functions
from tests.webhooks.conftest import Webhooks
from tests.webhooks.receivers import Receiver


def fail_once(webhooks: Webhooks, receiver: Receiver) -> None:
    receiver.default = 500
    webhooks.create_contact()
    webhooks.deliver()


@pytest.mark.parametrize("days", [4, 6])
def test_job_disables_endpoints_that_have_failed_for_five_days(
    webhooks: Webhooks,
    receiver: Receiver,
    functions: Functions,
    at: Callable[[int], Any],
    days: int,
) -> None:
    endpoint = webhooks.register(receiver.url)
    fail_once(webhooks, receiver)
    with at(clock.now() + days * clock.DAY):
        functions.invoke("failing_endpoints", {})
        functions.invoke("failing_endpoints", {})
    shown = webhooks.get(endpoint)
    assert shown["is_active"] is (days < 5)
    assert bool(shown["disabled_reason"]) is (days > 5)


def test_failed_attempt_disables_an_endpoint_that_has_failed_for_five_days(
    webhooks: Webhooks, receiver: Receiver, at: Callable[[int], Any]
) -> None:
    endpoint = webhooks.register(receiver.url)
    fail_once(webhooks, receiver)
    [delivery] = webhooks.deliveries(endpoint)
    with at(clock.now() + 6 * clock.DAY):
        webhooks.attempt(delivery)
    shown = webhooks.get(endpoint)
    assert shown["is_active"] is False
    assert "5 days" in shown["disabled_reason"]


def test_job_disables_an_endpoint_that_began_to_fail_again_during_an_attempt(
    webhooks: Webhooks,
    receiver: Receiver,
    functions: Functions,
    at: Callable[[int], Any],
) -> None:
    endpoint = webhooks.register(receiver.url)
    fail_once(webhooks, receiver)
    [failed] = webhooks.deliveries(endpoint)
    receiver.answers = [200, 500]  # a redelivery succeeds while the attempt waits for its response
    webhooks.create_contact(first_name="Bob")
    webhooks.fan_out()

    def succeed() -> None:
        receiver.before_answer = lambda: None
        webhooks.call("webhooks-redeliver", {"delivery_id": failed["id"]})

    receiver.before_answer = succeed
    webhooks.attempt(webhooks.deliveries(endpoint)[0])
    with at(clock.now() + 6 * clock.DAY):
        functions.invoke("failing_endpoints", {})
    assert webhooks.get(endpoint)["is_active"] is False


@pytest.mark.parametrize("remedy", ["success", "url", "reactivation", "deletion"])
def test_recovered_endpoint_is_not_disabled(
    webhooks: Webhooks,
    receiver: Receiver,
    functions: Functions,
    at: Callable[[int], Any],
    remedy: str,
) -> None:
    endpoint = webhooks.register(receiver.url)
    fail_once(webhooks, receiver)
    if remedy == "success":
        receiver.default = 204
        webhooks.create_contact(first_name="Bob")
        webhooks.deliver()
    elif remedy == "url":
        webhooks.call("webhooks-update", {"id": endpoint.id, "url": receiver.url + "2"})
    elif remedy == "reactivation":
        for active in (False, True):
            webhooks.call("webhooks-update", {"id": endpoint.id, "is_active": active})
    else:
        webhooks.call("webhooks-delete", {"id": endpoint.id})
    with at(clock.now() + 6 * clock.DAY):
        functions.invoke("failing_endpoints", {})
    if remedy == "deletion":
        assert webhooks.call("webhooks-list", {}).result["items"] == []
    else:
        shown = webhooks.get(endpoint)
        assert shown["is_active"] is True
        assert shown["disabled_reason"] == ""
