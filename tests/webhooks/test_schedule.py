"""When is a delivery tried again? The steps, their jitter, Retry-After, and the jobs that watch the clock."""

import json
import random
from collections import Counter
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from typing import Any

import boto3
import pytest

from keel import clock
from keel.webhooks import schedule
from tests.conftest import Call
from tests.harness.functions import Functions
from tests.harness.gateway import Session
from tests.harness.stand_ins import StandIns
from tests.imports.conftest import Importer
from tests.webhooks.conftest import Registered
from tests.webhooks.receivers import Receiver

STEPS = [5, 300, 1_800, 7_200, 18_000, 36_000, 50_400, 72_000, 86_400]
NOW = clock.milliseconds("2026-06-01T12:00:00.000Z")


@pytest.mark.parametrize(("tried", "step"), list(enumerate(STEPS, 1)))
def test_each_step_has_a_fifth_of_jitter_either_way(tried: int, step: int) -> None:
    delays = [schedule.delay(tried, "", NOW) or 0 for _ in range(500)]
    assert min(delays) >= 800 * step
    assert max(delays) <= 1_200 * step
    assert min(delays) < 950 * step < 1_050 * step < max(delays)


def test_there_is_nothing_after_the_tenth_attempt() -> None:
    assert schedule.delay(10, "", NOW) is None
    assert schedule.delay(10, "60", NOW) is None


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
def test_retry_after_is_honoured_between_one_and_two_steps(value: str, least: int, most: int) -> None:
    delays = [schedule.delay(2, value, NOW) or 0 for _ in range(100)]
    assert least * 1_000 <= min(delays)
    assert max(delays) <= most * 1_000
    assert len(set(delays)) > 10


@pytest.mark.parametrize(("value", "seconds"), [("10", 10), ("7", 7)])
def test_no_retry_comes_before_the_receiver_wants_it(
    call: Call,
    user: Session,
    register: Callable[..., Registered],
    listening: Receiver,
    flow: Callable[..., None],
    deliveries: Callable[..., list[dict[str, Any]]],
    monkeypatch: pytest.MonkeyPatch,
    value: str,
    seconds: int,
) -> None:
    from keel.storage import clients

    made = register(listening.url)
    call("contacts-create", {"first_name": "Ann"}, token=user.token)
    flow("event_publisher", "webhook_fanout")
    listening.answers = [(503, {"Retry-After": value})]
    sent: list[dict[str, Any]] = []
    monkeypatch.setattr(clients.client("sqs"), "send_message", lambda **asked: sent.append(asked))
    flow("webhook_delivery")
    [delay] = [each["DelaySeconds"] for each in sent if each["MessageGroupId"] == made.id]
    assert seconds <= delay <= 10
    [pending] = deliveries(made)
    wait = clock.milliseconds(pending["next_attempt_at"]) - clock.milliseconds(pending["attempts"][0]["at"])
    assert wait >= seconds * 1_000


