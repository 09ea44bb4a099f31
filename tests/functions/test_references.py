"""Test references between records and their computed names."""

import uuid
from collections.abc import Callable
from typing import Any, Final

import pytest

from tests.harness.accounts import Account
from tests.harness.gateway import Session

Accounts = Callable[[], Account]

# resource, field, what it points to, computed name, code when malformed, code when there is nothing
REFERENCES: Final = [
    ("contacts", "company_id", "companies", "company_name", "invalid_company_id", "invalid_company_id"),
    ("contacts", "source_id", "sources", "source_name", "invalid_source_id", "invalid_source_id"),
    ("projects", "company_id", "companies", "company_name", "invalid_company_id", "invalid_company_id"),
    ("activities", "contact_id", "contacts", "contact_name", "invalid_id", "invalid_request"),
    ("activities", "company_id", "companies", "company_name", "invalid_id", "invalid_request"),
    ("activities", "project_id", "projects", "project_name", "invalid_id", "invalid_request"),
]


@pytest.mark.parametrize(("resource", "field", "target", "name", "malformed", "missing"), REFERENCES)
def test_a_reference_is_a_record_of_the_account_under_its_current_name(
    account: Account,
    accounts: Accounts,
    resource: str,
    field: str,
    target: str,
    name: str,
    malformed: str,
    missing: str,
) -> None:
    pointed = account.creates(target)
    record = account.creates(resource, **{field: pointed["id"].upper()})
    assert record[field] == pointed["id"]
    label = "first_name" if target == "contacts" else "name"
    assert record[name] == pointed[label]
    account.updates(target, pointed, **{label: "Renamed"})
    assert account.gets(resource, record)[name] == "Renamed"
    [listed] = account.does(f"{resource}-list")["items"]
    assert listed[name] == "Renamed"

    least = {"first_name": "Ada", "name": "Engine", "activity_type": "call"}
    for bad in ("", " ", "x", uuid.uuid4().hex):
        assert account(f"{resource}-create", least | {field: bad}).code == f"{resource}.{malformed}"
    absent = account(f"{resource}-create", least | {field: str(uuid.uuid4())})
    foreign = account(f"{resource}-create", least | {field: accounts().creates(target)["id"]})
    another = account.creates("sources" if target != "sources" else "companies")
    of_another_kind = account(f"{resource}-create", least | {field: another["id"]})
    for answer in (absent, foreign, of_another_kind):
        assert answer.code == f"{resource}.{missing}"
        assert answer.body["error"]["details"][0]["field"] == field
        answer.body["error"].pop("request_id")
    assert absent.body == foreign.body == of_another_kind.body
    assert account(f"{resource}-create", least | {field: 1}).code == f"{resource}.invalid_request"


@pytest.mark.parametrize(("resource", "field", "target", "name", "malformed", "missing"), REFERENCES[:3])
def test_a_reference_can_be_moved_and_cleared(
    account: Account, resource: str, field: str, target: str, name: str, malformed: str, missing: str
) -> None:
    one, other = account.creates(target), account.creates(target, name="Other")
    record = account.creates(resource, **{field: one["id"]})
    moved = account.updates(resource, record, **{field: other["id"]})
    assert (moved[field], moved[name]) == (other["id"], "Other")
    for bad in ("x", str(uuid.uuid4())):
        code = account(f"{resource}-update", {"id": record["id"], field: bad}).code
        assert code == f"{resource}.{malformed if bad == 'x' else missing}"
    cleared = account.updates(resource, record, **{field: None})
    assert (cleared[field], cleared[name]) == (None, "")


def test_what_is_deleted_reads_as_null_at_once_and_can_be_named_no_more(account: Account) -> None:
    company = account.creates("companies")
    contact = account.creates("contacts", company_id=company["id"])
    account.deletes("companies", company)
    shown = account.gets("contacts", contact)
    assert shown == contact | {"company_id": None, "company_name": ""}
    # Clearing what reads as cleared changes nothing; the old id names nothing.
    assert account.updates("contacts", contact, company_id=None) == shown
    answer = account("contacts-update", {"id": contact["id"], "company_id": company["id"]})
    assert answer.code == "contacts.invalid_company_id"
    renamed = account.updates("contacts", contact, last_name="Lovelace")
    assert renamed["company_id"] is None


def test_an_archived_source_is_kept_but_assigned_to_no_more(account: Account) -> None:
    source = account.creates("sources")
    contact = account.creates("contacts", source_id=source["id"])
    account.does("sources-archive", {"id": source["id"]})
    assert account.gets("contacts", contact) == contact
    kept = account.updates("contacts", contact, source_id=source["id"], last_name="Byron")
    assert (kept["source_id"], kept["source_name"]) == (source["id"], source["name"])
    answer = account("contacts-create", {"first_name": "Ada", "source_id": source["id"]})
    assert answer.code == "contacts.invalid_source_id"
    account.updates("contacts", contact, source_id=None)
    again = account("contacts-update", {"id": contact["id"], "source_id": source["id"]})
    assert again.code == "contacts.invalid_source_id"
    account.does("sources-unarchive", {"id": source["id"]})
    assert account.updates("contacts", contact, source_id=source["id"])["source_id"] == source["id"]


def test_a_deactivated_user_keeps_projects_and_takes_no_new_ones(
    account: Account, member: Callable[[Session], Session]
) -> None:
    user = member(account.session).user
    project = account.creates("projects", assigned_to=user["id"].upper())
    assert (project["assigned_to"], project["assigned_name"]) == (user["id"], user["name"])
    account.does("users-set-active", {"user_id": user["id"], "active": False})
    assert account.gets("projects", project) == project
    kept = account.updates("projects", project, assigned_to=user["id"], stage="active")
    assert (kept["assigned_to"], kept["assigned_name"]) == (user["id"], user["name"])
    answer = account("projects-create", {"name": "Engine", "assigned_to": user["id"]})
    assert answer.code == "projects.invalid_assigned_to"


def test_only_users_of_the_account_are_assigned(account: Account, accounts: Accounts) -> None:
    answers = [
        account("projects-create", {"name": "Engine", "assigned_to": user_id})
        for user_id in ("x", "", str(uuid.uuid4()), accounts().session.user["id"])
    ]
    assert {answer.code for answer in answers} == {"projects.invalid_assigned_to"}


def test_an_app_writes_in_the_name_of_its_creator(
    account: Account, app: Callable[[Session], dict[str, Any]], call: Any
) -> None:
    token = app(account.session)["token"]
    contact = call("contacts-create", {"first_name": "Ada"}, token=token).result
    activity = call("activities-create", {"activity_type": "call", "contact_id": contact["id"]}, token=token).result
    assert contact["created_by"] == account.session.user["id"]
    assert activity["created_by_name"] == account.session.user["name"]
