"""Test that imports emit the events of what they write."""

import json
import time
from collections import Counter
from typing import Any

from tests.harness.gateway import Session
from tests.imports.conftest import Importer
from tests.webhooks.conftest import Webhooks
from tests.webhooks.receivers import Receiver


def test_import_and_its_undo_emit_one_event_for_each_record(
    webhooks: Webhooks, call: Any, invoke: Any, stand_ins: Any, user: Session, receiver: Receiver
) -> None:
    importer = Importer(call, invoke, stand_ins, user)
    old = webhooks.call("contacts-create", {"first_name": "Old", "email": "old@example.com"}).result
    webhooks.deliver()
    events = [f"{kind}.{action}" for kind in ("contact", "company") for action in ("created", "updated", "deleted")]
    webhooks.register(receiver.url, events=events)
    rows = "first_name,email,company_name\n" + "".join(f"P{at},p{at}@example.com,Acme\n" for at in range(20))
    mapping = {name: name for name in ("first_name", "email", "company_name")}
    job = importer.run(rows + "New,old@example.com,\n", mapping, duplicate_handling="update")
    assert (job["created_count"], job["updated_count"]) == (20, 1)
    webhooks.deliver()
    # Most are deferred for a second, until the first deliveries show that the endpoint responds.
    deadline = time.monotonic() + 30
    while len(receiver.received) < 22 and time.monotonic() < deadline:
        webhooks.deliver()
    payloads = [json.loads(each.body) for each in receiver.received]
    assert Counter(each["event"] for each in payloads) == {
        "contact.created": 20,
        "company.created": 1,
        "contact.updated": 1,
    }
    [updated] = [each["data"] for each in payloads if each["event"] == "contact.updated"]
    assert (updated["id"], updated["first_name"]) == (old["id"], "New")
    assert len({each["data"]["id"] for each in payloads}) == 22

    receiver.received.clear()
    importer.undo(job["id"])
    webhooks.deliver()
    undone = Counter(json.loads(each.body)["event"] for each in receiver.received)
    assert undone == {"contact.deleted": 20, "company.deleted": 1, "contact.updated": 1}
