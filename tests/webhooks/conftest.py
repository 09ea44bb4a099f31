"""What do the tests of webhooks find besides? Receivers, and an account with an endpoint."""

import json
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from typing import Any

import boto3
import pytest

from tests.conftest import Call
from tests.harness.functions import Functions
from tests.harness.gateway import Session
from tests.harness.stand_ins import StandIns
from tests.harness.streams import Pump, queued, routed
from tests.webhooks.receivers import Receiver, receiver


@pytest.fixture(autouse=True)
def _exempt(setting: Callable[..., None]) -> None:
    setting(WEBHOOK_EXEMPT_HOSTS="127.0.0.1,localhost")


@pytest.fixture
def new_receiver() -> Iterator[Callable[[], Receiver]]:
    with ExitStack() as stack:
        yield lambda: stack.enter_context(receiver())


@pytest.fixture
def listening(new_receiver: Callable[[], Receiver]) -> Receiver:
    return new_receiver()


@pytest.fixture
def user(owner: Callable[..., Session]) -> Session:
    return owner()


class Registered:
    """An endpoint and its secret."""

    def __init__(self, answered: dict[str, Any]) -> None:
        self.secret: str = answered["secret"]
        self.shown: dict[str, Any] = answered["endpoint"]
        self.id: str = self.shown["id"]


@pytest.fixture
def register(call: Call, user: Session) -> Callable[..., Registered]:
    """`register(url, events=[…], session=…)`: an endpoint, by default for contact events."""

    def register(url: str, session: Session | None = None, **fields: Any) -> Registered:
        body = {"url": url, "events": ["contact.created", "contact.updated", "contact.deleted"], **fields}
        return Registered(call("webhooks-create", body, token=(session or user).token).result)

    return register


@pytest.fixture
def _rules(stand_ins: StandIns, monkeypatch: pytest.MonkeyPatch) -> None:
    """The rules between the bus and its queues, as the template has them: moto's own need more packages."""
    from keel.storage import clients

    events = clients.client("events")
    original = events.put_events

    def put_events(Entries: Any) -> Any:  # noqa: N803 - as AWS has it
        client = boto3.client("sqs")
        for entry in Entries:
            for arn, body in routed(stand_ins, entry):
                url = client.get_queue_url(QueueName=arn.rpartition(":")[2])["QueueUrl"]
                client.send_message(QueueUrl=url, MessageBody=body)
        return original(Entries=Entries)

    monkeypatch.setattr(events, "put_events", put_events)


@pytest.fixture
def flow(_rules: None, pump: Pump) -> Callable[..., None]:
    """Everything that has changed since the last call goes its way, as far as its first attempts."""

    def flow(*folders: str) -> None:
        pump(*(folders or ("event_publisher", "webhook_fanout", "webhook_delivery")))

    return flow


@pytest.fixture
def deliveries(call: Call, user: Session) -> Callable[..., list[dict[str, Any]]]:
    """`deliveries(endpoint)`: its log, newest first."""

    def deliveries(endpoint: Registered, **filters: Any) -> list[dict[str, Any]]:
        answer = call("webhooks-deliveries", {"endpoint_id": endpoint.id, "limit": 100, **filters}, token=user.token)
        items: list[dict[str, Any]] = answer.result["items"]
        return items

    return deliveries


@pytest.fixture
def handed(functions: Functions, stand_ins: StandIns) -> Callable[[str, Any], Any]:
    """`handed("WebhookQueue", body)`: the worker of this queue gets a message."""

    def handed(queue: str, body: Any) -> Any:
        arn = stand_ins.value({"Fn::GetAtt": [queue, "Arn"]})
        return functions.invoke("webhook_delivery", {"Records": [queued(json.dumps(body), arn=arn)]})

    return handed


@pytest.fixture
def due(handed: Callable[[str, Any], Any], user: Session) -> Callable[..., Any]:
    """`due(delivery)`: the next attempt of a delivery is made, as if its time had come."""

    def due(delivery: dict[str, Any], *, number: int | None = None) -> Any:
        message = {
            "account_id": user.account_id,
            "endpoint_id": delivery["endpoint_id"],
            "delivery_id": delivery["id"],
            "number": number or len(delivery["attempts"]) + 1,
        }
        return handed("WebhookQueue", message)

    return due
