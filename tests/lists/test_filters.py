"""Test every filter of every list, alone and combined."""

import uuid

import pytest

UNKNOWN = str(uuid.uuid4())


def names(page):
    return [item.get("first_name") or item.get("name") for item in page["items"]]


def test_contacts_are_filtered_by_every_filter_and_any_mix(ask):
    acme, beta = (ask("companies-create", name=name)["id"] for name in ("Acme", "Beta"))
    web, fair = (ask("sources-create", name=name)["id"] for name in ("Web", "Fair"))
    ask("contacts-create", first_name="A", company_id=acme, source_id=web, tags=["x", "y"])
    ask("contacts-create", first_name="B", company_id=beta, source_id=web, tags=["x"])
    ask("contacts-create", first_name="C", company_id=acme, source_id=fair, tags=["y"])
    ask("contacts-create", first_name="D")

    def listed(**filters):
        return names(ask("contacts-list", **filters))

    assert listed(company_id=acme) == ["C", "A"]
    assert listed(company_id=acme.upper()) == ["C", "A"]
    assert listed(company_ids=[acme, beta, UNKNOWN]) == ["C", "B", "A"]
    assert listed(source_ids=[web]) == ["B", "A"]
    assert listed(tags=["x"]) == ["B", "A"]
    assert listed(tags=["y", "x", " x "]) == ["A"]
    assert listed(tags=["X"]) == []
    assert listed(company_id=acme, tags=["y"], source_ids=[web, fair]) == ["C", "A"]
    assert listed(company_ids=[beta], source_ids=[fair]) == []
    assert listed(company_id=UNKNOWN) == []
    assert listed(tags=[], company_ids=[], source_ids=[], company_id=None, search="") == ["D", "C", "B", "A"]


def test_companies_are_filtered_by_tags(ask):
    ask("companies-create", name="A", tags=["x", "y"])
    ask("companies-create", name="B", tags=["y"])
    assert names(ask("companies-list", tags=["y"])) == ["B", "A"]
    assert names(ask("companies-list", tags=["y", "x"])) == ["A"]


def test_projects_are_filtered_by_every_filter_and_any_mix(ask):
    acme = ask("companies-create", name="Acme")["id"]
    ada = ask("auth-me")["id"]
    ask("projects-create", name="A", company_id=acme, assigned_to=ada, stage="active", tags=["x"])
    ask("projects-create", name="B", company_id=acme, tags=["x"])
    ask("projects-create", name="C", assigned_to=ada, stage="active")

    def listed(**filters):
        return names(ask("projects-list", **filters))

    assert listed(company_id=acme) == ["B", "A"]
    assert listed(assigned_to=ada) == ["C", "A"]
    assert listed(stage="active") == ["C", "A"]
    assert listed(stage="proposal") == ["B"]
    assert listed(stage="active", company_id=acme, assigned_to=ada, tags=["x"]) == ["A"]


def test_activities_are_filtered_by_what_they_point_to_and_by_type(ask):
    acme = ask("companies-create", name="Acme")["id"]
    grace = ask("contacts-create", first_name="Grace", company_id=acme)["id"]
    project = ask("projects-create", name="P")["id"]
    a = ask("activities-create", activity_type="call", contact_id=grace, company_id=acme)["id"]
    b = ask("activities-create", activity_type="email", contact_id=grace, project_id=project)["id"]
    c = ask("activities-create", activity_type="meeting", company_id=acme)["id"]

    def listed(**filters):
        return [item["id"] for item in ask("activities-list", **filters)["items"]]

    assert listed(contact_id=grace) == [b, a]
    assert listed(company_id=acme) == [c, a]
    assert listed(project_id=project) == [b]
    assert listed(types=["call", "meeting"]) == [c, a]
    assert listed(types=["meeting", "email"], contact_id=grace) == [b]
    assert listed(types=[]) == [c, b, a]


def test_a_changed_record_is_found_by_its_new_values_only(ask):
    acme, beta = (ask("companies-create", name=name)["id"] for name in ("Acme", "Beta"))
    grace = ask("contacts-create", first_name="Grace", company_id=acme, tags=["x", "y"])["id"]
    ask("contacts-update", id=grace, company_id=beta, tags=["y", "z"])
    assert names(ask("contacts-list", company_id=acme)) == []
    assert names(ask("contacts-list", tags=["x"])) == []
    assert names(ask("contacts-list", company_id=beta, tags=["y", "z"])) == ["Grace"]
    ask("contacts-delete", id=grace)
    assert names(ask("contacts-list", company_id=beta)) == []


