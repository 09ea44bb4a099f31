"""Do webhooks leave the deployed system? Written over HTTP, received over HTTP, with everything in between."""

import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from keel.webhooks.schemas import EVENTS
from tests.conftest import Call
from tests.e2e.conftest import eventually
from tests.harness.gateway import Session
from tests.webhooks.receivers import Received, Receiver, receiver

pytestmark = pytest.mark.e2e


@pytest.fixture
def listening() -> Iterator[Receiver]:
    with receiver() as found:
        yield found


def register(call: Call, session: Session, url: str, events: list[str]) -> tuple[str, str]:
    made = call("webhooks-create", {"url": url, "events": events}, token=session.token).result
    return made["endpoint"]["id"], made["secret"]


def told(listening: Receiver, event: str, record_id: str) -> Received:
    """The delivery of an event of a record; it waits for it."""

    def look() -> Received | None:
        wanted = (f'"event":"{event}"', f'"id":"{record_id}"')
        found = [each for each in listening.received if all(part in each.body.decode() for part in wanted)]
        return found[0] if found else None

    found = eventually(look)
    assert isinstance(found, Received)
    return found


def test_all_twelve_events_arrive_signed(call: Call, owner: Callable[..., Session], listening: Receiver) -> None:
    session = owner()
    _, secret = register(call, session, listening.url, sorted(EVENTS))

    def act(operation: str, body: dict[str, Any]) -> dict[str, Any]:
        result: dict[str, Any] = call(operation, body, token=session.token).result
        return result

    company = act("companies-create", {"name": "Acme"})
    contact = act("contacts-create", {"first_name": "Ann", "company_id": company["id"]})
    project = act("projects-create", {"name": "Site", "company_id": company["id"]})
    activity = act("activities-create", {"activity_type": "call", "contact_id": contact["id"]})
    kinds = {"companies": company, "contacts": contact, "projects": project, "activities": activity}
    names = {"companies": "company", "contacts": "contact", "projects": "project", "activities": "activity"}
    changes: dict[str, dict[str, Any]] = {
        "companies": {"notes": "x"},
        "contacts": {"notes": "x"},
        "projects": {"notes": "x"},
        "activities": {"metadata": {"notes": "x"}},
    }
    for resource, record in kinds.items():
        event = told(listening, f"{names[resource]}.created", record["id"]).verified(secret)
        assert event["data"] == record
        changed = act(f"{resource}-update", {"id": record["id"], **changes[resource]})
        assert told(listening, f"{names[resource]}.updated", record["id"]).verified(secret)["data"] == changed
    for resource in ("activities", "projects", "contacts", "companies"):
        act(f"{resource}-delete", {"id": kinds[resource]["id"]})
        told(listening, f"{names[resource]}.deleted", kinds[resource]["id"]).verified(secret)


def test_failed_delivery_comes_again_by_itself_under_the_same_id(
    call: Call, owner: Callable[..., Session], listening: Receiver
) -> None:
    session = owner()
    listening.answers = [500]
    endpoint_id, secret = register(call, session, listening.url, ["contact.created"])
    call("contacts-create", {"first_name": "Ann"}, token=session.token)
    eventually(lambda: len(listening.received) == 2)
    first, second = listening.received
    assert first.id == second.id
    assert first.body == second.body
    second.verified(secret)

    def succeeded() -> Any:
        body = {"endpoint_id": endpoint_id, "status": "succeeded"}
        return call("webhooks-deliveries", body, token=session.token).result["items"]

    [delivery] = eventually(succeeded)
    assert [each["status_code"] for each in delivery["attempts"]] == [500, 200]
    again = call("webhooks-redeliver", {"delivery_id": delivery["id"]}, token=session.token).result
    assert again["status"] == "succeeded"
    assert listening.received[2].id == first.id


def test_gone_disables_the_endpoint(call: Call, owner: Callable[..., Session], listening: Receiver) -> None:
    session = owner()
    listening.default = 410
    endpoint_id, _ = register(call, session, listening.url, ["contact.created"])
    call("contacts-create", {"first_name": "Ann"}, token=session.token)

    def disabled() -> Any:
        shown = call("webhooks-get", {"id": endpoint_id}, token=session.token).result
        return None if shown["is_active"] else shown

    assert "410" in eventually(disabled)["disabled_reason"]
    assert len(listening.received) == 1


def test_rotation_refuses_nothing(call: Call, owner: Callable[..., Session], listening: Receiver) -> None:
    session = owner()
    endpoint_id, old = register(call, session, listening.url, ["contact.created"])
    new = call("webhooks-rotate-secret", {"id": endpoint_id}, token=session.token).result["secret"]
    contact = call("contacts-create", {"first_name": "Ann"}, token=session.token).result
    received = told(listening, "contact.created", contact["id"])
    assert received.verified(old) == received.verified(new)


def test_slow_receiver_keeps_nobody_waiting(call: Call, owner: Callable[..., Session], listening: Receiver) -> None:
    session, other = owner(), owner()
    with receiver() as slow:
        slow.before_answer = lambda: time.sleep(9)
        register(call, session, slow.url, ["contact.created"])
        register(call, session, listening.url, ["contact.created"])
        register(call, other, listening.url, ["company.created"])
        contacts = [call("contacts-create", {"first_name": "Ann"}, token=session.token).result for _ in range(20)]
        company = call("companies-create", {"name": "Acme"}, token=other.token).result
        told(listening, "company.created", company["id"])
        for contact in contacts:
            told(listening, "contact.created", contact["id"])
        # All of them were told before the slow one had answered its share.
        assert len(slow.received) < len(contacts)
