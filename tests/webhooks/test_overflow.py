"""Test what goes to the overflow queue: backlogs, deliveries to slow endpoints, and the events of imports."""

import json
from collections.abc import Callable
from typing import Any

import pytest

from keel import clock
from tests.conftest import Call
from tests.harness.functions import Functions
from tests.harness.gateway import Session
from tests.harness.stand_ins import StandIns
from tests.imports.conftest import Importer
from tests.webhooks.conftest import Webhooks
from tests.webhooks.receivers import Receiver

Sent = Callable[[], list[dict[str, Any]]]


def test_endpoint_has_no_more_deliveries_in_progress_than_leases(webhooks: Webhooks, receiver: Receiver) -> None:
    endpoint = webhooks.register(receiver.url)
    for _ in range(4):
        webhooks.create_contact()
    webhooks.fan_out()
    queued = [each for each in webhooks.take("WebhookQueue") if each["endpoint_id"] == endpoint.id]
    assert {each["group"] for each in queued} == {endpoint.id}
    pending = webhooks.deliveries(endpoint)
    webhooks.take("WebhookOverflowQueue")
    # While an attempt waits for its response, the next message is received: four at once, for three leases.
    waiting = pending[1:]
    receiver.before_answer = lambda: webhooks.attempt(waiting.pop()) if waiting else None
    webhooks.attempt(pending[0])
    assert len(receiver.received) == 3
    [moved] = webhooks.take("WebhookOverflowQueue")
    assert moved["number"] == 1
    assert moved["group"] == endpoint.id
    unsent = webhooks.deliveries(endpoint, status="pending")
    assert [each["id"] for each in unsent] == [moved["delivery_id"]]
    assert unsent[0]["attempts"] == []


def test_endpoint_that_has_never_responded_keeps_to_its_leases_in_the_overflow_queue(
    webhooks: Webhooks,
    receiver: Receiver,
    sent: Sent,
    stand_ins: StandIns,
) -> None:
    endpoint = webhooks.register(receiver.url)
    for _ in range(5):
        webhooks.create_contact()
    webhooks.fan_out()
    waiting = [each for each in webhooks.take("WebhookQueue") if each.pop("group") == endpoint.id]
    requests = sent()

    def receive_next() -> None:
        if waiting:
            webhooks.hand_over("WebhookOverflowQueue", waiting.pop())

    # While an attempt waits for its response, the next message is received: three, until one has its response.
    receiver.before_answer = receive_next
    receive_next()
    assert len(receiver.received) == 3
    [deferred] = requests
    assert (deferred["QueueUrl"], deferred["DelaySeconds"]) == (stand_ins.value({"Ref": "WebhookOverflowQueue"}), 1)
    message = json.loads(deferred["MessageBody"])
    assert (message["number"], message["paced"]) == (1, False)
    unsent = {each["id"] for each in webhooks.deliveries(endpoint, status="pending")}
    assert unsent == {message["delivery_id"], *(each["delivery_id"] for each in waiting)}
    # The endpoint has responded quickly, so the others are sent without a lease, one within the other.
    waiting += [message]
    receive_next()
    assert len(receiver.received) == 5
    assert len(requests) == 1


