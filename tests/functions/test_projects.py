"""Test projects, their stages, assignees and contacts."""

import uuid
from collections.abc import Callable
from typing import Any

import pytest

from tests.harness.accounts import Account
from tests.harness.wire import conflict

Accounts = Callable[[], Account]


def add(account: Account, project: Any, contact: Any, **role: Any) -> Any:
    body = {"project_id": project["id"], "contact_id": contact["id"], **role}
    return account.does("projects-contacts-add", body)


def contacts_of(account: Account, project: Any) -> list[Any]:
    page = account.does("projects-contacts-list", {"project_id": project["id"]})
    assert page["next_cursor"] == ""
    return list(page["items"])


def test_a_new_project_is_a_proposal_with_nothing_in_it(account: Account) -> None:
    project = account.does("projects-create", {"name": "Engine", "stage": None, "is_retainer": None, "tags": None})
    for name in ("id", "account_id", "created_by", "created_at", "updated_at"):
        assert project.pop(name)
    assert project == {
        "name": "Engine",
        "description": "",
        "stage": "proposal",
        "company_id": None,
        "company_name": "",
        "assigned_to": None,
        "assigned_name": "",
        "value": None,
        "start_date": None,
        "end_date": None,
        "is_retainer": False,
        "renewal_date": None,
        "notes": "",
        "tags": [],
        "custom_fields": {},
    }


def test_codes_come_in_the_order_of_the_contract(account: Account) -> None:
    nothing = str(uuid.uuid4())
    body: dict[str, Any] = {
        "name": " ",
        "stage": "won",
        "company_id": nothing,
        "assigned_to": nothing,
        "custom_fields": {"x": 1},
    }
    steps: list[tuple[str, Any]] = [
        ("name_required", {"name": "Engine"}),
        ("invalid_stage", {"stage": "review"}),
        ("invalid_company_id", {"company_id": account.creates("companies")["id"]}),
        ("invalid_assigned_to", {"assigned_to": account.session.user["id"]}),
        ("invalid_custom_fields", {"custom_fields": {}}),
    ]
    record = account.creates("projects")
    for code, remedy in steps:
        assert account("projects-create", body).code == f"projects.{code}"
        assert account("projects-update", {"id": record["id"], **body}).code == f"projects.{code}"
        body |= remedy
    assert account("projects-create", body).status == 200
    assert account("projects-update", {"id": record["id"], **body}).status == 200


def test_every_change_of_stage_is_allowed(account: Account) -> None:
    project = account.creates("projects", stage="archived")
    for stage in ("proposal", "complete", "active", "review", "archived"):
        assert account.updates("projects", project, stage=stage)["stage"] == stage
    for bad in ("", "Active", "won", None):
        assert account("projects-update", {"id": project["id"], "stage": bad}).code == "projects.invalid_stage"
    assert account("projects-create", {"name": "Engine", "stage": ""}).code == "projects.invalid_stage"


def test_a_retainer_is_true_or_false_and_cannot_be_cleared(account: Account) -> None:
    project = account.creates("projects", is_retainer=True)
    assert account.updates("projects", project, is_retainer=False)["is_retainer"] is False
    for bad in (None, 1, "true"):
        assert account("projects-update", {"id": project["id"], "is_retainer": bad}).code == "projects.invalid_request"


def test_projects_have_no_custom_fields(account: Account) -> None:
    definition = account.creates("custom-fields")
    project = account.creates("projects")
    bad: tuple[Any, ...] = ({definition["id"]: "x"}, {"x": None}, None)
    for fields in bad:
        answer = account("projects-update", {"id": project["id"], "custom_fields": fields})
        assert answer.code == "projects.invalid_custom_fields"
    assert account("projects-update", {"id": project["id"], "custom_fields": []}).code == "projects.invalid_request"
    assert account.updates("projects", project, custom_fields={}) == project


# --- Contacts ---------------------------------------------------------------------------------------


