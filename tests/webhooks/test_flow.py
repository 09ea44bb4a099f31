"""Test the way of an event: from a write through the stream, the bus and the queues to its receivers."""

import contextlib
import json
from collections import Counter
from collections.abc import Callable
from functools import partial
from typing import Any

import boto3
import pytest

from tests.conftest import Call
from tests.harness.functions import Functions
from tests.harness.gateway import Session
from tests.harness.stand_ins import StandIns
from tests.harness.streams import Pump, queued
from tests.harness.wire import Killed, losing_answers, refusal
from tests.webhooks.conftest import Webhooks
from tests.webhooks.receivers import Receiver


def test_created_updated_and_deleted_events_are_signed_and_contain_the_record(
    webhooks: Webhooks,
    receiver: Receiver,
) -> None:
    endpoint = webhooks.register(receiver.url)
    company = webhooks.call("companies-create", {"name": "Acme"}).result
    created = webhooks.create_contact(company_id=company["id"], tags=["vip"])
    webhooks.deliver()
    updated = webhooks.call("contacts-update", {"id": created["id"], "last_name": "Lee"}).result
    webhooks.deliver()
    webhooks.call("contacts-delete", {"id": created["id"]})
    webhooks.deliver()
    payloads = [each.verified(endpoint.secret) for each in receiver.received]
    assert [each["event"] for each in payloads] == ["contact.created", "contact.updated", "contact.deleted"]
    assert [each["data"] for each in payloads] == [created, updated, updated]
    assert created["company_name"] == "Acme"
    assert all(set(each) == {"event", "timestamp", "data"} for each in payloads)
    assert payloads[0]["timestamp"] == created["updated_at"]
    assert payloads[0]["timestamp"] < payloads[1]["timestamp"] < payloads[2]["timestamp"]
    assert len({each.id for each in receiver.received}) == 3


def test_all_twelve_events_are_delivered(webhooks: Webhooks, call: Call, receiver: Receiver) -> None:
    from keel.events.names import EVENTS

    webhooks.register(receiver.url, events=sorted(EVENTS))
    company = webhooks.call("companies-create", {"name": "Acme"}).result["id"]
    project = webhooks.call("projects-create", {"name": "Site", "company_id": company}).result["id"]
    person = webhooks.create_contact()["id"]
    body = {"activity_type": "call", "contact_id": person}
    activity = webhooks.call("activities-create", body).result["id"]
    for resource, id_, change in (
        ("companies", company, {"name": "Acme 2"}),
        ("projects", project, {"stage": "active"}),
        ("contacts", person, {"notes": "x"}),
        ("activities", activity, {"metadata": {"notes": "x"}}),
    ):
        assert webhooks.call(f"{resource}-update", {"id": id_, **change}).status == 200
    for resource, id_ in (
        ("activities", activity),
        ("contacts", person),
        ("projects", project),
        ("companies", company),
    ):
        assert webhooks.call(f"{resource}-delete", {"id": id_}).status == 200
    webhooks.deliver()
    delivered = [json.loads(each.body)["event"] for each in receiver.received]
    assert sorted(delivered) == sorted(EVENTS)


def test_unchanged_records_and_other_accounts_emit_nothing(
    webhooks: Webhooks,
    call: Call,
    owner: Callable[..., Session],
    receiver: Receiver,
) -> None:
    created = webhooks.create_contact()
    webhooks.register(receiver.url)
    webhooks.register(receiver.url, events=["company.created"])
    webhooks.call("contacts-update", {"id": created["id"], "first_name": "Ann"})
    call("contacts-create", {"first_name": "Ann"}, token=owner().token)
    webhooks.call("sources-create", {"name": "Web"})
    webhooks.deliver()
    assert receiver.received == []


def test_endpoint_receives_no_event_from_before_its_creation(webhooks: Webhooks, receiver: Receiver) -> None:
    created = webhooks.create_contact()
    webhooks.register(receiver.url)
    webhooks.call("contacts-update", {"id": created["id"], "last_name": "Lee"})
    webhooks.deliver()
    assert [json.loads(each.body)["event"] for each in receiver.received] == ["contact.updated"]


def test_stream_read_twice_repeats_no_event(
    webhooks: Webhooks,
    receiver: Receiver,
    pump: Pump,
    functions: Functions,
) -> None:
    endpoint = webhooks.register(receiver.url)
    webhooks.create_contact()
    records = pump("event_publisher").records["event_publisher"]
    functions.invoke("event_publisher", {"Records": records})
    webhooks.run("webhook_fanout", "webhook_delivery")
    functions.invoke("event_publisher", {"Records": records})
    webhooks.run("webhook_fanout", "webhook_delivery")
    assert len(webhooks.deliveries(endpoint)) == 1
    assert len(receiver.received) == 1


