"""Do imports tell what they write, as any other change is told?"""

import json
import time
from collections import Counter
from collections.abc import Callable
from typing import Any

from tests.harness.gateway import Session
from tests.imports.conftest import Importer
from tests.webhooks.conftest import Registered
from tests.webhooks.receivers import Receiver


def test_import_and_its_undoing_tell_every_record_once(
    call: Any,
    invoke: Any,
    stand_ins: Any,
    user: Session,
    register: Callable[..., Registered],
    listening: Receiver,
    flow: Callable[..., None],
) -> None:
    importer = Importer(call, invoke, stand_ins, user)
    old = call("contacts-create", {"first_name": "Old", "email": "old@example.com"}, token=user.token).result
    flow()
    events = [f"{kind}.{action}" for kind in ("contact", "company") for action in ("created", "updated", "deleted")]
    register(listening.url, events=events)
    rows = "first_name,email,company_name\n" + "".join(f"P{at},p{at}@example.com,Acme\n" for at in range(20))
    mapping = {name: name for name in ("first_name", "email", "company_name")}
    job = importer.run(rows + "New,old@example.com,\n", mapping, duplicate_handling="update")
    assert (job["created_count"], job["updated_count"]) == (20, 1)
    flow()
    # Most wait for a second, until the first have told that the endpoint answers.
    deadline = time.monotonic() + 30
    while len(listening.received) < 22 and time.monotonic() < deadline:
        flow()
    told = [json.loads(each.body) for each in listening.received]
    assert Counter(each["event"] for each in told) == {
        "contact.created": 20,
        "company.created": 1,
        "contact.updated": 1,
    }
    [updated] = [each["data"] for each in told if each["event"] == "contact.updated"]
    assert (updated["id"], updated["first_name"]) == (old["id"], "New")
    assert len({each["data"]["id"] for each in told}) == 22

    listening.received.clear()
    importer.undo(job["id"])
    flow()
    undone = Counter(json.loads(each.body)["event"] for each in listening.received)
    assert undone == {"contact.deleted": 20, "company.deleted": 1, "contact.updated": 1}
