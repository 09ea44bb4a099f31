"""Compare the example events in the documentation with real ones."""

import json
import re
from typing import Any

import template
from tests.harness.accounts import Account
from tests.harness.streams import matches


def examples(page: str) -> list[Any]:
    text = (template.ROOT / "docs" / f"{page}.md").read_text()
    return [json.loads(block) for block in re.findall(r"```json\n(.*?)```", text, re.DOTALL)]


def test_an_event_has_the_fields_that_the_page_shows() -> None:
    [record] = json.loads((template.ROOT / "events/webhook_fanout/contact_created.json").read_text())["Records"]
    sent = json.loads(record["body"])
    shown, pattern = examples("events")
    assert shown.keys() <= sent.keys()
    assert shown["detail"].keys() == sent["detail"].keys()
    assert shown["detail"]["data"].keys() <= sent["detail"]["data"].keys()
    assert matches(pattern, shown)
    assert not matches(pattern, sent)  # of another account
    assert not matches(pattern, shown | {"detail-type": "company.updated"})


def test_a_page_of_a_list_has_the_fields_that_the_guide_shows(call: Any, account: Account) -> None:
    [shown] = examples("pagination")
    assert call("contacts-list", {}, token=account.session.token).result == shown