def test_cleared_reference_emits_no_event(webhooks: Webhooks, receiver: Receiver, pump: Pump) -> None:
    company = webhooks.call("companies-create", {"name": "Acme"}).result["id"]
    webhooks.create_contact(company_id=company)
    webhooks.deliver()
    webhooks.register(receiver.url)
    webhooks.call("companies-delete", {"id": company})
    pump("event_publisher", "cascade_worker")
    webhooks.deliver()
    assert receiver.received == []


def test_unreadable_stream_records_are_set_aside_and_the_others_published(
    webhooks: Webhooks,
    receiver: Receiver,
    pump: Pump,
    functions: Functions,
    stand_ins: StandIns,
    log_lines: Callable[[], list[dict[str, Any]]],
) -> None:
    webhooks.register(receiver.url)
    webhooks.create_contact(first_name="Good")
    [good] = pump("event_publisher").records["event_publisher"]
    bad = json.loads(json.dumps(good))
    bad["eventID"] = "bad-one"
    bad["dynamodb"]["NewImage"]["updated_at"] = {"S": "not a time, Zaphod"}
    worse = json.loads(json.dumps(good))
    worse["eventID"] = "worse-one"
    worse["dynamodb"]["NewImage"]["custom_fields"] = {"S": "[1]"}
    functions.invoke("event_publisher", {"Records": [bad, worse, good]})
    webhooks.run("webhook_fanout", "webhook_delivery")
    assert [json.loads(each.body)["data"]["first_name"] for each in receiver.received] == ["Good"]
    bucket = str(stand_ins.value({"Ref": "StreamFailures"}))
    for record in (bad, worse):
        kept = boto3.client("s3").get_object(Bucket=bucket, Key=f"event_publisher/{record['eventID']}.json")
        assert json.loads(kept["Body"].read()) == {"Records": [record]}
    lines = [line for line in log_lines() if line["message"] == "stream_record_set_aside"]
    assert len(lines) == 2
    assert "Zaphod" not in str(lines)


