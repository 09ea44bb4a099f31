"""Does every change reach its receivers? From the write through the stream, the bus and the queues to a server."""

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
from tests.webhooks.conftest import Registered
from tests.webhooks.receivers import Receiver

Log = Callable[..., list[dict[str, Any]]]


def contact(call: Call, user: Session, **fields: Any) -> dict[str, Any]:
    created: dict[str, Any] = call("contacts-create", {"first_name": "Ann", **fields}, token=user.token).result
    return created


def test_created_updated_and_deleted_arrive_signed_with_the_record(
    call: Call, user: Session, register: Callable[..., Registered], listening: Receiver, flow: Callable[..., None]
) -> None:
    made = register(listening.url)
    company = call("companies-create", {"name": "Acme"}, token=user.token).result
    created = contact(call, user, company_id=company["id"], tags=["vip"])
    flow()
    updated = call("contacts-update", {"id": created["id"], "last_name": "Lee"}, token=user.token).result
    flow()
    call("contacts-delete", {"id": created["id"]}, token=user.token)
    flow()
    payloads = [each.verified(made.secret) for each in listening.received]
    assert [each["event"] for each in payloads] == ["contact.created", "contact.updated", "contact.deleted"]
    assert [each["data"] for each in payloads] == [created, updated, updated]
    assert created["company_name"] == "Acme"
    assert all(set(each) == {"event", "timestamp", "data"} for each in payloads)
    assert payloads[0]["timestamp"] == created["updated_at"]
    assert payloads[0]["timestamp"] < payloads[1]["timestamp"] < payloads[2]["timestamp"]
    assert len({each.id for each in listening.received}) == 3


def test_all_twelve_events_are_told(
    call: Call, user: Session, register: Callable[..., Registered], listening: Receiver, flow: Callable[..., None]
) -> None:
    from keel.events.names import EVENTS

    register(listening.url, events=sorted(EVENTS))
    company = call("companies-create", {"name": "Acme"}, token=user.token).result["id"]
    project = call("projects-create", {"name": "Site", "company_id": company}, token=user.token).result["id"]
    person = contact(call, user)["id"]
    body = {"activity_type": "call", "contact_id": person}
    activity = call("activities-create", body, token=user.token).result["id"]
    for resource, id_, change in (
        ("companies", company, {"name": "Acme 2"}),
        ("projects", project, {"stage": "active"}),
        ("contacts", person, {"notes": "x"}),
        ("activities", activity, {"metadata": {"notes": "x"}}),
    ):
        assert call(f"{resource}-update", {"id": id_, **change}, token=user.token).status == 200
    for resource, id_ in (
        ("activities", activity),
        ("contacts", person),
        ("projects", project),
        ("companies", company),
    ):
        assert call(f"{resource}-delete", {"id": id_}, token=user.token).status == 200
    flow()
    told = [json.loads(each.body)["event"] for each in listening.received]
    assert sorted(told) == sorted(EVENTS)


def test_change_of_nothing_and_what_others_do_tell_nothing(
    call: Call,
    user: Session,
    owner: Callable[..., Session],
    register: Callable[..., Registered],
    listening: Receiver,
    flow: Callable[..., None],
) -> None:
    created = contact(call, user)
    register(listening.url)
    register(listening.url, events=["company.created"])
    call("contacts-update", {"id": created["id"], "first_name": "Ann"}, token=user.token)
    contact(call, owner())
    call("sources-create", {"name": "Web"}, token=user.token)
    flow()
    assert listening.received == []


def test_event_from_before_an_endpoint_was_created_is_not_told_to_it(
    call: Call, user: Session, register: Callable[..., Registered], listening: Receiver, flow: Callable[..., None]
) -> None:
    created = contact(call, user)
    register(listening.url)
    call("contacts-update", {"id": created["id"], "last_name": "Lee"}, token=user.token)
    flow()
    assert [json.loads(each.body)["event"] for each in listening.received] == ["contact.updated"]


