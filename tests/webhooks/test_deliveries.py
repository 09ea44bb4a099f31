"""Can what was sent be read and sent again? Test events, pages of the log, redelivery."""

import uuid
from collections.abc import Callable
from datetime import datetime
from typing import Any

import pytest

from tests.conftest import Call
from tests.harness.gateway import Session
from tests.harness.wire import losing_answers
from tests.webhooks.conftest import Registered
from tests.webhooks.receivers import Received, Receiver

FIELDS = {"id", "endpoint_id", "event", "status", "attempts", "next_attempt_at", "payload", "created_at"}


def test_test_event_is_delivered_at_once_and_signed(
    call: Call, user: Session, register: Callable[..., Registered], listening: Receiver
) -> None:
    made = register(listening.url)
    delivery = call("webhooks-test", {"id": made.id}, token=user.token).result
    [received] = listening.received
    payload = received.verified(made.secret)
    assert set(payload) == {"event", "timestamp", "data"}
    assert payload["event"] == "webhook.test"
    assert set(payload["data"]) == {"message"}
    assert set(delivery) == FIELDS
    assert delivery["payload"] == payload
    assert delivery["id"] == received.id
    assert delivery["endpoint_id"] == made.id
    assert delivery["status"] == "succeeded"
    assert delivery["next_attempt_at"] is None
    [attempt] = delivery["attempts"]
    assert attempt["status_code"] == 200
    assert attempt["error"] == ""
    assert attempt["duration_ms"] >= 0
    assert datetime.fromisoformat(attempt["at"])
    assert received.headers["content-type"] == "application/json"
    listed = call("webhooks-deliveries", {"endpoint_id": made.id}, token=user.token).result
    assert listed == {"items": [delivery], "next_cursor": ""}


def test_test_event_that_fails_is_logged_and_counts_for_nothing(
    call: Call, user: Session, register: Callable[..., Registered], listening: Receiver
) -> None:
    listening.default = 410
    made = register(listening.url)
    call("webhooks-update", {"id": made.id, "is_active": False}, token=user.token)
    before = call("webhooks-get", {"id": made.id}, token=user.token).result
    delivery = call("webhooks-test", {"id": made.id}, token=user.token).result
    assert delivery["status"] == "failed"
    assert delivery["attempts"][0]["status_code"] == 410
    assert delivery["attempts"][0]["error"]
    assert len(listening.received) == 1
    assert call("webhooks-get", {"id": made.id}, token=user.token).result == before


def test_receiver_that_is_not_there_is_a_failure_without_a_status(
    call: Call, user: Session, register: Callable[..., Registered]
) -> None:
    made = register("http://127.0.0.1:9/")
    delivery = call("webhooks-test", {"id": made.id}, token=user.token).result
    assert delivery["status"] == "failed"
    assert delivery["attempts"][0]["status_code"] is None
    assert delivery["attempts"][0]["error"]


def test_redelivery_comes_under_the_same_id(
    call: Call, user: Session, register: Callable[..., Registered], listening: Receiver
) -> None:
    listening.answers = [500, 502]
    made = register(listening.url)
    first = call("webhooks-test", {"id": made.id}, token=user.token).result
    assert first["status"] == "failed"
    second = call("webhooks-redeliver", {"delivery_id": first["id"]}, token=user.token).result
    assert second["status"] == "failed"
    third = call("webhooks-redeliver", {"delivery_id": first["id"].upper()}, token=user.token).result
    assert third["status"] == "succeeded"
    assert [each["status_code"] for each in third["attempts"]] == [500, 502, 200]
    assert third["payload"] == first["payload"]
    assert {each.id for each in listening.received} == {first["id"]}
    assert len({each.body for each in listening.received}) == 1
    assert listening.received[-1].verified(made.secret) == first["payload"]


def test_redelivery_whose_record_is_answered_on_the_second_try_only_is_in_the_log_once(
    call: Call, user: Session, register: Callable[..., Registered], listening: Receiver
) -> None:
    first = call("webhooks-test", {"id": register(listening.url).id}, token=user.token).result
    with losing_answers("UpdateItem"):
        second = call("webhooks-redeliver", {"delivery_id": first["id"]}, token=user.token).result
    assert len(second["attempts"]) == len(listening.received) == 2


def test_both_secrets_sign_after_a_rotation_whose_answer_was_lost(
    call: Call, user: Session, register: Callable[..., Registered], listening: Receiver
) -> None:
    made = register(listening.url)
    with losing_answers("UpdateItem"):
        new = call("webhooks-rotate-secret", {"id": made.id}, token=user.token).result
    assert new["endpoint"] == call("webhooks-get", {"id": made.id}, token=user.token).result
    call("webhooks-test", {"id": made.id}, token=user.token)
    assert listening.received[0].verified(made.secret) == listening.received[0].verified(new["secret"])


