"""Test that items are stored as version 0.1 stored them, and that its endpoints, deliveries and retries go on."""

import hashlib
import json
import uuid
from collections.abc import Callable
from typing import Any

import boto3

from keel import clock
from tests.harness.functions import Functions
from tests.harness.stand_ins import StandIns
from tests.webhooks.conftest import Webhooks
from tests.webhooks.receivers import Receiver

ENDPOINT = dict.fromkeys(
    ("pk", "sk", "kind", "url", "description", "disabled_reason", "secret", "secret_prefix"), "S"
) | dict.fromkeys(("created_by", "created_at", "updated_at"), "S")
ENDPOINT |= {"events": "L", "is_active": "BOOL", "revision": "N"}
DELIVERY = dict.fromkeys(("pk", "sk", "kind", "event", "status", "payload", "created_at"), "S")
DELIVERY |= {"tried": "N", "attempts": "L", "ttl": "N"}


def types(item: dict[str, Any]) -> dict[str, str]:
    return {name: next(iter(value)) for name, value in item.items()}


def test_new_endpoints_and_deliveries_have_the_attributes_of_version_0_1(
    webhooks: Webhooks, receiver: Receiver, stand_ins: StandIns
) -> None:
    table, account_id = str(stand_ins.value({"Ref": "Table"})), webhooks.user.account_id
    delivery = webhooks.pending(receiver)

    def stored(pk: str, sk: str) -> dict[str, Any]:
        key = {"pk": {"S": pk}, "sk": {"S": sk}}
        return dict(boto3.client("dynamodb").get_item(TableName=table, Key=key)["Item"])

    endpoint_id = delivery["endpoint_id"]
    assert types(stored(f"{account_id}#webhook_endpoint", endpoint_id)) == ENDPOINT
    pk = f"{account_id}#webhook_delivery#{endpoint_id}"
    assert types(stored(pk, delivery["id"])) == {**DELIVERY, "next_attempt_at": "S"}
    receiver.default = 500
    webhooks.attempt(delivery)
    failing = {"failing_since": "S", "last_failure_at": "S", "last_took": "N"}
    assert types(stored(f"{account_id}#webhook_endpoint", endpoint_id)) == {**ENDPOINT, **failing}
    assert types(stored(pk, delivery["id"])) == {**DELIVERY, "next_attempt_at": "S", "claims": "N"}
    receiver.default = 200
    webhooks.attempt(delivery, number=2)
    succeeded = stored(pk, delivery["id"])
    assert types(succeeded) == {**DELIVERY, "claims": "N"}
    assert [types(each["M"]) for each in succeeded["attempts"]["L"]] == [
        {"at": "S", "status_code": "N", "error": "S", "duration_ms": "N"}
    ] * 2


def test_delivery_and_retry_of_version_0_1_are_attempted_and_listed(
    webhooks: Webhooks,
    receiver: Receiver,
    functions: Functions,
    stand_ins: StandIns,
    at: Callable[[int], Any],
) -> None:
    table, account_id = str(stand_ins.value({"Ref": "Table"})), webhooks.user.account_id
    endpoint, now = webhooks.register(receiver.url), clock.now()
    written = clock.text(now - clock.HOUR)
    failed = {"at": {"S": written}, "status_code": {"NULL": True}, "error": {"S": "x"}, "duration_ms": {"N": "3"}}
    payload = json.dumps({"event": "contact.created", "timestamp": written, "data": {"id": "1"}})

    def put(item: dict[str, Any]) -> None:
        boto3.client("dynamodb").put_item(TableName=table, Item=item)

    def put_delivery(**attributes: Any) -> str:
        delivery_id = str(uuid.uuid4())
        put(
            {
                "pk": {"S": f"{account_id}#webhook_delivery#{endpoint.id}"},
                "sk": {"S": delivery_id},
                "kind": {"S": "webhook_delivery"},
                "event": {"S": "contact.created"},
                "attempts": {"L": [{"M": failed}]},
                "payload": {"S": payload},
                "created_at": {"S": written},
                "ttl": {"N": str(now // 1_000 + 1_000)},
                **attributes,
            }
        )
        return delivery_id

    due = clock.text(now + clock.SECOND)
    waiting = put_delivery(status={"S": "pending"}, tried={"N": "3"}, claims={"N": "3"}, next_attempt_at={"S": due})
    tested = put_delivery(status={"S": "failed"}, tried={"N": "1"}, next_attempt_at={"NULL": True})
    shard = hashlib.sha256(waiting.encode()).digest()[0] % 8
    put(
        {
            "pk": {"S": f"webhook_due#{shard}"},
            "sk": {"S": f"{due}#{waiting}"},
            "kind": {"S": "webhook_due"},
            "account_id": {"S": account_id},
            "endpoint_id": {"S": endpoint.id},
            "delivery_id": {"S": waiting},
            "number": {"N": "4"},
            "paced": {"BOOL": False},
        }
    )
    with at(now + 2 * clock.SECOND):
        functions.invoke("due_retries", {})
    webhooks.run("webhook_delivery")
    assert [each.id for each in receiver.received] == [waiting]
    assert receiver.received[0].verified(endpoint.secret)["data"] == {"id": "1"}
    log = {each["id"]: each for each in webhooks.deliveries(endpoint)}
    assert log[waiting]["status"] == "succeeded"
    assert [each["status_code"] for each in log[waiting]["attempts"]] == [None, 200]
    assert log[tested]["next_attempt_at"] is None
