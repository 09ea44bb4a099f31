"""Test the log of deliveries, test events, redelivery and rotated secrets."""

import uuid
from collections.abc import Callable
from datetime import datetime
from typing import Any

import pytest

from tests.conftest import Call
from tests.harness.gateway import Session
from tests.harness.wire import losing_answers
from tests.webhooks.conftest import Webhooks
from tests.webhooks.receivers import Received, Receiver

FIELDS = {"id", "endpoint_id", "event", "status", "attempts", "next_attempt_at", "payload", "created_at"}


def test_test_event_is_delivered_immediately_and_signed(webhooks: Webhooks, receiver: Receiver) -> None:
    endpoint = webhooks.register(receiver.url)
    delivery = webhooks.call("webhooks-test", {"id": endpoint.id}).result
    [received] = receiver.received
    payload = received.verified(endpoint.secret)
    assert set(payload) == {"event", "timestamp", "data"}
    assert payload["event"] == "webhook.test"
    assert set(payload["data"]) == {"message"}
    assert set(delivery) == FIELDS
    assert delivery["payload"] == payload
    assert delivery["id"] == received.id
    assert delivery["endpoint_id"] == endpoint.id
    assert delivery["status"] == "succeeded"
    assert delivery["next_attempt_at"] is None
    [attempt] = delivery["attempts"]
    assert attempt["status_code"] == 200
    assert attempt["error"] == ""
    assert attempt["duration_ms"] >= 0
    assert datetime.fromisoformat(attempt["at"])
    assert received.headers["content-type"] == "application/json"
    listed = webhooks.call("webhooks-deliveries", {"endpoint_id": endpoint.id}).result
    assert listed == {"items": [delivery], "next_cursor": ""}


def test_failed_test_event_is_logged_and_does_not_affect_the_endpoint(webhooks: Webhooks, receiver: Receiver) -> None:
    receiver.default = 410
    endpoint = webhooks.register(receiver.url)
    webhooks.call("webhooks-update", {"id": endpoint.id, "is_active": False})
    before = webhooks.get(endpoint)
    delivery = webhooks.call("webhooks-test", {"id": endpoint.id}).result
    assert delivery["status"] == "failed"
    assert delivery["attempts"][0]["status_code"] == 410
    assert delivery["attempts"][0]["error"]
    assert len(receiver.received) == 1
    assert webhooks.get(endpoint) == before


def test_failed_connection_is_a_failure_without_a_status(webhooks: Webhooks) -> None:
    endpoint = webhooks.register("http://127.0.0.1:9/")
    delivery = webhooks.call("webhooks-test", {"id": endpoint.id}).result
    assert delivery["status"] == "failed"
    assert delivery["attempts"][0]["status_code"] is None
    assert delivery["attempts"][0]["error"]


def test_redelivery_has_the_same_id(webhooks: Webhooks, receiver: Receiver) -> None:
    receiver.answers = [500, 502]
    endpoint = webhooks.register(receiver.url)
    first = webhooks.call("webhooks-test", {"id": endpoint.id}).result
    assert first["status"] == "failed"
    second = webhooks.call("webhooks-redeliver", {"delivery_id": first["id"]}).result
    assert second["status"] == "failed"
    third = webhooks.call("webhooks-redeliver", {"delivery_id": first["id"].upper()}).result
    assert third["status"] == "succeeded"
    assert [each["status_code"] for each in third["attempts"]] == [500, 502, 200]
    assert third["payload"] == first["payload"]
    assert {each.id for each in receiver.received} == {first["id"]}
    assert len({each.body for each in receiver.received}) == 1
    assert receiver.received[-1].verified(endpoint.secret) == first["payload"]


def test_redelivery_is_logged_once_although_the_response_to_the_record_was_lost(
    webhooks: Webhooks, receiver: Receiver
) -> None:
    first = webhooks.call("webhooks-test", {"id": webhooks.register(receiver.url).id}).result
    with losing_answers("UpdateItem"):
        second = webhooks.call("webhooks-redeliver", {"delivery_id": first["id"]}).result
    assert len(second["attempts"]) == len(receiver.received) == 2


def test_both_secrets_sign_after_a_rotation_whose_response_was_lost(webhooks: Webhooks, receiver: Receiver) -> None:
    endpoint = webhooks.register(receiver.url)
    with losing_answers("UpdateItem"):
        new = webhooks.call("webhooks-rotate-secret", {"id": endpoint.id}).result
    assert new["endpoint"] == webhooks.get(endpoint)
    webhooks.call("webhooks-test", {"id": endpoint.id})
    assert receiver.received[0].verified(endpoint.secret) == receiver.received[0].verified(new["secret"])