def test_endpoints_that_failed_together_do_not_come_back_together(monkeypatch: pytest.MonkeyPatch) -> None:
    # Late retries come a dozen a minute, few enough for chance to pile them up: the same chance in every run.
    monkeypatch.setattr(schedule, "_jitter", random.Random(1))  # noqa: S311 - no secret
    # An outage shared by ten thousand endpoints ends all their first attempts within the same minute.
    at = [endpoint * 6 for endpoint in range(10_000)]
    for tried in range(1, 10):
        at = [each + (schedule.delay(tried, "", NOW) or 0) for each in at]
        minutes = Counter(each // clock.MINUTE for each in at)
        at.sort()  # the mean of the nine tenths in the middle: a few stragglers make no wave flat
        mean = 9_000 / (at[9_500] // clock.MINUTE - at[500] // clock.MINUTE + 1)
        assert max(minutes.values()) <= 3 * mean, f"retry {tried}"


@pytest.fixture
def failed_thrice(
    call: Call,
    user: Session,
    register: Callable[..., Registered],
    listening: Receiver,
    flow: Callable[..., None],
    deliveries: Callable[..., list[dict[str, Any]]],
    due: Callable[..., Any],
) -> Registered:
    """An endpoint with a delivery whose fourth attempt is half an hour away."""
    listening.answers = [500, 500, 500]
    made = register(listening.url)
    call("contacts-create", {"first_name": "Ann"}, token=user.token)
    flow()
    for _ in range(2):
        due(deliveries(made)[0])
    return made


def test_retry_far_off_waits_in_the_table_and_is_queued_when_due(
    failed_thrice: Registered,
    listening: Receiver,
    deliveries: Callable[..., list[dict[str, Any]]],
    functions: Functions,
    flow: Callable[..., None],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    [waiting] = deliveries(failed_thrice)
    assert waiting["status"] == "pending"
    functions.invoke("due_retries", {})
    flow("webhook_delivery")
    assert len(listening.received) == 3

    due_at = clock.milliseconds(waiting["next_attempt_at"])
    for _ in range(2):  # whoever comes second finds nothing to do
        with monkeypatch.context() as patch:
            patch.setattr(clock, "now", lambda: due_at + 1)
            functions.invoke("due_retries", {})
    flow("webhook_delivery")
    [done] = deliveries(failed_thrice)
    assert done["status"] == "succeeded"
    assert len(listening.received) == 4


def test_job_that_dies_before_it_removes_what_it_queued_makes_no_second_attempt(
    failed_thrice: Registered,
    listening: Receiver,
    deliveries: Callable[..., list[dict[str, Any]]],
    functions: Functions,
    flow: Callable[..., None],
    inject: Callable[..., Any],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    from tests.harness.wire import Killed

    [waiting] = deliveries(failed_thrice)
    due_at = clock.milliseconds(waiting["next_attempt_at"])
    with monkeypatch.context() as patch:
        patch.setattr(clock, "now", lambda: due_at + 1)
        inject("BatchWriteItem", Killed())
        with pytest.raises(Killed):
            functions.invoke("due_retries", {})
        functions.invoke("due_retries", {})
    flow("webhook_delivery")
    assert len(listening.received) == 4


# ---- Five days without one success -----------------------------------------------------------------------------------


def endpoint_fails(call: Call, user: Session, listening: Receiver, flow: Callable[..., None]) -> None:
    listening.default = 500
    call("contacts-create", {"first_name": "Ann"}, token=user.token)
    flow()


@pytest.mark.parametrize("days", [4, 6])
def test_job_disables_what_has_failed_for_five_days(
    call: Call,
    user: Session,
    register: Callable[..., Registered],
    listening: Receiver,
    flow: Callable[..., None],
    functions: Functions,
    monkeypatch: pytest.MonkeyPatch,
    days: int,
) -> None:
    made = register(listening.url)
    endpoint_fails(call, user, listening, flow)
    now = clock.now()
    with monkeypatch.context() as patch:
        patch.setattr(clock, "now", lambda: now + days * clock.DAY)
        functions.invoke("failing_endpoints", {})
        functions.invoke("failing_endpoints", {})
    shown = call("webhooks-get", {"id": made.id}, token=user.token).result
    assert shown["is_active"] is (days < 5)
    assert bool(shown["disabled_reason"]) is (days > 5)


def test_attempt_disables_what_has_failed_for_five_days(
    call: Call,
    user: Session,
    register: Callable[..., Registered],
    listening: Receiver,
    flow: Callable[..., None],
    deliveries: Callable[..., list[dict[str, Any]]],
    due: Callable[..., Any],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    made = register(listening.url)
    endpoint_fails(call, user, listening, flow)
    [delivery] = deliveries(made)
    now = clock.now()
    with monkeypatch.context() as patch:
        patch.setattr(clock, "now", lambda: now + 6 * clock.DAY)
        due(delivery)
    shown = call("webhooks-get", {"id": made.id}, token=user.token).result
    assert shown["is_active"] is False
    assert "5 days" in shown["disabled_reason"]


def test_job_disables_what_began_to_fail_anew_while_an_attempt_was_under_way(
    call: Call,
    user: Session,
    register: Callable[..., Registered],
    listening: Receiver,
    flow: Callable[..., None],
    deliveries: Callable[..., list[dict[str, Any]]],
    due: Callable[..., Any],
    functions: Functions,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    made = register(listening.url)
    endpoint_fails(call, user, listening, flow)
    [failed] = deliveries(made)
    listening.answers = [200, 500]  # another one succeeds while this attempt waits for its answer
    call("contacts-create", {"first_name": "Bob"}, token=user.token)
    flow("event_publisher", "webhook_fanout")

    def succeed() -> None:
        listening.before_answer = lambda: None
        call("webhooks-redeliver", {"delivery_id": failed["id"]}, token=user.token)

    listening.before_answer = succeed
    due(deliveries(made)[0])
    now = clock.now()
    with monkeypatch.context() as patch:
        patch.setattr(clock, "now", lambda: now + 6 * clock.DAY)
        functions.invoke("failing_endpoints", {})
    assert call("webhooks-get", {"id": made.id}, token=user.token).result["is_active"] is False


@pytest.mark.parametrize("remedy", ["success", "url", "reactivation", "deletion"])
def test_endpoint_that_got_well_is_not_disabled(
    call: Call,
    user: Session,
    register: Callable[..., Registered],
    listening: Receiver,
    flow: Callable[..., None],
    functions: Functions,
    monkeypatch: pytest.MonkeyPatch,
    remedy: str,
) -> None:
    made = register(listening.url)
    endpoint_fails(call, user, listening, flow)
    if remedy == "success":
        listening.default = 204
        call("contacts-create", {"first_name": "Bob"}, token=user.token)
        flow()
    elif remedy == "url":
        call("webhooks-update", {"id": made.id, "url": listening.url + "2"}, token=user.token)
    elif remedy == "reactivation":
        for active in (False, True):
            call("webhooks-update", {"id": made.id, "is_active": active}, token=user.token)
    else:
        call("webhooks-delete", {"id": made.id}, token=user.token)
    now = clock.now()
    with monkeypatch.context() as patch:
        patch.setattr(clock, "now", lambda: now + 6 * clock.DAY)
        functions.invoke("failing_endpoints", {})
    if remedy == "deletion":
        assert call("webhooks-list", {}, token=user.token).result["items"] == []
    else:
        shown = call("webhooks-get", {"id": made.id}, token=user.token).result
        assert shown["is_active"] is True
        assert shown["disabled_reason"] == ""


# ---- Lanes -----------------------------------------------------------------------------------------------------------


def lane(stand_ins: StandIns, name: str) -> list[dict[str, Any]]:
    """What lies in a queue for its workers, of which it is taken."""
    url, found = str(stand_ins.value({"Ref": name})), []
    client = boto3.client("sqs")
    while messages := client.receive_message(QueueUrl=url, MaxNumberOfMessages=10, AttributeNames=["All"]).get(
        "Messages"
    ):
        for message in messages:
            client.delete_message(QueueUrl=url, ReceiptHandle=message["ReceiptHandle"])
            found.append({**json.loads(message["Body"]), "group": message["Attributes"].get("MessageGroupId")})
    return found


def test_endpoint_takes_no_more_of_the_fast_lane_than_its_slots(
    call: Call,
    user: Session,
    register: Callable[..., Registered],
    listening: Receiver,
    flow: Callable[..., None],
    deliveries: Callable[..., list[dict[str, Any]]],
    due: Callable[..., Any],
    stand_ins: StandIns,
) -> None:
    made = register(listening.url)
    for _ in range(4):
        call("contacts-create", {"first_name": "Ann"}, token=user.token)
    flow("event_publisher", "webhook_fanout")
    begun = [each for each in lane(stand_ins, "WebhookQueue") if each["endpoint_id"] == made.id]
    assert {each["group"] for each in begun} == {made.id}
    pending = deliveries(made)
    lane(stand_ins, "WebhookOverflowQueue")
    # While one is being answered the next is taken in hand, and so on: four at once, for three slots.
    waiting = pending[1:]
    listening.before_answer = lambda: due(waiting.pop()) if waiting else None
    due(pending[0])
    assert len(listening.received) == 3
    [moved] = lane(stand_ins, "WebhookOverflowQueue")
    assert moved["number"] == 1
    assert moved["group"] == made.id
    left = deliveries(made, status="pending")
    assert [each["id"] for each in left] == [moved["delivery_id"]]
    assert left[0]["attempts"] == []


def test_endpoint_that_has_never_answered_takes_no_more_of_the_second_lane_either(
    call: Call,
    user: Session,
    register: Callable[..., Registered],
    listening: Receiver,
    flow: Callable[..., None],
    deliveries: Callable[..., list[dict[str, Any]]],
    handed: Callable[[str, Any], Any],
    stand_ins: StandIns,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    from keel.storage import clients

    made = register(listening.url)
    for _ in range(5):
        call("contacts-create", {"first_name": "Ann"}, token=user.token)
    flow("event_publisher", "webhook_fanout")
    waiting = [each for each in lane(stand_ins, "WebhookQueue") if each.pop("group") == made.id]
    sent: list[dict[str, Any]] = []
    monkeypatch.setattr(clients.client("sqs"), "send_message", lambda **asked: sent.append(asked))

    def overflow() -> None:
        if waiting:
            handed("WebhookOverflowQueue", waiting.pop())

    # While one is being answered the next is taken in hand, and so on: three, until one of them has been answered.
    listening.before_answer = overflow
    overflow()
    assert len(listening.received) == 3
    [put_off] = sent
    assert (put_off["QueueUrl"], put_off["DelaySeconds"]) == (stand_ins.value({"Ref": "WebhookOverflowQueue"}), 1)
    message = json.loads(put_off["MessageBody"])
    assert (message["number"], message["paced"]) == (1, False)
    left = {each["id"] for each in deliveries(made, status="pending")}
    assert left == {message["delivery_id"], *(each["delivery_id"] for each in waiting)}
    # Now that it has answered at once, it may have all that comes: as many as there are, one within the other.
    waiting += [message]
    overflow()
    assert len(listening.received) == 5
    assert len(sent) == 1


def test_retry_to_a_slow_endpoint_leaves_the_fast_lane(
    call: Call,
    user: Session,
    register: Callable[..., Registered],
    listening: Receiver,
    flow: Callable[..., None],
    deliveries: Callable[..., list[dict[str, Any]]],
    due: Callable[..., Any],
    stand_ins: StandIns,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    from keel.webhooks import slots

    listening.answers = [500]
    made = register(listening.url)
    with monkeypatch.context() as patch:
        patch.setattr(slots, "SLOW", 0)
        call("contacts-create", {"first_name": "Ann"}, token=user.token)
        flow()
    lane(stand_ins, "WebhookOverflowQueue")
    due(deliveries(made)[0])
    assert len(listening.received) == 1
    [moved] = lane(stand_ins, "WebhookOverflowQueue")
    assert (moved["endpoint_id"], moved["number"]) == (made.id, 2)


@pytest.mark.parametrize(("took", "in_fast_lane"), [(None, 10), (10, 14), (200, 7), (900, 2)])
def test_endpoint_has_as_much_of_the_fast_lane_as_it_answers_quickly(
    call: Call,
    user: Session,
    register: Callable[..., Registered],
    listening: Receiver,
    flow: Callable[..., None],
    stand_ins: StandIns,
    monkeypatch: pytest.MonkeyPatch,
    took: int | None,
    in_fast_lane: int,
) -> None:
    from keel.webhooks import sender

    made = register(listening.url)
    if took is not None:
        with monkeypatch.context() as patch:
            patch.setattr(sender, "post", lambda *_arguments, **_options: sender.Outcome(200, "", took))
            call("contacts-create", {"first_name": "Ann"}, token=user.token)
            flow()
    for _ in range(20):
        call("contacts-create", {"first_name": "Bob"}, token=user.token)
    with monkeypatch.context() as patch:
        now = clock.now() + 20 * clock.SECOND  # what was read of the endpoint before is read again
        patch.setattr(clock, "now", lambda: now)
        flow("event_publisher", "webhook_fanout")
    queued = {name: lane(stand_ins, name) for name in ("WebhookQueue", "WebhookOverflowQueue")}
    begun = {name: len([each for each in found if each["endpoint_id"] == made.id]) for name, found in queued.items()}
    assert begun == {"WebhookQueue": in_fast_lane, "WebhookOverflowQueue": 20 - in_fast_lane}


def test_backlog_of_a_slow_endpoint_is_sent_at_its_pace(
    call: Call,
    user: Session,
    register: Callable[..., Registered],
    listening: Receiver,
    flow: Callable[..., None],
    deliveries: Callable[..., list[dict[str, Any]]],
    functions: Functions,
    handed: Callable[[str, Any], Any],
    stand_ins: StandIns,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    from keel.storage import clients
    from keel.webhooks import queues, sender

    made = register(listening.url)
    with monkeypatch.context() as patch:
        patch.setattr(sender, "post", lambda *_arguments, **_options: sender.Outcome(200, "", 9_000))
        call("contacts-create", {"first_name": "Ann"}, token=user.token)
        flow()
    for _ in range(8):
        call("contacts-create", {"first_name": "Bob"}, token=user.token)
    flow("event_publisher", "webhook_fanout")
    waiting = [each for each in lane(stand_ins, "WebhookOverflowQueue") if each.pop("group") == made.id]
    assert len(waiting) == 8  # a slow endpoint's deliveries do not so much as pass through the fast lane

    sent: list[dict[str, Any]] = []
    monkeypatch.setattr(clients.client("sqs"), "send_message", lambda **asked: sent.append(asked))
    monkeypatch.setattr(queues, "LONGEST_DELAY", 2_000)

    now = clock.now()
    with monkeypatch.context() as patch:
        patch.setattr(clock, "now", lambda: now)
        for message in waiting:
            handed("WebhookOverflowQueue", message)
    # 30 at once to a receiver that takes 9 s is one each 0.3 s: 0, 0.3, 0.6 and 0.9 s are now, 1.2 to 1.8 s are soon.
    assert len(listening.received) == 4
    assert [each["DelaySeconds"] for each in sent] == [2, 2, 2]
    assert {each["QueueUrl"] for each in sent} == {stand_ins.value({"Ref": "WebhookOverflowQueue"})}
    for each in sent:
        handed("WebhookOverflowQueue", json.loads(each["MessageBody"]))
    assert len(listening.received) == 7
    # The last one's turn is further off than a queue could hold it back: what passes it on has it come at its time.
    sent.clear()
    monkeypatch.setattr(clock, "now", lambda: now + 1_000)
    functions.invoke("due_retries", {})
    assert [(each["DelaySeconds"], each["QueueUrl"]) for each in sent] == [
        (2, stand_ins.value({"Ref": "WebhookOverflowQueue"}))
    ]
    handed("WebhookOverflowQueue", json.loads(sent[0]["MessageBody"]))
    assert len(listening.received) == 8
    assert {each["status"] for each in deliveries(made)} == {"succeeded"}


def test_what_an_import_brings_comes_by_the_second_lane_and_leaves_the_first_to_others(
    call: Call,
    functions: Functions,
    user: Session,
    register: Callable[..., Registered],
    listening: Receiver,
    flow: Callable[..., None],
    deliveries: Callable[..., list[dict[str, Any]]],
    handed: Callable[[str, Any], Any],
    stand_ins: StandIns,
) -> None:
    made = register(listening.url)
    importer = Importer(call, functions.invoke, stand_ins, user)
    call("contacts-create", {"first_name": "Old", "email": "old@example.com"}, token=user.token)
    job = importer.run("first_name,email\nAnn,\nBob,\nNew,old@example.com\n", duplicate_handling="update")
    found = {each["first_name"]: each["id"] for each in importer.all()}
    call("contacts-update", {"id": found["Ann"], "notes": "by hand"}, token=user.token)

    def begun() -> list[str]:
        names = {each["id"]: each["event"] for each in deliveries(made)}
        waiting = [each for each in lane(stand_ins, "WebhookQueue") if each["endpoint_id"] == made.id]
        return sorted(names[each["delivery_id"]] for each in waiting)

    def coming() -> list[dict[str, Any]]:
        events = [each["detail"] for each in lane(stand_ins, "WebhookOverflowQueue") if "detail" in each]
        return sorted(
            (each for each in events if each["account_id"] == user.account_id), key=lambda each: each["event"]
        )

    flow("event_publisher", "webhook_fanout")
    assert begun() == ["contact.created", "contact.updated"]
    events = coming()
    assert [each["event"] for each in events] == ["contact.created", "contact.created", "contact.updated"]
    importer.undo(job["id"])
    flow("event_publisher", "webhook_fanout")
    assert begun() == []
    assert [each["event"] for each in coming()] == ["contact.deleted", "contact.updated"]

    # In the second lane an event becomes a delivery, which that lane makes as well.
    handed("WebhookOverflowQueue", {"detail": events[0]})
    assert begun() == []
    [message] = [each for each in lane(stand_ins, "WebhookOverflowQueue") if each.get("endpoint_id") == made.id]
    assert message.pop("group") == made.id
    handed("WebhookOverflowQueue", message)
    [received] = listening.received
    assert json.loads(received.body)["data"] == events[0]["data"]