def test_nothing_points_to_a_deleted_company_from_one_call_to_the_next(ask):
    acme = ask("companies-create", name="Acme")["id"]
    grace = ask("contacts-create", first_name="Grace", company_id=acme)["id"]
    ask("activities-create", activity_type="call", contact_id=grace, company_id=acme)
    ask("companies-delete", id=acme)
    assert names(ask("contacts-list", company_id=acme)) == []
    assert ask("activities-list", company_id=acme)["items"] == []
    assert names(ask("contacts-list", search="acme")) == []
    assert [item["company_id"] for item in ask("contacts-list")["items"]] == [None]


@pytest.mark.parametrize(
    ("operation", "filters", "code"),
    [
        ("contacts-list", {"company_id": "x"}, "contacts.invalid_id"),
        ("contacts-list", {"company_id": ""}, "contacts.invalid_id"),
        ("contacts-list", {"company_id": 7}, "contacts.invalid_request"),
        ("contacts-list", {"company_ids": [UNKNOWN, "x"]}, "contacts.invalid_id"),
        ("contacts-list", {"company_ids": [None]}, "contacts.invalid_id"),
        ("contacts-list", {"company_ids": UNKNOWN}, "contacts.invalid_request"),
        ("contacts-list", {"source_ids": [1]}, "contacts.invalid_request"),
        ("contacts-list", {"tags": "x"}, "contacts.invalid_request"),
        ("contacts-list", {"tags": ["x" * 65]}, "contacts.invalid_request"),
        ("contacts-list", {"search": ["x"]}, "contacts.invalid_request"),
        ("contacts-list", {"search": "x" * 1_001}, "contacts.invalid_request"),
        ("contacts-list", {"limit": 0}, "contacts.invalid_request"),
        ("contacts-list", {"limit": "5"}, "contacts.invalid_request"),
        ("contacts-list", {"limit": True}, "contacts.invalid_request"),
        ("contacts-list", {"cursor": 5}, "contacts.invalid_request"),
        ("companies-list", {"tags": [5]}, "companies.invalid_request"),
        ("projects-list", {"stage": "won"}, "projects.invalid_stage"),
        ("projects-list", {"stage": ""}, "projects.invalid_stage"),
        ("projects-list", {"stage": 1}, "projects.invalid_request"),
        ("projects-list", {"assigned_to": "me"}, "projects.invalid_id"),
        ("activities-list", {"types": ["call", "fax"]}, "activities.invalid_type"),
        ("activities-list", {"types": "call"}, "activities.invalid_request"),
        ("activities-list", {"contact_id": "x"}, "activities.invalid_id"),
    ],
)
def test_a_filter_that_cannot_be_is_refused_by_its_code(call, owner, operation, filters, code):
    assert call(operation, filters, token=owner().token).code == code


def test_filters_find_nothing_of_another_account(call, ask, owner):
    acme = ask("companies-create", name="Acme")["id"]
    ask("contacts-create", first_name="Grace", company_id=acme, tags=["x"])
    stranger = owner().token
    for filters in ({"company_id": acme}, {"company_ids": [acme]}, {"tags": ["x"]}, {"search": "grace"}, {}):
        assert call("contacts-list", filters, token=stranger).result == {"items": [], "next_cursor": ""}


def test_a_filter_takes_as_many_ids_as_a_body_holds(ask):
    companies = [ask("companies-create", name=f"C{number}")["id"] for number in range(70)]
    for number in (3, 33, 66):
        ask("contacts-create", first_name=str(number), company_id=companies[number])
    ask("contacts-create", first_name="none")
    many = [str(uuid.uuid4()) for _ in range(20_000)]
    assert names(ask("contacts-list", company_ids=companies[:40])) == ["33", "3"]
    assert names(ask("contacts-list", company_ids=companies)) == ["66", "33", "3"]
    assert names(ask("contacts-list", company_ids=[*many, companies[33]])) == ["33"]