def test_stream_that_is_read_twice_repeats_no_event(
    call: Call,
    user: Session,
    register: Callable[..., Registered],
    listening: Receiver,
    flow: Callable[..., None],
    pump: Pump,
    functions: Functions,
    deliveries: Log,
) -> None:
    made = register(listening.url)
    contact(call, user)
    records = pump("event_publisher").records["event_publisher"]
    functions.invoke("event_publisher", {"Records": records})
    flow("webhook_fanout", "webhook_delivery")
    functions.invoke("event_publisher", {"Records": records})
    flow("webhook_fanout", "webhook_delivery")
    assert len(deliveries(made)) == 1
    assert len(listening.received) == 1


def test_cleared_reference_is_no_event(
    call: Call,
    user: Session,
    register: Callable[..., Registered],
    listening: Receiver,
    flow: Callable[..., None],
    pump: Pump,
) -> None:
    company = call("companies-create", {"name": "Acme"}, token=user.token).result["id"]
    contact(call, user, company_id=company)
    flow()
    register(listening.url)
    call("companies-delete", {"id": company}, token=user.token)
    pump("event_publisher", "cascade_worker")
    flow()
    assert listening.received == []


def test_bad_record_goes_aside_whole_and_the_others_go_on(
    call: Call,
    user: Session,
    register: Callable[..., Registered],
    listening: Receiver,
    flow: Callable[..., None],
    pump: Pump,
    functions: Functions,
    stand_ins: StandIns,
    log_lines: Callable[[], list[dict[str, Any]]],
) -> None:
    register(listening.url)
    contact(call, user, first_name="Good")
    [good] = pump("event_publisher").records["event_publisher"]
    bad = json.loads(json.dumps(good))
    bad["eventID"] = "bad-one"
    bad["dynamodb"]["NewImage"]["updated_at"] = {"S": "no time at all, Zaphod"}
    worse = json.loads(json.dumps(good))
    worse["eventID"] = "worse-one"
    worse["dynamodb"]["NewImage"]["custom_fields"] = {"S": "[1]"}
    functions.invoke("event_publisher", {"Records": [bad, worse, good]})
    flow("webhook_fanout", "webhook_delivery")
    assert [json.loads(each.body)["data"]["first_name"] for each in listening.received] == ["Good"]
    bucket = str(stand_ins.value({"Ref": "StreamFailures"}))
    for record in (bad, worse):
        kept = boto3.client("s3").get_object(Bucket=bucket, Key=f"event_publisher/{record['eventID']}.json")
        assert json.loads(kept["Body"].read()) == {"Records": [record]}
    lines = [line for line in log_lines() if line["message"] == "stream_record_set_aside"]
    assert len(lines) == 2
    assert "Zaphod" not in str(lines)


