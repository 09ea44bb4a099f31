"""Test that pages of the largest records fit into a response."""

import json
from collections.abc import Callable
from typing import Any

from keel import clock, ids
from tests.harness.accounts import Account
from tests.harness.functions import Functions

WIDE = "\U0001f44b"  # four bytes here, twelve in what a function of Python 3.11 answers with
MOST = 6 * 1024 * 1024


def walked(account: Account, operation: str, **asked: Any) -> tuple[list[str], int]:
    """The ids of a whole list, and the number of its pages, each of which fits into what Lambda lets through."""
    found, cursor, pages = list[str](), "", 0
    while pages == 0 or cursor:
        answer = account(operation, {"limit": 100, "cursor": cursor, **asked})
        page = answer.result
        assert page["items"]
        assert len(json.dumps({"body": json.dumps(answer.body, ensure_ascii=False)})) < MOST
        found += [each["id"] for each in page["items"]]
        cursor, pages = page["next_cursor"], pages + 1
    return found, pages


def test_a_page_ends_where_an_answer_would_become_too_large(account: Account) -> None:
    fields = [account.creates("custom-fields", label=str(number))["id"] for number in range(4)]
    widest = WIDE * 10_000
    contacts = [
        account.creates("contacts", notes=widest, custom_fields=dict.fromkeys(fields, widest)) for _ in range(26)
    ]
    ids_, pages = walked(account, "contacts-list")
    assert ids_ == [each["id"] for each in reversed(contacts)]
    assert pages == 4


def test_a_page_of_imports_ends_where_an_answer_would_become_too_large(account: Account) -> None:
    columns = {f"{number}{WIDE * 7_000}": "first_name" for number in range(7)}
    asked = {"model_type": "contacts", "file_name": "a.csv", "column_mapping": columns}
    jobs = [account.does("imports-request-upload", asked)["job_id"] for _ in range(20)]
    ids_, pages = walked(account, "imports-list")
    assert sorted(ids_) == sorted(jobs)
    assert pages == 3


def test_a_page_of_deliveries_ends_where_an_answer_would_become_too_large(
    account: Account, functions: Functions, setting: Callable[..., None]
) -> None:
    setting(WEBHOOK_EXEMPT_HOSTS="127.0.0.1")
    made = {"url": "http://127.0.0.1:9/", "events": ["contact.created"]}
    endpoint = account.does("webhooks-create", made)["endpoint"]["id"]
    with functions.running("webhooks"):
        from keel.storage import table
        from keel.webhooks import deliveries, endpoints

        stored = endpoints.find(account.session.account_id, endpoint)
        payload, now = {"event": "contact.created", "data": WIDE * 60_000}, clock.now()
        items = [deliveries.build(stored, ids.mint(now), payload, now) for _ in range(20)]
        table.batch_write([item.serialize() for item in items])
    ids_, pages = walked(account, "webhooks-deliveries", endpoint_id=endpoint)
    assert ids_ == sorted((each.id for each in items), reverse=True)
    assert pages == 4