def test_each_of_the_newest_secrets_signs_for_its_day_after_several_rotations(
    call: Call, user: Session, register: Callable[..., Registered], listening: Receiver
) -> None:
    made = register(listening.url)
    secrets = [made.secret]
    for signing_now in (2, 3, 4, 5, 6, 7, 8, 9, 10, 10):
        secrets.append(call("webhooks-rotate-secret", {"id": made.id}, token=user.token).result["secret"])
        call("webhooks-test", {"id": made.id}, token=user.token)
        received = listening.received[-1]
        assert len(received.headers["webhook-signature"].split()) == signing_now
        assert all(received.verified(secret) for secret in secrets[-signing_now:])


def test_both_secrets_sign_after_a_rotation(
    call: Call, user: Session, register: Callable[..., Registered], listening: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    from standardwebhooks.webhooks import WebhookVerificationError

    from keel import clock

    made = register(listening.url)
    new = call("webhooks-rotate-secret", {"id": made.id}, token=user.token).result["secret"]
    call("webhooks-test", {"id": made.id}, token=user.token)
    assert listening.received[0].verified(made.secret) == listening.received[0].verified(new)

    # Only what the function takes for now moves; a token of 15 minutes would end as well.
    from keel.webhooks import signing

    original = signing.headers

    def headers_a_day_later(endpoint: Any, webhook_id: str, body: str, now: int) -> dict[str, str]:
        return original(endpoint, webhook_id, body, now + clock.DAY + clock.MINUTE)

    monkeypatch.setattr(signing, "headers", headers_a_day_later)
    call("webhooks-test", {"id": made.id}, token=user.token)
    assert len(listening.received[1].headers["webhook-signature"].split()) == 1
    assert len(listening.received[0].headers["webhook-signature"].split()) == 2
    with pytest.raises(WebhookVerificationError):
        listening.received[1].verified("whsec_" + "A" * 43 + "=")


def test_deliveries_come_in_pages_newest_first(
    call: Call, user: Session, register: Callable[..., Registered], listening: Receiver
) -> None:
    listening.answers = [200, 500, 200, 500, 200]
    made = register(listening.url)
    sent = [call("webhooks-test", {"id": made.id}, token=user.token).result for _ in range(5)]

    def walk(**filters: Any) -> list[dict[str, Any]]:
        found, cursor = [], ""
        while True:
            body = {"endpoint_id": made.id, "limit": 2, "cursor": cursor, **filters}
            page = call("webhooks-deliveries", body, token=user.token).result
            assert len(page["items"]) <= 2
            found += page["items"]
            cursor = page["next_cursor"]
            if not cursor:
                return found

    assert walk() == sent[::-1]
    assert walk(status="failed") == [each for each in sent[::-1] if each["status"] == "failed"]
    assert walk(status="pending") == []


def test_deliveries_judges_in_order(call: Call, user: Session, register: Callable[..., Registered]) -> None:
    made = register("https://93.184.216.34/")
    wanted: list[tuple[dict[str, Any], str]] = [
        ({"endpoint_id": None}, "invalid_id"),
        ({"endpoint_id": "x"}, "invalid_id"),
        ({"endpoint_id": 1}, "invalid_request"),
        ({"endpoint_id": str(uuid.uuid4())}, "not_found"),
        ({"status": "lost"}, "invalid_request"),
        ({"status": ""}, "invalid_request"),
        ({"limit": 0}, "invalid_request"),
        ({"cursor": "nonsense"}, "invalid_request"),
    ]
    for fields, code in wanted:
        answer = call("webhooks-deliveries", {"endpoint_id": made.id, **fields}, token=user.token)
        assert answer.code == f"webhooks.{code}", fields


def test_cursor_is_for_its_endpoint_and_status_only(
    call: Call, user: Session, register: Callable[..., Registered], listening: Receiver
) -> None:
    one, other = register(listening.url), register(listening.url)
    for _ in range(2):
        call("webhooks-test", {"id": one.id}, token=user.token)
    page = call("webhooks-deliveries", {"endpoint_id": one.id, "limit": 1}, token=user.token).result
    cursor = page["next_cursor"]
    assert cursor
    for body in ({"endpoint_id": other.id}, {"endpoint_id": one.id, "status": "failed"}):
        answer = call("webhooks-deliveries", {**body, "cursor": cursor}, token=user.token)
        assert answer.code == "webhooks.invalid_request"


def test_redeliver_needs_a_delivery(call: Call, user: Session) -> None:
    for id_, code in ((None, "invalid_id"), ("x", "invalid_id"), (str(uuid.uuid4()), "not_found")):
        assert call("webhooks-redeliver", {"delivery_id": id_}, token=user.token).code == f"webhooks.{code}"


def test_deliveries_of_another_account_do_not_exist(
    call: Call,
    user: Session,
    owner: Callable[..., Session],
    register: Callable[..., Registered],
    listening: Receiver,
) -> None:
    made = register(listening.url)
    delivery = call("webhooks-test", {"id": made.id}, token=user.token).result
    stranger = owner()
    register(listening.url, session=stranger)
    listed = call("webhooks-deliveries", {"endpoint_id": made.id}, token=stranger.token)
    again = call("webhooks-redeliver", {"delivery_id": delivery["id"]}, token=stranger.token)
    assert listed.code == again.code == "webhooks.not_found"
    assert len(listening.received) == 1


def test_deliveries_outlive_their_endpoint_to_be_read(
    call: Call, user: Session, register: Callable[..., Registered], listening: Receiver
) -> None:
    made = register(listening.url)
    delivery = call("webhooks-test", {"id": made.id}, token=user.token).result
    call("webhooks-delete", {"id": made.id}, token=user.token)
    listed = call("webhooks-deliveries", {"endpoint_id": made.id}, token=user.token).result
    assert listed["items"] == [delivery]
    assert call("webhooks-redeliver", {"delivery_id": delivery["id"]}, token=user.token).code == "webhooks.not_found"
    assert len(listening.received) == 1


def test_deliveries_older_than_thirty_days_are_not_shown(
    call: Call, user: Session, register: Callable[..., Registered], listening: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    from keel import clock
    from keel.webhooks import endpoints

    made = register(listening.url)
    delivery = call("webhooks-test", {"id": made.id}, token=user.token).result
    monkeypatch.setattr(endpoints, "KEPT", -clock.SECOND)
    assert call("webhooks-deliveries", {"endpoint_id": made.id}, token=user.token).result["items"] == []
    assert call("webhooks-redeliver", {"delivery_id": delivery["id"]}, token=user.token).code == "webhooks.not_found"


def test_redelivery_that_fails_leaves_the_schedule_as_it_was(
    call: Call,
    user: Session,
    register: Callable[..., Registered],
    listening: Receiver,
    flow: Callable[..., None],
    deliveries: Callable[..., list[dict[str, Any]]],
    due: Callable[..., Any],
) -> None:
    listening.answers = [500, 500]
    made = register(listening.url)
    call("contacts-create", {"first_name": "Ann"}, token=user.token)
    flow()
    [before] = deliveries(made)
    call("webhooks-redeliver", {"delivery_id": before["id"]}, token=user.token)
    [after] = deliveries(made)
    assert after == before | {"attempts": after["attempts"]}
    assert len(after["attempts"]) == 2
    due(after, number=2)  # the one that was scheduled, and no other
    [done] = deliveries(made)
    assert done["status"] == "succeeded"
    assert len(done["attempts"]) == 3


def test_every_attempt_has_its_own_time_and_the_secrets_of_then(
    call: Call,
    user: Session,
    register: Callable[..., Registered],
    listening: Receiver,
    flow: Callable[..., None],
    deliveries: Callable[..., list[dict[str, Any]]],
    due: Callable[..., Any],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    from standardwebhooks import Webhook
    from standardwebhooks.webhooks import WebhookVerificationError

    from keel import clock

    listening.answers = [500, 500]
    made = register(listening.url)
    call("contacts-create", {"first_name": "Ann"}, token=user.token)
    flow()
    new = call("webhooks-rotate-secret", {"id": made.id}, token=user.token).result["secret"]
    now = clock.now()
    for later in (10 * clock.MINUTE, 25 * clock.HOUR):
        with monkeypatch.context() as patch:
            patch.setattr(clock, "now", lambda later=later: now + later)
            due(deliveries(made)[0])
    _, within, after = listening.received
    assert int(within.headers["webhook-timestamp"]) == (now + 10 * clock.MINUTE) // 1_000
    assert int(after.headers["webhook-timestamp"]) == (now + 25 * clock.HOUR) // 1_000
    assert len({each.id for each in listening.received}) == len({each.body for each in listening.received}) == 1

    def verifies(secret: str, received: Received) -> bool:
        from datetime import UTC, datetime

        moment = datetime.fromtimestamp(int(received.headers["webhook-timestamp"]), UTC)
        expected = Webhook(secret).sign(received.id, moment, received.body.decode())
        return expected in received.headers["webhook-signature"].split()

    assert [verifies(made.secret, each) for each in listening.received] == [True, True, False]
    assert [verifies(new, each) for each in listening.received] == [False, True, True]
    with pytest.raises(WebhookVerificationError):
        after.verified(new)  # a day ahead of the receiver's clock