def test_up_to_ten_secrets_of_one_day_sign(webhooks: Webhooks, receiver: Receiver) -> None:
    endpoint = webhooks.register(receiver.url)
    secrets = [endpoint.secret]
    for signing_now in (2, 3, 4, 5, 6, 7, 8, 9, 10, 10):
        secrets.append(webhooks.call("webhooks-rotate-secret", {"id": endpoint.id}).result["secret"])
        webhooks.call("webhooks-test", {"id": endpoint.id})
        received = receiver.received[-1]
        assert len(received.headers["webhook-signature"].split()) == signing_now
        assert all(received.verified(secret) for secret in secrets[-signing_now:])


def test_both_secrets_sign_after_a_rotation(
    webhooks: Webhooks, receiver: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    from standardwebhooks.webhooks import WebhookVerificationError

    from keel import clock

    endpoint = webhooks.register(receiver.url)
    new = webhooks.call("webhooks-rotate-secret", {"id": endpoint.id}).result["secret"]
    webhooks.call("webhooks-test", {"id": endpoint.id})
    assert receiver.received[0].verified(endpoint.secret) == receiver.received[0].verified(new)

    # Only the time of the signature moves: the access token would expire as well.
    from keel.webhooks import signing

    original = signing.headers

    def headers_a_day_later(endpoint: Any, webhook_id: str, body: str, now: int) -> dict[str, str]:
        return original(endpoint, webhook_id, body, now + clock.DAY + clock.MINUTE)

    monkeypatch.setattr(signing, "headers", headers_a_day_later)
    webhooks.call("webhooks-test", {"id": endpoint.id})
    assert len(receiver.received[1].headers["webhook-signature"].split()) == 1
    assert len(receiver.received[0].headers["webhook-signature"].split()) == 2
    with pytest.raises(WebhookVerificationError):
        receiver.received[1].verified("whsec_" + "A" * 43 + "=")


def test_deliveries_are_paged_newest_first(webhooks: Webhooks, receiver: Receiver) -> None:
    receiver.answers = [200, 500, 200, 500, 200]
    endpoint = webhooks.register(receiver.url)
    sent = [webhooks.call("webhooks-test", {"id": endpoint.id}).result for _ in range(5)]

    def read_pages(**filters: Any) -> list[dict[str, Any]]:
        deliveries: list[dict[str, Any]] = []
        cursor = ""
        while True:
            body = {"endpoint_id": endpoint.id, "limit": 2, "cursor": cursor, **filters}
            page = webhooks.call("webhooks-deliveries", body).result
            assert len(page["items"]) <= 2
            deliveries += page["items"]
            cursor = page["next_cursor"]
            if not cursor:
                return deliveries

    assert read_pages() == sent[::-1]
    assert read_pages(status="failed") == [each for each in sent[::-1] if each["status"] == "failed"]
    assert read_pages(status="pending") == []


def test_deliveries_validates_in_order(webhooks: Webhooks) -> None:
    endpoint = webhooks.register("https://93.184.216.34/")
    cases: list[tuple[dict[str, Any], str]] = [
        ({"endpoint_id": None}, "invalid_id"),
        ({"endpoint_id": "x"}, "invalid_id"),
        ({"endpoint_id": 1}, "invalid_request"),
        ({"endpoint_id": str(uuid.uuid4())}, "not_found"),
        ({"status": "lost"}, "invalid_request"),
        ({"status": ""}, "invalid_request"),
        ({"limit": 0}, "invalid_request"),
        ({"cursor": "nonsense"}, "invalid_request"),
    ]
    for fields, code in cases:
        answer = webhooks.call("webhooks-deliveries", {"endpoint_id": endpoint.id, **fields})
        assert answer.code == f"webhooks.{code}", fields


def test_cursor_is_valid_only_for_its_endpoint_and_status(webhooks: Webhooks, receiver: Receiver) -> None:
    one, other = webhooks.register(receiver.url), webhooks.register(receiver.url)
    for _ in range(2):
        webhooks.call("webhooks-test", {"id": one.id})
    page = webhooks.call("webhooks-deliveries", {"endpoint_id": one.id, "limit": 1}).result
    cursor = page["next_cursor"]
    assert cursor
    for body in ({"endpoint_id": other.id}, {"endpoint_id": one.id, "status": "failed"}):
        answer = webhooks.call("webhooks-deliveries", {**body, "cursor": cursor})
        assert answer.code == "webhooks.invalid_request"


def test_redeliver_validates_the_delivery_id(webhooks: Webhooks) -> None:
    for id_, code in ((None, "invalid_id"), ("x", "invalid_id"), (str(uuid.uuid4()), "not_found")):
        assert webhooks.call("webhooks-redeliver", {"delivery_id": id_}).code == f"webhooks.{code}"


def test_deliveries_of_another_account_are_not_found(
    webhooks: Webhooks, call: Call, owner: Callable[..., Session], receiver: Receiver
) -> None:
    endpoint = webhooks.register(receiver.url)
    delivery = webhooks.call("webhooks-test", {"id": endpoint.id}).result
    stranger = owner()
    webhooks.register(receiver.url, session=stranger)
    listed = call("webhooks-deliveries", {"endpoint_id": endpoint.id}, token=stranger.token)
    redelivered = call("webhooks-redeliver", {"delivery_id": delivery["id"]}, token=stranger.token)
    assert listed.code == redelivered.code == "webhooks.not_found"
    assert len(receiver.received) == 1


def test_deliveries_of_a_deleted_endpoint_can_be_read(webhooks: Webhooks, receiver: Receiver) -> None:
    endpoint = webhooks.register(receiver.url)
    delivery = webhooks.call("webhooks-test", {"id": endpoint.id}).result
    webhooks.call("webhooks-delete", {"id": endpoint.id})
    listed = webhooks.call("webhooks-deliveries", {"endpoint_id": endpoint.id}).result
    assert listed["items"] == [delivery]
    assert webhooks.call("webhooks-redeliver", {"delivery_id": delivery["id"]}).code == "webhooks.not_found"
    assert len(receiver.received) == 1


def test_deliveries_older_than_30_days_are_not_found(
    webhooks: Webhooks, receiver: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    from keel import clock
    from keel.webhooks import endpoints

    endpoint = webhooks.register(receiver.url)
    delivery = webhooks.call("webhooks-test", {"id": endpoint.id}).result
    monkeypatch.setattr(endpoints, "KEPT", -clock.SECOND)
    assert webhooks.call("webhooks-deliveries", {"endpoint_id": endpoint.id}).result["items"] == []
    assert webhooks.call("webhooks-redeliver", {"delivery_id": delivery["id"]}).code == "webhooks.not_found"


def test_failed_redelivery_leaves_the_retry_schedule_unchanged(webhooks: Webhooks, receiver: Receiver) -> None:
    receiver.answers = [500, 500]
    endpoint = webhooks.register(receiver.url)
    webhooks.create_contact()
    webhooks.deliver()
    [before] = webhooks.deliveries(endpoint)
    webhooks.call("webhooks-redeliver", {"delivery_id": before["id"]})
    [after] = webhooks.deliveries(endpoint)
    assert after == before | {"attempts": after["attempts"]}
    assert len(after["attempts"]) == 2
    webhooks.attempt(after, number=2)  # the scheduled one
    [done] = webhooks.deliveries(endpoint)
    assert done["status"] == "succeeded"
    assert len(done["attempts"]) == 3


def test_each_attempt_is_signed_at_its_own_time_with_the_secrets_of_that_time(
    webhooks: Webhooks, receiver: Receiver, at: Callable[[int], Any]
) -> None:
    from standardwebhooks import Webhook
    from standardwebhooks.webhooks import WebhookVerificationError

    from keel import clock

    receiver.answers = [500, 500]
    endpoint = webhooks.register(receiver.url)
    webhooks.create_contact()
    webhooks.deliver()
    new = webhooks.call("webhooks-rotate-secret", {"id": endpoint.id}).result["secret"]
    now = clock.now()
    for later in (10 * clock.MINUTE, 25 * clock.HOUR):
        with at(now + later):
            webhooks.attempt(webhooks.deliveries(endpoint)[0])
    _, within, after = receiver.received
    assert int(within.headers["webhook-timestamp"]) == (now + 10 * clock.MINUTE) // 1_000
    assert int(after.headers["webhook-timestamp"]) == (now + 25 * clock.HOUR) // 1_000
    assert len({each.id for each in receiver.received}) == len({each.body for each in receiver.received}) == 1

    def verifies(secret: str, received: Received) -> bool:
        from datetime import UTC, datetime

        moment = datetime.fromtimestamp(int(received.headers["webhook-timestamp"]), UTC)
        expected = Webhook(secret).sign(received.id, moment, received.body.decode())
        return expected in received.headers["webhook-signature"].split()

    assert [verifies(endpoint.secret, each) for each in receiver.received] == [True, True, False]
    assert [verifies(new, each) for each in receiver.received] == [False, True, True]
    with pytest.raises(WebhookVerificationError):
        after.verified(new)  # a day ahead of the receiver's clock
