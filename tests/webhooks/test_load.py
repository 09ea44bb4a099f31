"""Does a load keep anybody waiting who has nothing to do with it? A slow receiver, a burst and poison, at full size."""

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
from tests.harness.simulation import Simulation, copied, lane_of
from tests.harness.stand_ins import StandIns
from tests.harness.streams import Stream
from tests.webhooks.conftest import Registered

PROMISED = 5.0
SLOW, QUICK = "http://127.0.0.1:1/slow", "http://127.0.0.1:1/quick"

Created = Callable[[Session], dict[str, Any]]


class World:
    """The simulation, what is changed in it, and what its receivers are told."""

    def __init__(self, simulation: Simulation) -> None:
        self.simulation, self.time = simulation, simulation.time
        self.changed: dict[str, float] = {}  # by record
        self.told: dict[tuple[str, str], list[float]] = {}  # by URL and record
        self.ids: dict[tuple[str, str], set[str]] = {}

    def post(self, url: str, body: bytes, headers: dict[str, str], **_: Any) -> Outcome:
        told = url, json.loads(body)["data"]["id"]
        self.told.setdefault(told, []).append(self.time.seconds)
        self.ids.setdefault(told, set()).add(headers["webhook-id"])
        self.time.sleep(10 if url == SLOW else 0.05)
        return Outcome(None, "There was no complete response.", 10_000) if url == SLOW else Outcome(200, "", 50)

    def change(self, record: dict[str, Any], lane: int | None = None) -> None:
        """A record is created now, like this one of the stream."""
        now = self.time.now()
        id_ = ids.mint(now)
        self.changed[id_] = self.time.seconds
        self.simulation.commit(copied(record, id_, now), lane)

    def changes(self, record: dict[str, Any], times: int, seconds: float, lane: int | None = None) -> None:
        """So many records are created, spread over so many seconds from now."""
        for at in range(times):
            self.time.after(at * seconds / times, partial(self.change, record, lane))

    def delays(self, url: str) -> list[float]:
        """How long each change took to its first attempt."""
        return [told[0] - self.changed[id_] for (to, id_), told in self.told.items() if to == url]


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
    monkeypatch.setattr(fanout, "_cached", {})
    with simulation.running():
        yield world


@pytest.fixture
def created(call: Call, stand_ins: StandIns) -> Created:
    """`created(session)`: the stream's record of a contact that was created in an account."""

    def created(session: Session) -> dict[str, Any]:
        company = call("companies-create", {"name": "Acme"}, token=session.token).result["id"]
        body = {"first_name": "Ann", "company_id": company, "notes": "x" * 500}
        stream = Stream(stand_ins)
        contact = call("contacts-create", body, token=session.token).result
        image = {"kind": {"S": "contact"}, "sk": {"S": contact["id"]}}
        [record] = [each for each in stream.read() if image.items() <= each["dynamodb"].get("NewImage", {}).items()]
        return record

    return created


def test_receiver_of_ten_seconds_with_a_thousand_events_delays_no_other(
    world: World,
    user: Session,
    owner: Callable[..., Session],
    register: Callable[..., Registered],
    created: Created,
) -> None:
    mine, other = "http://127.0.0.1:1/mine", owner()
    register(SLOW, events=["contact.created"])
    register(mine, events=["contact.created"])  # another endpoint of the account, told of the same thousand
    register(QUICK, events=["contact.created"], session=other)
    world.changes(created(user), 1_000, 5)
    world.changes(created(other), 90, 30)
    world.time.run(lambda: world.time.seconds > 30 + PROMISED)
    assert len(world.delays(mine)) == 1_000
    assert max(world.delays(mine)) < PROMISED
    assert len(world.delays(QUICK)) == 90
    assert max(world.delays(QUICK)) < PROMISED
    waiting = 1_000 - len(world.delays(SLOW))
    assert waiting > 500  # all the time there was a backlog


def test_burst_of_five_thousand_changes_in_an_account_delays_and_drops_nothing_of_others(
    world: World,
    user: Session,
    owner: Callable[..., Session],
    register: Callable[..., Registered],
    created: Created,
) -> None:
    mine, others = "http://127.0.0.1:1/mine", [owner() for _ in range(3)]
    register(mine, events=["contact.created"])
    for each in others:
        register(QUICK, events=["contact.created"], session=each)
    burst = created(user)
    # As fast as a partition of the table takes writes; and the first of the others shares its reader of the stream.
    world.changes(burst, 5_000, 5)
    for each, lane in zip(others, (lane_of(burst), None, None), strict=True):
        world.changes(created(each), 16, 8, lane)
    world.time.run(lambda: world.time.seconds > 8 + PROMISED)
    assert len(world.delays(QUICK)) == 16 * 3
    assert max(world.delays(QUICK)) < PROMISED
    assert len(world.delays(mine)) == 5_000
    assert {len(each) for each in world.ids.values()} == {1}
    assert not any(world.simulation.queue(name).visible for name in ("DeadLetters", "WebhookEventDeadLetters"))


@pytest.mark.parametrize(
    ("broken", "part", "dead_letters"),
    [
        (fanout, "_start", "WebhookEventDeadLetters"),
        (signing, "headers", "DeadLetters"),
    ],
)
def test_poison_goes_aside_after_five_tries_and_redriven_leaves_no_trace(
    world: World,
    user: Session,
    register: Callable[..., Registered],
    created: Created,
    deliveries: Callable[..., list[dict[str, Any]]],
    monkeypatch: pytest.MonkeyPatch,
    broken: Any,
    part: str,
    dead_letters: str,
) -> None:
    made, record = register(QUICK, events=["contact.created"]), created(user)
    world.changes(record, 10, 0.1)
    world.time.run(lambda: len(world.changed) == 10)
    poison = list(world.changed)[4]
    works, tries = getattr(broken, part), []

    def breaks(*arguments: Any) -> Any:
        if poison in str(arguments):
            tries.append(world.time.seconds)
            raise RuntimeError("a fault that a new version will not have")
        return works(*arguments)

    monkeypatch.setattr(broken, part, breaks)
    aside = world.simulation.queue(dead_letters)
    world.time.run(lambda: len(aside.visible) == 1)
    assert len(tries) == 5
    assert len(world.delays(QUICK)) == 9
    assert max(world.delays(QUICK)) < PROMISED

    monkeypatch.setattr(broken, part, works)
    letter = aside.visible[0]
    aside.redrive()
    letter.source.send(letter.body)  # twice, as it may happen
    world.time.run(lambda: len(world.told) == 10 and not any(each.busy for each in world.simulation.queues.values()))
    assert all(len(times) == 1 for times in world.told.values())
    log = deliveries(made)
    assert len(log) == 10
    assert {(each["status"], len(each["attempts"])) for each in log} == {("succeeded", 1)}