def test_only_the_entry_that_the_bus_rejects_is_put_again(
    webhooks: Webhooks,
    receiver: Receiver,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    from keel.storage import clients

    webhooks.register(receiver.url)
    for _ in range(3):
        webhooks.create_contact()
    events = clients.client("events")
    original, puts = events.put_events, []

    def put_events(Entries: Any) -> dict[str, Any]:  # noqa: N803 - as AWS has it
        puts.append(Entries)
        if len(puts) > 1:
            return dict(original(Entries=Entries))
        done = original(Entries=[Entries[0], Entries[2]])["Entries"]
        return {"Entries": [done[0], {"ErrorCode": "ThrottlingException"}, done[1]], "FailedEntryCount": 1}

    monkeypatch.setattr(events, "put_events", put_events)
    webhooks.deliver()
    assert [len(each) for each in puts] == [3, 1]
    assert puts[1] == [puts[0][1]]
    assert len(receiver.received) == 3


def test_transient_error_of_aws_fails_the_whole_batch(
    webhooks: Webhooks,
    pump: Pump,
    inject: Callable[..., Any],
) -> None:
    from botocore.exceptions import ClientError

    webhooks.create_contact()
    inject("BatchGetItem", refusal("ThrottlingException"), times=20)
    with pytest.raises(ClientError):
        pump("event_publisher")


def test_event_too_large_for_the_bus_is_delivered_whole(webhooks: Webhooks, receiver: Receiver) -> None:
    endpoint = webhooks.register(receiver.url)
    fields = {}
    for index in range(20):
        body = {"entity_type": "contact", "label": f"Field {index}", "field_type": "text"}
        fields[webhooks.call("custom-fields-create", body).result["id"]] = "ä" * 4_900
    created = webhooks.create_contact(notes="ä" * 10_000, city="\x01" * 255, custom_fields=fields, tags=["ü" * 64])
    webhooks.deliver()
    [received] = receiver.received
    assert len(received.body) > 200_000
    assert received.verified(endpoint.secret)["data"] == created


def test_retries_have_the_id_and_body_of_the_first_attempt(webhooks: Webhooks, receiver: Receiver) -> None:
    receiver.answers = [500, 429]
    endpoint = webhooks.register(receiver.url)
    webhooks.create_contact()
    webhooks.deliver()
    [pending] = webhooks.deliveries(endpoint, status="pending")
    assert [each["status_code"] for each in pending["attempts"]] == [500]
    assert pending["next_attempt_at"] > pending["attempts"][0]["at"]
    webhooks.attempt(pending)
    webhooks.attempt(webhooks.deliveries(endpoint)[0])
    [done] = webhooks.deliveries(endpoint)
    assert done["status"] == "succeeded"
    assert done["next_attempt_at"] is None
    assert [each["status_code"] for each in done["attempts"]] == [500, 429, 200]
    assert {each.id for each in receiver.received} == {done["id"]}
    assert len({each.body for each in receiver.received}) == 1
    shown = webhooks.get(endpoint)
    assert shown["last_failure_at"] == done["attempts"][1]["at"]
    assert shown["last_success_at"] == done["attempts"][2]["at"]
    assert shown["updated_at"] == endpoint.shown["updated_at"]


def test_delivery_fails_after_ten_attempts(webhooks: Webhooks, receiver: Receiver) -> None:
    receiver.default = 503
    endpoint = webhooks.register(receiver.url)
    webhooks.create_contact()
    webhooks.deliver()
    for _ in range(9):
        [delivery] = webhooks.deliveries(endpoint)
        assert delivery["status"] == "pending"
        webhooks.attempt(delivery)
    [delivery] = webhooks.deliveries(endpoint)
    assert delivery["status"] == "failed"
    assert delivery["next_attempt_at"] is None
    assert len(delivery["attempts"]) == len(receiver.received) == 10
    webhooks.attempt(delivery, number=10)
    assert len(receiver.received) == 10


def test_410_disables_the_endpoint_until_it_is_enabled_again(webhooks: Webhooks, receiver: Receiver) -> None:
    receiver.answers = [410]
    endpoint = webhooks.register(receiver.url)
    webhooks.create_contact()
    webhooks.deliver()
    disabled = webhooks.get(endpoint)
    assert disabled["is_active"] is False
    assert "410" in disabled["disabled_reason"]
    assert webhooks.deliveries(endpoint)[0]["status"] == "failed"

    webhooks.create_contact()
    webhooks.deliver()
    assert len(receiver.received) == 1
    skipped = webhooks.deliveries(endpoint)[0]
    assert skipped["status"] == "failed"
    assert skipped["attempts"][0]["status_code"] is None

    unsent = webhooks.call("webhooks-redeliver", {"delivery_id": skipped["id"]}).result
    assert len(receiver.received) == 1  # only tests are sent to an inactive endpoint
    assert unsent["status"] == "failed"
    assert [each["error"] for each in unsent["attempts"]] == ["Not sent: the endpoint was inactive."] * 2

    active = webhooks.call("webhooks-update", {"id": endpoint.id, "is_active": True}).result
    assert active["is_active"] is True
    assert active["disabled_reason"] == ""
    resent = webhooks.call("webhooks-redeliver", {"delivery_id": skipped["id"]}).result
    assert resent["status"] == "succeeded"
    assert receiver.received[-1].id == skipped["id"]


@pytest.mark.parametrize("deleted", [True, False])
def test_due_delivery_to_an_inactive_or_deleted_endpoint_fails_unsent(
    webhooks: Webhooks,
    receiver: Receiver,
    deleted: bool,
) -> None:
    receiver.default = 500
    endpoint = webhooks.register(receiver.url)
    webhooks.create_contact()
    webhooks.deliver()
    if deleted:
        webhooks.call("webhooks-delete", {"id": endpoint.id})
    else:
        webhooks.call("webhooks-update", {"id": endpoint.id, "is_active": False})
    webhooks.attempt(webhooks.deliveries(endpoint)[0])
    [failed] = webhooks.deliveries(endpoint)
    assert failed["status"] == "failed"
    assert failed["next_attempt_at"] is None
    assert "Not sent" in failed["attempts"][-1]["error"]
    assert len(receiver.received) == 1


def test_retry_goes_to_the_current_url(webhooks: Webhooks, new_receiver: Callable[[], Receiver]) -> None:
    old, new = new_receiver(), new_receiver()
    old.default = 500
    endpoint = webhooks.register(old.url)
    webhooks.create_contact()
    webhooks.deliver()
    webhooks.call("webhooks-update", {"id": endpoint.id, "url": new.url})
    webhooks.attempt(webhooks.deliveries(endpoint)[0])
    assert len(old.received) == len(new.received) == 1
    assert new.received[0].id == old.received[0].id


def test_message_received_again_sends_nothing(webhooks: Webhooks, receiver: Receiver) -> None:
    endpoint = webhooks.register(receiver.url)
    webhooks.create_contact()
    webhooks.deliver()
    for _ in range(3):
        assert webhooks.attempt(webhooks.deliveries(endpoint)[0], number=1) == {"batchItemFailures": []}
    assert len(receiver.received) == 1


def test_second_worker_leaves_the_message_in_the_queue_while_the_first_sends(
    webhooks: Webhooks,
    receiver: Receiver,
) -> None:
    pending = webhooks.pending(receiver)
    seen: list[Any] = []
    receiver.before_answer = lambda: seen.append(webhooks.attempt(pending))
    assert webhooks.attempt(pending) == {"batchItemFailures": []}
    assert seen == [{"batchItemFailures": [{"itemIdentifier": "0"}]}]
    assert len(receiver.received) == 1
    assert len(webhooks.find(pending)["attempts"]) == 1


def test_worker_that_dies_before_recording_repeats_the_attempt_with_the_same_id(
    webhooks: Webhooks,
    receiver: Receiver,
    inject: Callable[..., Any],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    from keel.webhooks import attempts

    pending = webhooks.pending(receiver)
    monkeypatch.setattr(attempts, "CLAIM", -1)
    inject("UpdateItem", Killed(), skip=2)  # after the lease and the claim comes the record of the attempt
    with pytest.raises(Killed):
        webhooks.attempt(pending)
    assert webhooks.find(pending)["attempts"] == []
    webhooks.attempt(pending)
    done = webhooks.find(pending)
    assert done["status"] == "succeeded"
    assert [each.id for each in receiver.received] == [done["id"]] * 2
    assert len({each.body for each in receiver.received}) == 1


def test_retry_that_a_dead_worker_did_not_queue_is_queued_with_the_next_receive(
    webhooks: Webhooks,
    receiver: Receiver,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    from keel.webhooks import queues

    receiver.default = 500
    pending = webhooks.pending(receiver)
    sent: list[Any] = []

    def die(*_arguments: Any, **_options: Any) -> None:
        raise Killed

    monkeypatch.setattr(queues, "send", die)
    with pytest.raises(Killed):
        webhooks.attempt(pending)
    monkeypatch.setattr(queues, "send", lambda messages, **options: sent.append((messages, options)))
    webhooks.attempt(pending, number=1)
    [([message], options)] = sent
    assert message.number == 2
    assert 0 < options["delay"] <= 6_000
    assert len(receiver.received) == 1


@pytest.mark.parametrize("answer", [200, 500])
def test_workers_that_die_at_any_call_lose_and_duplicate_nothing(
    webhooks: Webhooks,
    call: Call,
    receiver: Receiver,
    functions: Functions,
    stand_ins: StandIns,
    inject: Callable[..., Any],
    monkeypatch: pytest.MonkeyPatch,
    answer: int,
) -> None:
    from keel.storage import clients
    from keel.webhooks import attempts, fanout

    receiver.default = answer
    endpoint = webhooks.register(receiver.url)
    monkeypatch.setattr(attempts, "CLAIM", -1)  # the next worker finds the claim expired
    sent: list[dict[str, Any]] = []
    arn = stand_ins.value({"Fn::GetAtt": ["WebhookOverflowQueue", "Arn"]})

    def survive(folder: str, body: str, kills: int) -> bool:
        """Hand the message to a worker that dies at a call, then to one that does not. Returns whether one died."""
        injection = inject("*", Killed(), skip=kills, after=bool(kills % 2))
        with contextlib.suppress(Killed):
            functions.invoke(folder, {"Records": [queued(body, arn=arn)]})
        died = injection.hits > 0
        injection.hits = injection.times  # no further kills
        assert functions.invoke(folder, {"Records": [queued(body, arn=arn)]}) == {"batchItemFailures": []}
        return bool(died)

    kills = 0
    while True:
        webhooks.create_contact()
        webhooks.run("event_publisher")
        [event] = webhooks.take("WebhookEventQueue")
        monkeypatch.setattr(fanout, "endpoint_cache", {})
        with monkeypatch.context() as patch:
            patch.setattr(clients.client("sqs"), "send_message", lambda **request: sent.append(request))
            died = survive("webhook_fanout", json.dumps(event), kills)
            died |= survive("webhook_delivery", sent[-1]["MessageBody"], kills)
        if not died:
            break
        kills += 1
    assert kills >= 4
    log = webhooks.deliveries(endpoint)
    assert len(log) == kills + 1
    assert {each["status"] for each in log} == {"succeeded" if answer == 200 else "pending"}
    received = Counter(each.id for each in receiver.received)
    assert received.keys() == {each["id"] for each in log}
    assert max(received.values()) <= 2
    if answer == 500:  # the second attempt of each is queued
        queued_messages = [json.loads(each["MessageBody"]) for each in sent]
        assert {each["delivery_id"] for each in queued_messages if each["number"] == 2} == received.keys()


@pytest.mark.parametrize("losing", [contextlib.nullcontext, partial(losing_answers, "UpdateItem")])
def test_failed_attempt_after_a_successful_redelivery_is_only_logged(
    webhooks: Webhooks,
    receiver: Receiver,
    losing: Callable[[], contextlib.AbstractContextManager[None]],
) -> None:
    pending = webhooks.pending(receiver)
    receiver.answers = [200, 500]  # the redelivery succeeds while the first attempt waits for its response

    def redeliver() -> None:
        receiver.before_answer = lambda: None
        webhooks.call("webhooks-redeliver", {"delivery_id": pending["id"]})
        lost.enter_context(losing())

    receiver.before_answer = redeliver
    with contextlib.ExitStack() as lost:
        webhooks.attempt(pending)
    done = webhooks.find(pending)
    assert done["status"] == "succeeded"
    assert done["next_attempt_at"] is None
    assert [each["status_code"] for each in done["attempts"]] == [200, 500]


def test_retry_is_queued_although_the_response_to_the_record_was_lost(
    webhooks: Webhooks,
    receiver: Receiver,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    from keel.storage import table
    from keel.webhooks import queues

    receiver.default = 500
    pending = webhooks.pending(receiver)
    original, sent = table.commit, []

    def twice(*writes: Any) -> None:  # as botocore does without a response to the first request
        original(*writes)
        original(*writes)

    monkeypatch.setattr(table, "commit", twice)
    monkeypatch.setattr(queues, "send", lambda messages, **_options: sent.extend(messages))
    webhooks.attempt(pending)
    assert [message.number for message in sent] == [2]
    assert len(webhooks.find(pending)["attempts"]) == 1


def test_only_invalid_messages_of_a_batch_fail(
    webhooks: Webhooks,
    user: Session,
    receiver: Receiver,
    functions: Functions,
    stand_ins: StandIns,
) -> None:
    endpoint = webhooks.register(receiver.url)
    for _ in range(2):
        webhooks.create_contact()
    webhooks.fan_out()
    good = [
        json.dumps({"account_id": user.account_id, "endpoint_id": endpoint.id, "delivery_id": each["id"], "number": 1})
        for each in webhooks.deliveries(endpoint)
    ]
    arn = stand_ins.value({"Fn::GetAtt": ["WebhookOverflowQueue", "Arn"]})
    messages = [good[0], "{", '{"a": 1}', "[]", good[1]]
    for folder, failing in (("webhook_delivery", "123"), ("webhook_fanout", "01234")):
        records = [queued(each, str(at), arn) for at, each in enumerate(messages)]
        answer = functions.invoke(folder, {"Records": records})
        assert [each["itemIdentifier"] for each in answer["batchItemFailures"]] == list(failing)
    assert len(receiver.received) == 2


def test_payloads_and_secrets_are_not_logged(
    webhooks: Webhooks,
    receiver: Receiver,
    log_lines: Callable[[], list[dict[str, Any]]],
) -> None:
    endpoint = webhooks.register(f"{receiver.url}?key=canary-url", description="canary-description")
    receiver.answers = [(500, {"X-Echo": "canary-answer"}), 410]
    webhooks.create_contact(first_name="canary-name", notes="canary-notes", email="canary@example.com")
    webhooks.deliver()
    webhooks.create_contact(first_name="canary-name")
    webhooks.deliver()
    logged = json.dumps(log_lines())
    assert "contacts-create" in logged
    assert len(receiver.received) == 2
    assert "canary" not in logged
    assert endpoint.secret.removeprefix("whsec_") not in logged


def test_fanout_of_a_burst_reads_the_endpoints_of_the_account_once(
    webhooks: Webhooks,
    receiver: Receiver,
    round_trips: Callable[..., Any],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    from keel.webhooks import fanout

    endpoint = webhooks.register(receiver.url)
    for _ in range(12):
        webhooks.create_contact()
    webhooks.run("event_publisher")
    monkeypatch.setattr(fanout, "CLOCK_SKEW", -60_000)  # as if the burst had happened long before
    monkeypatch.setattr(fanout, "endpoint_cache", {})
    monkeypatch.setattr(fanout, "CACHE_LIFETIME", 60_000)
    with round_trips() as trips:
        webhooks.run("webhook_fanout")
    assert len(webhooks.deliveries(endpoint)) == 12
    # The ten messages of the first batch find nothing in memory. The other two do.
    assert trips.calls.count("Query") <= 10
    assert trips.calls.count("PutItem") == 12