def test_retry_to_a_slow_endpoint_moves_to_the_overflow_queue(
    webhooks: Webhooks,
    receiver: Receiver,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    from keel.webhooks import pacing

    receiver.answers = [500]
    endpoint = webhooks.register(receiver.url)
    with monkeypatch.context() as patch:
        patch.setattr(pacing, "SLOW", 0)
        webhooks.create_contact()
        webhooks.deliver()
    webhooks.take("WebhookOverflowQueue")
    webhooks.attempt(webhooks.deliveries(endpoint)[0])
    assert len(receiver.received) == 1
    [moved] = webhooks.take("WebhookOverflowQueue")
    assert (moved["endpoint_id"], moved["number"]) == (endpoint.id, 2)


@pytest.mark.parametrize(("duration", "in_delivery_queue"), [(None, 10), (10, 14), (200, 7), (900, 2)])
def test_delivery_queue_gets_as_much_of_a_burst_as_the_response_time_allows(
    webhooks: Webhooks,
    receiver: Receiver,
    monkeypatch: pytest.MonkeyPatch,
    at: Callable[[int], Any],
    duration: int | None,
    in_delivery_queue: int,
) -> None:
    from keel.webhooks import sender

    endpoint = webhooks.register(receiver.url)
    if duration is not None:
        with monkeypatch.context() as patch:
            patch.setattr(sender, "post", lambda *_arguments, **_options: sender.Outcome(200, "", duration))
            webhooks.create_contact()
            webhooks.deliver()
    for _ in range(20):
        webhooks.create_contact(first_name="Bob")
    with at(clock.now() + 20 * clock.SECOND):  # the endpoint in memory has expired
        webhooks.fan_out()
    queued = {}
    for queue in ("WebhookQueue", "WebhookOverflowQueue"):
        queued[queue] = len([each for each in webhooks.take(queue) if each["endpoint_id"] == endpoint.id])
    assert queued == {"WebhookQueue": in_delivery_queue, "WebhookOverflowQueue": 20 - in_delivery_queue}


def test_deliveries_to_a_slow_endpoint_are_paced(
    webhooks: Webhooks,
    receiver: Receiver,
    functions: Functions,
    stand_ins: StandIns,
    sent: Sent,
    at: Callable[[int], Any],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    from keel.webhooks import queues, sender

    endpoint = webhooks.register(receiver.url)
    with monkeypatch.context() as patch:
        patch.setattr(sender, "post", lambda *_arguments, **_options: sender.Outcome(200, "", 9_000))
        webhooks.create_contact()
        webhooks.deliver()
    for _ in range(8):
        webhooks.create_contact(first_name="Bob")
    webhooks.fan_out()
    waiting = [each for each in webhooks.take("WebhookOverflowQueue") if each.pop("group") == endpoint.id]
    assert len(waiting) == 8  # none went to the delivery queue

    requests = sent()
    monkeypatch.setattr(queues, "LONGEST_DELAY", 2_000)

    now = clock.now()
    with at(now):
        for message in waiting:
            webhooks.hand_over("WebhookOverflowQueue", message)
    # 30 in progress at a receiver that takes 9 s means one every 0.3 s: 0 to 0.9 s is now, 1.2 to 1.8 s is deferred.
    assert len(receiver.received) == 4
    assert [each["DelaySeconds"] for each in requests] == [2, 2, 2]
    assert {each["QueueUrl"] for each in requests} == {stand_ins.value({"Ref": "WebhookOverflowQueue"})}
    for each in requests:
        webhooks.hand_over("WebhookOverflowQueue", json.loads(each["MessageBody"]))
    assert len(receiver.received) == 7
    # The last one is due later than a queue can delay it, so the job queues it with its delay.
    requests.clear()
    with at(now + 1_000):
        functions.invoke("due_retries", {})
    assert [(each["DelaySeconds"], each["QueueUrl"]) for each in requests] == [
        (2, stand_ins.value({"Ref": "WebhookOverflowQueue"}))
    ]
    webhooks.hand_over("WebhookOverflowQueue", json.loads(requests[0]["MessageBody"]))
    assert len(receiver.received) == 8
    assert {each["status"] for each in webhooks.deliveries(endpoint)} == {"succeeded"}


def test_events_of_an_import_go_to_the_overflow_queue(
    webhooks: Webhooks,
    call: Call,
    functions: Functions,
    stand_ins: StandIns,
    user: Session,
    receiver: Receiver,
) -> None:
    endpoint = webhooks.register(receiver.url)
    importer = Importer(call, functions.invoke, stand_ins, user)
    webhooks.call("contacts-create", {"first_name": "Old", "email": "old@example.com"})
    job = importer.run("first_name,email\nAnn,\nBob,\nNew,old@example.com\n", duplicate_handling="update")
    contacts = {each["first_name"]: each["id"] for each in importer.all()}
    webhooks.call("contacts-update", {"id": contacts["Ann"], "notes": "by hand"})

    def in_delivery_queue() -> list[str]:
        names = {each["id"]: each["event"] for each in webhooks.deliveries(endpoint)}
        waiting = [each for each in webhooks.take("WebhookQueue") if each["endpoint_id"] == endpoint.id]
        return sorted(names[each["delivery_id"]] for each in waiting)

    def in_overflow_queue() -> list[dict[str, Any]]:
        envelopes = [each for each in webhooks.take("WebhookOverflowQueue") if "detail" in each]
        own = [each for each in envelopes if each["detail"]["account_id"] == user.account_id]
        return sorted(own, key=lambda each: str(each["detail-type"]))

    webhooks.fan_out()
    assert in_delivery_queue() == ["contact.created", "contact.updated"]
    envelopes = in_overflow_queue()
    assert [each["detail"]["event"] for each in envelopes] == ["contact.created", "contact.created", "contact.updated"]
    importer.undo(job["id"])
    webhooks.fan_out()
    assert in_delivery_queue() == []
    assert [each["detail"]["event"] for each in in_overflow_queue()] == ["contact.deleted", "contact.updated"]

    # The overflow queue's workers create the delivery, queue it in the overflow queue, and make its attempt.
    webhooks.hand_over("WebhookOverflowQueue", envelopes[0])
    assert in_delivery_queue() == []
    [message] = [each for each in webhooks.take("WebhookOverflowQueue") if each.get("endpoint_id") == endpoint.id]
    assert message.pop("group") == endpoint.id
    webhooks.hand_over("WebhookOverflowQueue", message)
    [received] = receiver.received
    assert json.loads(received.body)["data"] == envelopes[0]["detail"]["data"]
