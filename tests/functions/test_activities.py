"""Test activities, their types and their metadata."""

import uuid
from typing import Any, Final

import pytest

from tests.harness.accounts import Account

FULL: Final[dict[str, dict[str, Any]]] = {
    "call": {"direction": "inbound", "outcome": "no_answer", "duration_seconds": 0, "notes": "n" * 10_000},
    "email": {"direction": "sent", "subject": "s" * 255, "body": "b" * 10_000, "source": "bcc"},
    "meeting": {
        "subject": "",
        "location": "Paris",
        "duration_minutes": 2**53 - 1,
        "outcome": "no_show",
        "notes": " 世界 ",
    },
}
BAD: Final[list[tuple[str, dict[str, Any]]]] = [
    ("call", {"direction": "sent"}),
    ("call", {"outcome": ""}),
    ("call", {"duration_seconds": -1}),
    ("call", {"duration_seconds": True}),
    ("call", {"duration_seconds": "1"}),
    ("call", {"duration_seconds": 1.5}),
    ("call", {"duration_seconds": 2**53}),
    ("call", {"notes": "n" * 10_001}),
    ("call", {"notes": 1}),
    ("call", {"notes": "a\0"}),
    ("call", {"notes": "a\ud800"}),
    ("call", {"subject": "x"}),
    ("call", {"subject": None}),
    ("call", {"Direction": "inbound"}),
    ("email", {"direction": "inbound"}),
    ("email", {"subject": "s" * 256}),
    ("email", {"source": ["manual"]}),
    ("meeting", {"outcome": "busy"}),
    ("meeting", {"duration_seconds": 1}),
    ("meeting", {"location": {}}),
]


@pytest.fixture
def contact(account: Account) -> Any:
    return account.creates("contacts", last_name="Lovelace")


@pytest.mark.parametrize("activity_type", FULL)
def test_metadata_is_kept_by_type(account: Account, contact: Any, activity_type: str) -> None:
    metadata = FULL[activity_type]
    activity = account.creates(
        "activities",
        activity_type=activity_type,
        contact_id=contact["id"],
        metadata=metadata | {"notes": None} if "notes" in metadata else metadata,
    )
    assert activity["metadata"] == {name: value for name, value in metadata.items() if name != "notes"}
    assert account.updates("activities", activity, metadata=metadata)["metadata"] == metadata


@pytest.mark.parametrize(("activity_type", "metadata"), BAD)
def test_any_other_key_or_value_is_refused(account: Account, activity_type: str, metadata: dict[str, Any]) -> None:
    contact = account.creates("contacts")
    body = {"activity_type": activity_type, "contact_id": contact["id"]}
    assert account("activities-create", body | {"metadata": metadata}).code == "activities.invalid_metadata"
    activity = account.creates("activities", **body)
    answer = account("activities-update", {"id": activity["id"], "metadata": metadata})
    assert answer.code == "activities.invalid_metadata"


def test_a_whole_number_may_be_written_with_a_point(account: Account, contact: Any) -> None:
    activity = account.creates("activities", contact_id=contact["id"], metadata={"duration_seconds": 60.0})
    assert repr(activity["metadata"]) == "{'duration_seconds': 60}"
    assert account.updates("activities", activity, metadata={"duration_seconds": 6e1}) == activity


def test_metadata_merges_key_by_key(account: Account, contact: Any) -> None:
    activity = account.creates("activities", contact_id=contact["id"], metadata={"notes": "x", "outcome": "busy"})
    changed = account.updates("activities", activity, metadata={"notes": None, "direction": "outbound"})
    assert changed["metadata"] == {"outcome": "busy", "direction": "outbound"}
    assert account.updates("activities", activity, metadata={"notes": None, "outcome": "busy"}) == changed
    assert account.updates("activities", activity, metadata={}) == changed
    answer = account("activities-update", {"id": activity["id"], "metadata": None})
    assert answer.code == "activities.invalid_metadata"
    assert account("activities-update", {"id": activity["id"], "metadata": []}).code == "activities.invalid_request"


def test_codes_come_in_the_order_of_the_contract(account: Account, contact: Any) -> None:
    body: dict[str, Any] = {"activity_type": "fax", "metadata": {"x": 1}}
    steps: list[tuple[str, Any]] = [
        ("invalid_type", {"activity_type": "call"}),
        ("entity_required", {"contact_id": str(uuid.uuid4()), "company_id": "x"}),
        ("invalid_id", {"company_id": None}),
        ("invalid_request", {"contact_id": contact["id"]}),
        ("invalid_metadata", {"metadata": {}}),
    ]
    for code, remedy in steps:
        assert account("activities-create", body).code == f"activities.{code}"
        body |= remedy
    assert account("activities-create", body).status == 200
    for bad in ({}, {"activity_type": None}, {"activity_type": ""}):
        assert account("activities-create", bad).code == "activities.invalid_type"


def test_every_name_is_shown(account: Account, contact: Any) -> None:
    company, project = account.creates("companies"), account.creates("projects")
    activity = account.creates(
        "activities", contact_id=contact["id"], company_id=company["id"], project_id=project["id"]
    )
    assert activity["contact_name"] == "Ada Lovelace"
    assert activity["company_name"] == company["name"]
    assert activity["project_name"] == project["name"]
    assert activity["created_by_name"] == account.session.user["name"]


def test_an_activity_stays_when_all_that_it_points_to_is_deleted(account: Account, contact: Any) -> None:
    activity = account.creates("activities", contact_id=contact["id"])
    account.deletes("contacts", contact)
    assert account.gets("activities", activity) == activity | {"contact_id": None, "contact_name": ""}
    assert account.updates("activities", activity, metadata={"notes": "x"})["metadata"] == {"notes": "x"}


def test_an_activity_has_occurred_now_unless_told_otherwise(account: Account, contact: Any) -> None:
    activity = account.creates("activities", contact_id=contact["id"], occurred_at=None)
    assert activity["occurred_at"] == activity["created_at"]
    given = account.creates("activities", contact_id=contact["id"], occurred_at="2026-06-01T14:00:00.1239+02:00")
    assert given["occurred_at"] == "2026-06-01T12:00:00.123Z"
    bad: tuple[Any, ...] = (None, "2026-06-01T12:00:00", "2026-06-01", "2026-02-30T00:00:00Z", "now", 1, "")
    for moment in (*bad, "2026-06-01T12:00:00+24:00", "2026-06-01T12:00:00+01:60"):
        answer = account("activities-update", {"id": given["id"], "occurred_at": moment})
        assert answer.code == "activities.invalid_request"
    assert account.gets("activities", given) == given


def test_an_update_ignores_what_cannot_be_changed(account: Account, contact: Any) -> None:
    activity = account.creates("activities", contact_id=contact["id"])
    assert account.updates("activities", activity, activity_type="fax", contact_id="x") == activity


def test_the_schemas_are_told_as_data(account: Account) -> None:
    page = account.does("activity-schemas-list")
    assert page["next_cursor"] == ""
    assert {each["activity_type"]: set(each["schema"]["properties"]) for each in page["items"]} == {
        activity_type: set(metadata) for activity_type, metadata in FULL.items()
    }
    [call] = [each["schema"] for each in page["items"] if each["activity_type"] == "call"]
    assert call["properties"]["direction"] == {"type": "string", "enum": ["inbound", "outbound"]}
    assert call["additionalProperties"] is False