def test_entry_that_the_bus_refuses_is_put_again_and_no_other(
    call: Call,
    user: Session,
    register: Callable[..., Registered],
    listening: Receiver,
    flow: Callable[..., None],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    from keel.storage import clients

    register(listening.url)
    for _ in range(3):
        contact(call, user)
    events = clients.client("events")
    original, puts = events.put_events, []

    def put_events(Entries: Any) -> dict[str, Any]:  # noqa: N803 - as AWS has it
        puts.append(Entries)
        if len(puts) > 1:
            return dict(original(Entries=Entries))
        done = original(Entries=[Entries[0], Entries[2]])["Entries"]
        return {"Entries": [done[0], {"ErrorCode": "ThrottlingException"}, done[1]], "FailedEntryCount": 1}

    monkeypatch.setattr(events, "put_events", put_events)
    flow()
    assert [len(each) for each in puts] == [3, 1]
    assert puts[1] == [puts[0][1]]
    assert len(listening.received) == 3


def test_fault_of_aws_is_raised_for_the_batch_to_come_again(
    call: Call, user: Session, pump: Pump, inject: Callable[..., Any]
) -> None:
    from botocore.exceptions import ClientError

    contact(call, user)
    inject("BatchGetItem", refusal("ThrottlingException"), times=20)
    with pytest.raises(ClientError):
        pump("event_publisher")


def test_event_too_large_for_the_bus_arrives_all_the_same(
    call: Call, user: Session, register: Callable[..., Registered], listening: Receiver, flow: Callable[..., None]
) -> None:
    made = register(listening.url)
    fields = {}
    for index in range(20):
        body = {"entity_type": "contact", "label": f"Field {index}", "field_type": "text"}
        fields[call("custom-fields-create", body, token=user.token).result["id"]] = "ä" * 4_900
    created = contact(call, user, notes="ä" * 10_000, city="\x01" * 255, custom_fields=fields, tags=["ü" * 64])
    flow()
    [received] = listening.received
    assert len(received.body) > 200_000
    assert received.verified(made.secret)["data"] == created


def test_failed_attempt_is_tried_again_under_the_same_id_and_body(
    call: Call,
    user: Session,
    register: Callable[..., Registered],
    listening: Receiver,
    flow: Callable[..., None],
    deliveries: Log,
    due: Callable[..., Any],
) -> None:
    listening.answers = [500, 429]
    made = register(listening.url)
    contact(call, user)
    flow()
    [pending] = deliveries(made, status="pending")
    assert [each["status_code"] for each in pending["attempts"]] == [500]
    assert pending["next_attempt_at"] > pending["attempts"][0]["at"]
    due(pending)
    due(deliveries(made)[0])
    [done] = deliveries(made)
    assert done["status"] == "succeeded"
    assert done["next_attempt_at"] is None
    assert [each["status_code"] for each in done["attempts"]] == [500, 429, 200]
    assert {each.id for each in listening.received} == {done["id"]}
    assert len({each.body for each in listening.received}) == 1
    shown = call("webhooks-get", {"id": made.id}, token=user.token).result
    assert shown["last_failure_at"] == done["attempts"][1]["at"]
    assert shown["last_success_at"] == done["attempts"][2]["at"]
    assert shown["updated_at"] == made.shown["updated_at"]


def test_tenth_failure_is_the_last(
    call: Call,
    user: Session,
    register: Callable[..., Registered],
    listening: Receiver,
    flow: Callable[..., None],
    deliveries: Log,
    due: Callable[..., Any],
) -> None:
    listening.default = 503
    made = register(listening.url)
    contact(call, user)
    flow()
    for _ in range(9):
        [delivery] = deliveries(made)
        assert delivery["status"] == "pending"
        due(delivery)
    [delivery] = deliveries(made)
    assert delivery["status"] == "failed"
    assert delivery["next_attempt_at"] is None
    assert len(delivery["attempts"]) == len(listening.received) == 10
    due(delivery, number=10)
    assert len(listening.received) == 10


def test_gone_disables_the_endpoint_and_being_active_again_forgives(
    call: Call,
    user: Session,
    register: Callable[..., Registered],
    listening: Receiver,
    flow: Callable[..., None],
    deliveries: Log,
) -> None:
    listening.answers = [410]
    made = register(listening.url)
    contact(call, user)
    flow()
    disabled = call("webhooks-get", {"id": made.id}, token=user.token).result
    assert disabled["is_active"] is False
    assert "410" in disabled["disabled_reason"]
    assert deliveries(made)[0]["status"] == "failed"

    contact(call, user)
    flow()
    assert len(listening.received) == 1
    skipped = deliveries(made)[0]
    assert skipped["status"] == "failed"
    assert skipped["attempts"][0]["status_code"] is None

    unsent = call("webhooks-redeliver", {"delivery_id": skipped["id"]}, token=user.token).result
    assert len(listening.received) == 1  # while an endpoint is inactive nothing is sent, but tests
    assert unsent["status"] == "failed"
    assert [each["error"] for each in unsent["attempts"]] == ["Not sent: the endpoint was inactive."] * 2

    active = call("webhooks-update", {"id": made.id, "is_active": True}, token=user.token).result
    assert active["is_active"] is True
    assert active["disabled_reason"] == ""
    again = call("webhooks-redeliver", {"delivery_id": skipped["id"]}, token=user.token).result
    assert again["status"] == "succeeded"
    assert listening.received[-1].id == skipped["id"]


@pytest.mark.parametrize("deleted", [True, False])
def test_what_falls_due_for_an_endpoint_that_is_off_or_deleted_fails_unsent(
    call: Call,
    user: Session,
    register: Callable[..., Registered],
    listening: Receiver,
    flow: Callable[..., None],
    deliveries: Log,
    due: Callable[..., Any],
    deleted: bool,
) -> None:
    listening.default = 500
    made = register(listening.url)
    contact(call, user)
    flow()
    if deleted:
        call("webhooks-delete", {"id": made.id}, token=user.token)
    else:
        call("webhooks-update", {"id": made.id, "is_active": False}, token=user.token)
    due(deliveries(made)[0])
    [failed] = deliveries(made)
    assert failed["status"] == "failed"
    assert failed["next_attempt_at"] is None
    assert "Not sent" in failed["attempts"][-1]["error"]
    assert len(listening.received) == 1


def test_retry_goes_to_the_present_url(
    call: Call,
    user: Session,
    register: Callable[..., Registered],
    new_receiver: Callable[[], Receiver],
    flow: Callable[..., None],
    deliveries: Log,
    due: Callable[..., Any],
) -> None:
    old, new = new_receiver(), new_receiver()
    old.default = 500
    made = register(old.url)
    contact(call, user)
    flow()
    call("webhooks-update", {"id": made.id, "url": new.url}, token=user.token)
    due(deliveries(made)[0])
    assert len(old.received) == len(new.received) == 1
    assert new.received[0].id == old.received[0].id


def test_message_that_comes_again_sends_nothing_again(
    call: Call,
    user: Session,
    register: Callable[..., Registered],
    listening: Receiver,
    flow: Callable[..., None],
    deliveries: Log,
    due: Callable[..., Any],
) -> None:
    made = register(listening.url)
    contact(call, user)
    flow()
    for _ in range(3):
        assert due(deliveries(made)[0], number=1) == {"batchItemFailures": []}
    assert len(listening.received) == 1


def test_second_worker_leaves_the_message_while_the_first_is_sending(
    call: Call,
    user: Session,
    register: Callable[..., Registered],
    listening: Receiver,
    flow: Callable[..., None],
    deliveries: Log,
    due: Callable[..., Any],
) -> None:
    made = register(listening.url)
    contact(call, user)
    flow("event_publisher", "webhook_fanout")
    [pending] = deliveries(made)
    seen: list[Any] = []
    listening.before_answer = lambda: seen.append(due(pending))
    assert due(pending) == {"batchItemFailures": []}
    assert seen == [{"batchItemFailures": [{"itemIdentifier": "1"}]}]
    assert len(listening.received) == 1
    assert len(deliveries(made)[0]["attempts"]) == 1


def test_worker_that_dies_between_sending_and_recording_repeats_once_under_the_same_id(
    call: Call,
    user: Session,
    register: Callable[..., Registered],
    listening: Receiver,
    flow: Callable[..., None],
    deliveries: Log,
    due: Callable[..., Any],
    inject: Callable[..., Any],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    from keel.webhooks import attempts

    made = register(listening.url)
    contact(call, user)
    flow("event_publisher", "webhook_fanout")
    [pending] = deliveries(made)
    monkeypatch.setattr(attempts, "_CLAIM", -1)
    inject("UpdateItem", Killed(), skip=2)  # after the lease and the claim comes the record of the attempt
    with pytest.raises(Killed):
        due(pending)
    assert deliveries(made)[0]["attempts"] == []
    due(pending)
    [done] = deliveries(made)
    assert done["status"] == "succeeded"
    assert [each.id for each in listening.received] == [done["id"]] * 2
    assert len({each.body for each in listening.received}) == 1


def test_worker_that_dies_before_it_queues_the_retry_queues_it_when_the_message_comes_again(
    call: Call,
    user: Session,
    register: Callable[..., Registered],
    listening: Receiver,
    flow: Callable[..., None],
    deliveries: Log,
    due: Callable[..., Any],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    from keel.webhooks import queues

    listening.default = 500
    made = register(listening.url)
    contact(call, user)
    flow("event_publisher", "webhook_fanout")
    [pending] = deliveries(made)
    original, sent = queues.send, []

    def die(*_arguments: Any, **_options: Any) -> None:
        raise Killed

    monkeypatch.setattr(queues, "send", die)
    with pytest.raises(Killed):
        due(pending)
    monkeypatch.setattr(queues, "send", lambda messages, **options: sent.append((messages, options)))
    due(pending, number=1)
    [([message], options)] = sent
    assert message.number == 2
    assert 0 < options["delay"] <= 6_000
    assert len(listening.received) == 1
    assert original is not die


@pytest.mark.parametrize("answer", [200, 500])
def test_workers_that_die_at_any_call_lose_and_double_nothing(
    call: Call,
    user: Session,
    register: Callable[..., Registered],
    listening: Receiver,
    flow: Callable[..., None],
    deliveries: Log,
    functions: Functions,
    stand_ins: StandIns,
    inject: Callable[..., Any],
    monkeypatch: pytest.MonkeyPatch,
    answer: int,
) -> None:
    from keel.storage import clients
    from keel.webhooks import attempts, fanout

    listening.default = answer
    made = register(listening.url)
    monkeypatch.setattr(attempts, "_CLAIM", -1)  # whoever comes next finds the claim run out
    sent: list[dict[str, Any]] = []
    arn = stand_ins.value({"Fn::GetAtt": ["WebhookOverflowQueue", "Arn"]})

    def survive(folder: str, body: str, kills: int) -> bool:
        """The message comes to a worker that dies at a call, and then to one that lives; whether the first died."""
        injection = inject("*", Killed(), skip=kills, after=bool(kills % 2))
        with contextlib.suppress(Killed):
            functions.invoke(folder, {"Records": [queued(body, arn=arn)]})
        died = injection.hits > 0
        injection.hits = injection.times  # no more of them
        assert functions.invoke(folder, {"Records": [queued(body, arn=arn)]}) == {"batchItemFailures": []}
        return bool(died)

    kills = 0
    while True:
        contact(call, user)
        [event] = pump_events(flow, stand_ins)
        monkeypatch.setattr(fanout, "_cached", {})
        with monkeypatch.context() as patch:
            patch.setattr(clients.client("sqs"), "send_message", lambda **asked: sent.append(asked))
            died = survive("webhook_fanout", event, kills)
            died |= survive("webhook_delivery", sent[-1]["MessageBody"], kills)
        if not died:
            break
        kills += 1
    assert kills >= 4
    log = deliveries(made)
    assert len(log) == kills + 1
    assert {each["status"] for each in log} == {"succeeded" if answer == 200 else "pending"}
    told = Counter(each.id for each in listening.received)
    assert told.keys() == {each["id"] for each in log}
    assert max(told.values()) <= 2
    if answer == 500:  # the second attempt of each is queued
        again = [json.loads(each["MessageBody"]) for each in sent]
        assert {each["delivery_id"] for each in again if each["number"] == 2} == told.keys()


def pump_events(flow: Callable[..., None], stand_ins: StandIns) -> list[str]:
    """What the fan-out's queue has after the latest changes, of which it is taken."""
    flow("event_publisher")
    client, url, found = boto3.client("sqs"), str(stand_ins.value({"Ref": "WebhookEventQueue"})), []
    while messages := client.receive_message(QueueUrl=url, MaxNumberOfMessages=10).get("Messages"):
        for message in messages:
            client.delete_message(QueueUrl=url, ReceiptHandle=message["ReceiptHandle"])
            found.append(message["Body"])
    return found


@pytest.mark.parametrize("losing", [contextlib.nullcontext, partial(losing_answers, "UpdateItem")])
def test_failure_that_a_redelivery_overtakes_is_logged_and_changes_nothing(
    call: Call,
    user: Session,
    register: Callable[..., Registered],
    listening: Receiver,
    flow: Callable[..., None],
    deliveries: Log,
    due: Callable[..., Any],
    losing: Callable[[], contextlib.AbstractContextManager[None]],
) -> None:
    made = register(listening.url)
    contact(call, user)
    flow("event_publisher", "webhook_fanout")
    [pending] = deliveries(made)
    listening.answers = [200, 500]  # the redelivery is answered while the first attempt waits for its answer

    def overtake() -> None:
        listening.before_answer = lambda: None
        call("webhooks-redeliver", {"delivery_id": pending["id"]}, token=user.token)
        lost.enter_context(losing())

    listening.before_answer = overtake
    with contextlib.ExitStack() as lost:
        due(pending)
    [done] = deliveries(made)
    assert done["status"] == "succeeded"
    assert done["next_attempt_at"] is None
    assert [each["status_code"] for each in done["attempts"]] == [200, 500]


def test_retry_is_queued_though_the_answer_to_the_record_was_lost(
    call: Call,
    user: Session,
    register: Callable[..., Registered],
    listening: Receiver,
    flow: Callable[..., None],
    deliveries: Log,
    due: Callable[..., Any],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    from keel.storage import table
    from keel.webhooks import queues

    listening.default = 500
    made = register(listening.url)
    contact(call, user)
    flow("event_publisher", "webhook_fanout")
    [pending] = deliveries(made)
    original, sent = table.commit, []

    def twice(*writes: Any) -> None:  # as botocore does when the first answer does not come
        original(*writes)
        original(*writes)

    monkeypatch.setattr(table, "commit", twice)
    monkeypatch.setattr(queues, "send", lambda messages, **_options: sent.extend(messages))
    due(pending)
    assert [message.number for message in sent] == [2]
    assert len(deliveries(made)[0]["attempts"]) == 1


def test_poison_goes_back_alone_and_the_others_are_delivered(
    call: Call,
    user: Session,
    register: Callable[..., Registered],
    listening: Receiver,
    flow: Callable[..., None],
    deliveries: Log,
    functions: Functions,
    stand_ins: StandIns,
) -> None:
    made = register(listening.url)
    for _ in range(2):
        contact(call, user)
    flow("event_publisher", "webhook_fanout")
    good = [
        json.dumps({"account_id": user.account_id, "endpoint_id": made.id, "delivery_id": each["id"], "number": 1})
        for each in deliveries(made)
    ]
    arn = stand_ins.value({"Fn::GetAtt": ["WebhookOverflowQueue", "Arn"]})
    bodies = [good[0], "{", '{"a": 1}', "[]", good[1]]
    for folder, answered in (("webhook_delivery", ["1", "2", "3"]), ("webhook_fanout", ["0", "1", "2", "3", "4"])):
        records = [queued(each, str(at), arn) for at, each in enumerate(bodies)]
        answer = functions.invoke(folder, {"Records": records})
        assert [each["itemIdentifier"] for each in answer["batchItemFailures"]] == answered
    assert len(listening.received) == 2


def test_nothing_of_a_payload_or_a_secret_is_logged(
    call: Call,
    user: Session,
    register: Callable[..., Registered],
    listening: Receiver,
    flow: Callable[..., None],
    log_lines: Callable[[], list[dict[str, Any]]],
) -> None:
    made = register(f"{listening.url}?key=canary-url", description="canary-description")
    listening.answers = [(500, {"X-Echo": "canary-answer"}), 410]
    contact(call, user, first_name="canary-name", notes="canary-notes", email="canary@example.com")
    flow()
    contact(call, user, first_name="canary-name")
    flow()
    logged = json.dumps(log_lines())
    assert "contacts-create" in logged
    assert len(listening.received) == 2
    assert "canary" not in logged
    assert made.secret.removeprefix("whsec_") not in logged


def test_burst_of_an_account_is_fanned_out_for_one_reading_of_its_endpoints(
    call: Call,
    user: Session,
    register: Callable[..., Registered],
    listening: Receiver,
    flow: Callable[..., None],
    deliveries: Log,
    round_trips: Callable[..., Any],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    from keel.webhooks import fanout

    made = register(listening.url)
    for _ in range(12):
        contact(call, user)
    flow("event_publisher")
    monkeypatch.setattr(fanout, "_SKEW", -60_000)  # as if the burst lay well behind
    monkeypatch.setattr(fanout, "_cached", {})
    monkeypatch.setattr(fanout, "_FRESH", 60_000)
    with round_trips() as trips:
        flow("webhook_fanout")
    assert len(deliveries(made)) == 12
    # Ten messages at once find nothing in memory; the other two do.
    assert trips.calls.count("Query") <= 10
    assert trips.calls.count("PutItem") == 12
