"""Simulate loads at full size: a slow receiver, a burst and failing messages delay no other deliveries."""

import json
from collections.abc import Callable, Iterator
from functools import partial
from typing import Any

import pytest

from keel import ids
from keel.storage import clients
from keel.webhooks import fanout, sender, signing
from keel.webhooks.sender import Outcome
from tests.conftest import Call
from tests.harness.functions import Functions
from tests.harness.gateway import Session
from tests.harness.simulation import Simulation, copied, stream_worker
from tests.harness.stand_ins import StandIns
from tests.harness.streams import Stream
from tests.webhooks.conftest import Webhooks

PROMISED = 5.0
SLOW, QUICK = "http://127.0.0.1:1/slow", "http://127.0.0.1:1/quick"

Created = Callable[[Session], dict[str, Any]]


class World:
    """The simulation, the changes in it, and what its receivers receive."""

    def __init__(self, simulation: Simulation) -> None:
        self.simulation, self.time = simulation, simulation.time
        self.changed: dict[str, float] = {}  # by record
        self.received: dict[tuple[str, str], list[float]] = {}  # by URL and record
        self.ids: dict[tuple[str, str], set[str]] = {}

    def post(self, url: str, body: bytes, headers: dict[str, str], **_: Any) -> Outcome:
        key = url, json.loads(body)["data"]["id"]
        self.received.setdefault(key, []).append(self.time.seconds)
        self.ids.setdefault(key, set()).add(headers["webhook-id"])
        self.time.sleep(10 if url == SLOW else 0.05)
        return Outcome(None, "There was no complete response.", 10_000) if url == SLOW else Outcome(200, "", 50)

    def change(self, record: dict[str, Any], worker: int | None = None) -> None:
        """Create a record now, like the one of this stream record."""
        now = self.time.now()
        id_ = ids.mint(now)
        self.changed[id_] = self.time.seconds
        self.simulation.commit(copied(record, id_, now), worker)

    def changes(self, record: dict[str, Any], times: int, seconds: float, worker: int | None = None) -> None:
        """Create this many records, spread over this many seconds from now."""
        for at in range(times):
            self.time.after(at * seconds / times, partial(self.change, record, worker))

    def delays(self, url: str) -> list[float]:
        """The seconds from each change to its first attempt."""
        return [times[0] - self.changed[id_] for (to, id_), times in self.received.items() if to == url]


@pytest.fixture
def world(stand_ins: StandIns, functions: Functions, monkeypatch: pytest.MonkeyPatch) -> Iterator[World]:
    with functions.running("contacts"):
        for service in ("dynamodb", "kms", "sqs", "events"):
            clients.client(service)
    for folder in ("event_publisher", "webhook_fanout", "webhook_delivery"):
        functions.module(folder)
    simulation = Simulation(stand_ins, functions)
    world = World(simulation)
    monkeypatch.setattr(sender, "post", world.post)
    monkeypatch.setattr(fanout, "endpoint_cache", {})
    with simulation.running():
        yield world


@pytest.fixture
def created(call: Call, stand_ins: StandIns) -> Created:
    """`created(session)`: the stream record of a contact that was created in an account."""

    def created(session: Session) -> dict[str, Any]:
        company = call("companies-create", {"name": "Acme"}, token=session.token).result["id"]
        body = {"first_name": "Ann", "company_id": company, "notes": "x" * 500}
        stream = Stream(stand_ins)
        contact = call("contacts-create", body, token=session.token).result
        image = {"kind": {"S": "contact"}, "sk": {"S": contact["id"]}}
        [record] = [each for each in stream.read() if image.items() <= each["dynamodb"].get("NewImage", {}).items()]
        return record

    return created


def test_receiver_that_takes_ten_seconds_delays_no_other(
    webhooks: Webhooks, world: World, user: Session, owner: Callable[..., Session], created: Created
) -> None:
    mine, other = "http://127.0.0.1:1/mine", owner()
    webhooks.register(SLOW, events=["contact.created"])
    webhooks.register(mine, events=["contact.created"])  # another endpoint of the account, for the same events
    webhooks.register(QUICK, events=["contact.created"], session=other)
    world.changes(created(user), 1_000, 5)
    world.changes(created(other), 90, 30)
    world.time.run(lambda: world.time.seconds > 30 + PROMISED)
    assert len(world.delays(mine)) == 1_000
    assert max(world.delays(mine)) < PROMISED
    assert len(world.delays(QUICK)) == 90
    assert max(world.delays(QUICK)) < PROMISED
    waiting = 1_000 - len(world.delays(SLOW))
    assert waiting > 500  # there was a backlog all the time


def test_burst_of_five_thousand_changes_delays_no_other_account_and_loses_nothing(
    webhooks: Webhooks, world: World, user: Session, owner: Callable[..., Session], created: Created
) -> None:
    mine, others = "http://127.0.0.1:1/mine", [owner() for _ in range(3)]
    webhooks.register(mine, events=["contact.created"])
    for each in others:
        webhooks.register(QUICK, events=["contact.created"], session=each)
    burst = created(user)
    # As fast as a partition of the table accepts writes. The first of the others shares a stream worker with the burst.
    world.changes(burst, 5_000, 5)
    for each, worker in zip(others, (stream_worker(burst), None, None), strict=True):
        world.changes(created(each), 16, 8, worker)
    world.time.run(lambda: world.time.seconds > 8 + PROMISED)
    assert len(world.delays(QUICK)) == 16 * 3
    assert max(world.delays(QUICK)) < PROMISED
    assert len(world.delays(mine)) == 5_000
    assert {len(each) for each in world.ids.values()} == {1}
    assert not any(world.simulation.queue(name).visible for name in ("DeadLetters", "WebhookEventDeadLetters"))


@pytest.mark.parametrize(
    ("broken", "part", "dead_letters"),
    [
        (fanout, "start", "WebhookEventDeadLetters"),
        (signing, "headers", "DeadLetters"),
    ],
)
def test_failing_message_becomes_a_dead_letter_and_is_delivered_once_after_its_redrive(
    webhooks: Webhooks,
    world: World,
    user: Session,
    created: Created,
    monkeypatch: pytest.MonkeyPatch,
    broken: Any,
    part: str,
    dead_letters: str,
) -> None:
    endpoint, record = webhooks.register(QUICK, events=["contact.created"]), created(user)
    world.changes(record, 10, 0.1)
    world.time.run(lambda: len(world.changed) == 10)
    poison = list(world.changed)[4]
    original, tries = getattr(broken, part), []

    def fail(*arguments: Any) -> Any:
        if poison in str(arguments):
            tries.append(world.time.seconds)
            raise RuntimeError("an error that a new version fixes")
        return original(*arguments)

    monkeypatch.setattr(broken, part, fail)
    dead = world.simulation.queue(dead_letters)
    world.time.run(lambda: len(dead.visible) == 1)
    assert len(tries) == 5
    assert len(world.delays(QUICK)) == 9
    assert max(world.delays(QUICK)) < PROMISED

    monkeypatch.setattr(broken, part, original)
    letter = dead.visible[0]
    dead.redrive()
    letter.source.send(letter.body)  # twice, as it may happen
    world.time.run(
        lambda: len(world.received) == 10 and not any(each.busy for each in world.simulation.queues.values())
    )
    assert all(len(times) == 1 for times in world.received.values())
    log = webhooks.deliveries(endpoint)
    assert len(log) == 10
    assert {(each["status"], len(each["attempts"])) for each in log} == {("succeeded", 1)}
