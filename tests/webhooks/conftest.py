"""Fixtures for the tests of webhooks: receivers, and an account whose events are delivered."""

import json
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, ExitStack, contextmanager
from typing import Any

import boto3
import pytest

from tests.conftest import Call
from tests.harness.functions import Functions
from tests.harness.gateway import Answer, Session
from tests.harness.stand_ins import StandIns
from tests.harness.streams import Pump, queued, routed
from tests.webhooks.receivers import Receiver, running_receiver


class Registered:
    """An endpoint and its secret."""

    def __init__(self, result: dict[str, Any]) -> None:
        self.secret: str = result["secret"]
        self.shown: dict[str, Any] = result["endpoint"]
        self.id: str = self.shown["id"]


class Webhooks:
    """The webhooks of an account, and the workers that deliver them."""

    def __init__(self, call: Call, user: Session, pump: Pump, functions: Functions, stand_ins: StandIns) -> None:
        self.user, self._call, self._pump = user, call, pump
        self._functions, self._stand_ins = functions, stand_ins

    def call(self, operation: str, body: dict[str, Any]) -> Answer:
        """Call an operation as the user of the account."""
        return self._call(operation, body, token=self.user.token)

    def register(self, url: str, session: Session | None = None, **fields: Any) -> Registered:
        """Create an endpoint, by default for the events of contacts and in this account."""
        body = {"url": url, "events": ["contact.created", "contact.updated", "contact.deleted"], **fields}
        return Registered(self._call("webhooks-create", body, token=(session or self.user).token).result)

    def get(self, endpoint: Registered) -> dict[str, Any]:
        result: dict[str, Any] = self.call("webhooks-get", {"id": endpoint.id}).result
        return result

    def create_contact(self, **fields: Any) -> dict[str, Any]:
        created: dict[str, Any] = self.call("contacts-create", {"first_name": "Ann", **fields}).result
        return created

    def run(self, *workers: str) -> None:
        """Run these workers with what has come for them."""
        self._pump(*workers)

    def fan_out(self) -> None:
        """Turn all changes since the last call into queued deliveries."""
        self.run("event_publisher", "webhook_fanout")

    def deliver(self) -> None:
        """Turn all changes since the last call into deliveries, and make their first attempts."""
        self.run("event_publisher", "webhook_fanout", "webhook_delivery")

    def deliveries(self, endpoint: Registered, **filters: Any) -> list[dict[str, Any]]:
        """The log of an endpoint, newest first."""
        body = {"endpoint_id": endpoint.id, "limit": 100, **filters}
        items: list[dict[str, Any]] = self.call("webhooks-deliveries", body).result["items"]
        return items

    def pending(self, receiver: Receiver) -> dict[str, Any]:
        """A delivery to a new endpoint at this receiver, before its first attempt."""
        endpoint = self.register(receiver.url)
        self.create_contact()
        self.fan_out()
        [delivery] = self.deliveries(endpoint)
        return delivery

    def find(self, delivery: dict[str, Any]) -> dict[str, Any]:
        """A delivery as the log of its endpoint has it now."""
        items = self.call("webhooks-deliveries", {"endpoint_id": delivery["endpoint_id"], "limit": 100}).result["items"]
        [current] = [each for each in items if each["id"] == delivery["id"]]
        return dict(current)

    def hand_over(self, queue: str, *bodies: Any) -> Any:
        """Invoke the worker of a queue, such as `WebhookQueue`, with messages."""
        arn = self._stand_ins.value({"Fn::GetAtt": [queue, "Arn"]})
        records = [queued(json.dumps(body), str(number), arn) for number, body in enumerate(bodies)]
        return self._functions.invoke("webhook_delivery", {"Records": records})

    def attempt(self, delivery: dict[str, Any], *, number: int | None = None) -> Any:
        """Make the next attempt of a delivery, or the one with this number, as if it were due."""
        message = {
            "account_id": self.user.account_id,
            "endpoint_id": delivery["endpoint_id"],
            "delivery_id": delivery["id"],
            "number": number or len(delivery["attempts"]) + 1,
        }
        return self.hand_over("WebhookQueue", message)

    def take(self, queue: str) -> list[dict[str, Any]]:
        """Remove and return what is in a queue, with the message group of each message as `group`."""
        client, url, messages = boto3.client("sqs"), str(self._stand_ins.value({"Ref": queue})), []
        while received := client.receive_message(QueueUrl=url, MaxNumberOfMessages=10, AttributeNames=["All"]).get(
            "Messages"
        ):
            for message in received:
                client.delete_message(QueueUrl=url, ReceiptHandle=message["ReceiptHandle"])
                group = message["Attributes"].get("MessageGroupId")
                messages.append({**json.loads(message["Body"]), "group": group})
        return messages


@pytest.fixture(autouse=True)
def _exempt(setting: Callable[..., None]) -> None:
    setting(WEBHOOK_EXEMPT_HOSTS="127.0.0.1,localhost")


@pytest.fixture
def new_receiver() -> Iterator[Callable[[], Receiver]]:
    with ExitStack() as stack:
        yield lambda: stack.enter_context(running_receiver())


@pytest.fixture
def receiver(new_receiver: Callable[[], Receiver]) -> Receiver:
    return new_receiver()


@pytest.fixture
def user(owner: Callable[..., Session]) -> Session:
    return owner()


@pytest.fixture
def webhooks(
    call: Call, user: Session, _rules: None, pump: Pump, functions: Functions, stand_ins: StandIns
) -> Webhooks:
    return Webhooks(call, user, pump, functions, stand_ins)


@pytest.fixture
def sent(monkeypatch: pytest.MonkeyPatch) -> Callable[[], list[dict[str, Any]]]:
    """`sent()`: from now on, the requests that send messages to a queue, instead of the messages."""

    def sent() -> list[dict[str, Any]]:
        from keel.storage import clients

        requests: list[dict[str, Any]] = []
        monkeypatch.setattr(clients.client("sqs"), "send_message", lambda **request: requests.append(request))
        return requests

    return sent


@pytest.fixture
def at(monkeypatch: pytest.MonkeyPatch) -> Callable[[int], AbstractContextManager[None]]:
    """`with at(milliseconds)`: the time of the functions stands still."""
    from keel import clock

    @contextmanager
    def at(milliseconds: int) -> Iterator[None]:
        with monkeypatch.context() as patch:
            patch.setattr(clock, "now", lambda: milliseconds)
            yield

    return at


@pytest.fixture
def _rules(stand_ins: StandIns, monkeypatch: pytest.MonkeyPatch) -> None:
    """Route events from the bus to queues by the rules of the template. moto's own rules need more packages."""
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