def test_contacts_are_in_a_project_in_the_order_they_were_added(account: Account) -> None:
    project = account.creates("projects")
    grace, ada = account.creates("contacts", first_name="Grace"), account.creates("contacts", last_name="Lovelace")
    first = add(account, project, {"id": ada["id"].upper()}, role="Sponsor")
    assert first == {
        "contact_id": ada["id"],
        "contact_name": "Ada Lovelace",
        "role": "Sponsor",
        "created_at": first["created_at"],
    }
    second = add(account, project, grace)
    assert second["role"] == ""
    assert contacts_of(account, project) == [first, second]
    account.updates("contacts", ada, last_name="Byron")
    assert contacts_of(account, project)[0]["contact_name"] == "Ada Byron"
    assert account.gets("projects", project) == project


def test_adding_again_updates_the_role_alone(account: Account) -> None:
    project, contact = account.creates("projects"), account.creates("contacts")
    item = add(account, project, contact, role="Sponsor")
    assert add(account, project, contact, role="Blocker") == item | {"role": "Blocker"}
    assert add(account, project, contact) == item | {"role": "Blocker"}
    assert add(account, project, contact, role=None) == item | {"role": ""}
    assert contacts_of(account, project) == [item | {"role": ""}]


def test_a_removed_contact_is_in_the_project_no_more(account: Account) -> None:
    project, contact = account.creates("projects"), account.creates("contacts")
    add(account, project, contact)
    pair = {"project_id": project["id"], "contact_id": contact["id"]}
    assert account.does("projects-contacts-remove", pair) == pair | {"deleted": True}
    assert contacts_of(account, project) == []
    assert account("projects-contacts-remove", pair).code == "contacts.not_found"
    assert account.gets("contacts", contact) == contact


@pytest.mark.parametrize("verb", ["add", "remove"])
def test_project_and_contact_must_be_of_the_account(account: Account, accounts: Accounts, verb: str) -> None:
    operation = f"projects-contacts-{verb}"
    project, contact = account.creates("projects")["id"], account.creates("contacts")["id"]
    other = accounts()
    for unknown in (str(uuid.uuid4()), other.creates("projects")["id"]):
        answer = account(operation, {"project_id": unknown, "contact_id": str(uuid.uuid4())})
        assert (answer.status, answer.code) == (404, "projects.not_found")
    for unknown in (str(uuid.uuid4()), other.creates("contacts")["id"]):
        answer = account(operation, {"project_id": project, "contact_id": unknown})
        assert (answer.status, answer.code) == (404, "contacts.not_found")
    bad: tuple[Any, ...] = (None, "", "x")
    for malformed in bad:
        for pair in (
            {"project_id": malformed, "contact_id": contact},
            {"project_id": project, "contact_id": malformed},
        ):
            assert account(operation, pair).code == "projects.invalid_id"
    assert account(operation, {"project_id": 1, "contact_id": contact}).code == "projects.invalid_request"


def test_the_contacts_of_an_unknown_project_are_not_found(account: Account, accounts: Accounts) -> None:
    for unknown in (str(uuid.uuid4()), accounts().creates("projects")["id"]):
        assert account("projects-contacts-list", {"project_id": unknown}).code == "projects.not_found"
    assert account("projects-contacts-list", {}).code == "projects.invalid_id"


def test_a_role_is_a_text_within_its_length(account: Account) -> None:
    project, contact = account.creates("projects"), account.creates("contacts")
    bad: tuple[Any, ...] = ("x" * 256, 1, "a\0")
    for role in bad:
        body = {"project_id": project["id"], "contact_id": contact["id"], "role": role}
        assert account("projects-contacts-add", body).code == "projects.invalid_request"


def test_adding_outlasts_conflicts_with_others(account: Account, inject: Callable[..., Any]) -> None:
    project, contact = account.creates("projects"), account.creates("contacts")
    injection = inject("TransactWriteItems", conflict("TransactionConflict", "None", "None", "None"), times=2)
    add(account, project, contact)
    assert injection.hits == 2
    assert len(contacts_of(account, project)) == 1
