"""Create, change, list and delete many records on the deployed system."""

from typing import Any

import pytest

from keel.storage.attribute_types import decode
from stack import Stack
from tests.e2e.conftest import eventually
from tests.harness.accounts import Account

pytestmark = pytest.mark.e2e


def stored(stack: Stack, account: Account) -> list[Any]:
    pages = stack.client("dynamodb").get_paginator("scan").paginate(TableName=stack.physical("Table"))
    items = [{name: decode(value) for name, value in item.items()} for page in pages for item in page["Items"]]
    return [item for item in items if item["pk"].startswith(account.session.account_id)]


def test_a_year_of_a_small_company(account: Account, stack: Stack) -> None:
    # Three minutes are for imports under way, of which there are none here.
    queue, at_once = stack.physical("CascadeQueue"), {"DelaySeconds": "0"}
    stack.client("sqs").set_queue_attributes(QueueUrl=queue, Attributes=at_once)
    me = account.session.user
    acme, globex = (account.creates("companies", name=name) for name in ("Acme", "Globex"))
    web, fair = (account.creates("sources", name=name) for name in ("Web", "Fair"))
    tier = account.creates("custom-fields", label="Tier", field_type="enum", options=["gold", "silver"])
    contacts = [
        account.creates(
            "contacts",
            first_name=name,
            last_name="Müller",
            company_id=company["id"],
            source_id=web["id"],
            custom_fields={tier["id"]: "gold"},
        )
        for name, company in (("Ada", acme), ("Grace", globex), ("Mary", acme))
    ]
    project = account.creates("projects", company_id=acme["id"], assigned_to=me["id"], value=100_000)
    for stage in ("active", "review", "complete"):
        account.updates("projects", project, stage=stage)
    for contact in contacts:
        pair = {"project_id": project["id"], "contact_id": contact["id"], "role": "User"}
        account.does("projects-contacts-add", pair)
    for activity_type in ("call", "email", "meeting"):
        pointers = {"contact_id": contacts[0]["id"], "company_id": acme["id"], "project_id": project["id"]}
        account.creates("activities", activity_type=activity_type, **pointers)

    account.updates("companies", acme, name="Acme GmbH")
    assert account.gets("contacts", contacts[0])["company_name"] == "Acme GmbH"
    assert len(account.does("contacts-list", {"search": "muller gmbh"})["items"]) == 2
    account.does("sources-archive", {"id": web["id"]})
    refused = account("contacts-create", {"first_name": "Eve", "source_id": web["id"]})
    assert refused.code == "contacts.invalid_source_id"
    assert account.does("sources-list")["items"] == [fair]

    account.deletes("companies", acme)
    account.deletes("contacts", contacts[2])
    account.deletes("custom-fields", tier)
    shown = account.gets("contacts", contacts[0])
    assert (shown["company_id"], shown["company_name"], shown["custom_fields"]) == (None, "", {})
    assert account.does("activities-list", {"company_id": acme["id"]})["items"] == []
    assert len(account.does("activities-list", {"project_id": project["id"]})["items"]) == 3
    left = account.does("projects-contacts-list", {"project_id": project["id"]})["items"]
    assert [each["contact_id"] for each in left] == [contacts[0]["id"], contacts[1]["id"]]

    gone = {acme["id"], contacts[2]["id"]}
    eventually(
        lambda: (
            not [
                item
                for item in stored(stack, account)
                if gone & {item.get("company_id"), item["sk"], *item["pk"].split("#")}
            ]
        )
    )
    assert account.gets("contacts", contacts[0]) == shown
