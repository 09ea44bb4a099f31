"""Test concurrent changes: nothing is lost, and no record points to a deleted one."""

import uuid
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any, Final

import pytest

from keel.records import references
from tests.harness.accounts import Account
from tests.harness.gateway import Answer
from tests.harness.streams import Pump
from tests.harness.wire import conflict, losing_answers

FIELDS: Final = ("last_name", "phone", "job_title", "address", "city", "state", "zip_code", "country")


def test_updates_of_different_fields_are_all_kept(account: Account) -> None:
    definitions = [account.creates("custom-fields")["id"] for _ in range(4)]
    contact = account.creates("contacts")
    patches: list[dict[str, Any]] = [{field: field.upper()} for field in FIELDS]
    patches += [{"custom_fields": {definition: definition}} for definition in definitions]
    patches += [{"tags": ["vip"]}]
    with ThreadPoolExecutor(len(patches)) as pool:
        results = list(pool.map(lambda patch: account.updates("contacts", contact, **patch), patches))
    final = account.gets("contacts", contact)
    for patch in patches[: len(FIELDS)]:
        assert final == final | patch
    assert final["custom_fields"] == dict(zip(definitions, definitions, strict=True))
    assert final["tags"] == ["vip"]
    assert final["updated_at"] == max(each["updated_at"] for each in results)


def test_an_update_of_what_is_deleted_meanwhile_brings_nothing_back(account: Account) -> None:
    contacts = [account.creates("contacts") for _ in range(6)]

    def race(contact: Any) -> list[Answer]:
        with ThreadPoolExecutor(2) as pool:
            update = pool.submit(account, "contacts-update", {"id": contact["id"], "last_name": "Byron"})
            delete = pool.submit(account, "contacts-delete", {"id": contact["id"]})
            return [update.result(), delete.result()]

    for update, delete in map(race, contacts):
        assert update.code in (None, "contacts.not_found")
        assert delete.status == 200
    assert account.does("contacts-list")["items"] == []
    assert account.does("contacts-list", {"search": "Ada"})["items"] == []


def test_one_of_many_deletions_succeeds(account: Account) -> None:
    contact = account.creates("contacts")
    with ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(lambda _: account("contacts-delete", {"id": contact["id"]}), range(8)))
    assert sorted(answer.status for answer in answers) == [200] + [404] * 7


@pytest.mark.parametrize("operation", ["contacts-create", "contacts-update"])
def test_what_is_deleted_between_check_and_write_is_not_pointed_to(
    account: Account, monkeypatch: pytest.MonkeyPatch, operation: str
) -> None:
    company, contact = account.creates("companies"), account.creates("contacts")
    check = references.check
    deleted: list[str] = []

    def check_and_lose(*arguments: Any) -> Any:
        writes = check(*arguments)
        if not deleted:
            deleted.append(company["id"])
            account.deletes("companies", company)
        return writes

    monkeypatch.setattr(references, "check", check_and_lose)
    answer = account(operation, {"id": contact["id"], "first_name": "Grace", "company_id": company["id"]})
    assert deleted
    assert answer.code == "contacts.invalid_company_id"
    assert account.does("contacts-list")["items"] == [contact]


def test_a_source_archived_between_check_and_write_is_not_assigned(
    account: Account, monkeypatch: pytest.MonkeyPatch
) -> None:
    source = account.creates("sources")
    check = references.check
    archived: list[Any] = []

    def check_and_lose(*arguments: Any) -> Any:
        writes = check(*arguments)
        if not archived:
            archived.append(source)
            archived[:] = [account.does("sources-archive", {"id": source["id"]})]
        return writes

    monkeypatch.setattr(references, "check", check_and_lose)
    answer = account("contacts-create", {"first_name": "Ada", "source_id": source["id"]})
    assert answer.code == "contacts.invalid_source_id"


def test_nothing_points_to_a_company_that_was_deleted_while_contacts_came(account: Account, pump: Pump) -> None:
    company = account.creates("companies")

    def create(_number: int) -> Answer:
        return account("contacts-create", {"first_name": "Ada", "company_id": company["id"]})

    with ThreadPoolExecutor(6) as pool:
        creations = [pool.submit(create, number) for number in range(20)]
        deletion = pool.submit(account, "companies-delete", {"id": company["id"]})
        creations += [pool.submit(create, number) for number in range(10)]
    assert deletion.result().status == 200
    created = [answer for answer in (each.result() for each in creations) if answer.status == 200]
    assert {each.result().code for each in creations} <= {None, "contacts.invalid_company_id"}
    shown = account.does("contacts-list", {"limit": 100})["items"]
    assert len(shown) == len(created)
    assert {each["company_id"] for each in shown} <= {None}
    pump("event_publisher", "cascade_worker")
    assert not [item for item in account.items() if item.get("company_id") or company["id"] in item["pk"]]


def test_a_change_whose_answer_is_lost_on_the_way_is_made_once_and_told_as_made(
    account: Account, call: Callable[..., Answer]
) -> None:
    registration = {"email": f"{uuid.uuid4().hex}@example.com", "password": "twelve monkeys", "name": "Ada"}
    with losing_answers("TransactWriteItems"):
        assert call("auth-register", registration).status == 200
        contact = account.creates("contacts", email="ada@example.com")
        changed = account.updates("contacts", contact, email="byron@example.com")
        assert account.does("contacts-list")["items"] == [changed]
        account.deletes("contacts", contact)
        account.deletes("oauth-apps", account.does("oauth-apps-create", {"name": "App"})["app"])
        hook = {"url": "http://127.0.0.1:9/", "events": ["contact.created"]}
        account.deletes("webhooks", account.does("webhooks-create", hook)["endpoint"])
    assert [account.does(f"{each}-list")["items"] for each in ("contacts", "oauth-apps", "webhooks")] == [[], [], []]


@pytest.mark.parametrize("verb", ["create", "update", "delete"])
def test_conflicts_that_do_not_end_are_a_fault_and_change_nothing(
    account: Account, inject: Callable[..., Any], monkeypatch: pytest.MonkeyPatch, verb: str
) -> None:
    monkeypatch.setattr("keel.storage.table.pauses", lambda: iter((0.0, 0.0, 0.0)))
    contact = account.creates("contacts")
    injection = inject("TransactWriteItems", conflict("TransactionConflict", "None"), times=100)
    answer = account(f"contacts-{verb}", {"id": contact["id"], "first_name": "Grace"})
    assert injection.hits == 3
    assert answer.code == "contacts.internal"
    injection.hits = injection.times
    assert account.does("contacts-list")["items"] == [contact]
