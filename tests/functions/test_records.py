"""Test what the API promises of every record."""

import uuid
from collections.abc import Callable
from typing import Any, Final

import pytest

from tests.harness.accounts import Account
from tests.harness.streams import Pump

TEXT: Final = "Grüße, 世界 👋🏽 "
LONG: Final = {"notes", "description"}

TEXTS: Final = {
    "contacts": "first_name last_name phone job_title address city state zip_code country notes",
    "companies": "name domain industry notes phone website linkedin_url address city state zip_code country",
    "projects": "name description notes",
    "sources": "name",
    "custom-fields": "label",
}
REQUIRED: Final = {
    "contacts": ("first_name", "contacts.first_name_required"),
    "companies": ("name", "companies.invalid_request"),
    "projects": ("name", "projects.name_required"),
    "sources": ("name", "sources.name_required"),
    "custom-fields": ("label", "custom_fields.label_required"),
}
NUMBERS: Final = {
    "companies": "employee_count annual_revenue",
    "projects": "value",
}
DATES: Final = {"projects": "start_date end_date renewal_date"}
TAGGED: Final = ("contacts", "companies", "projects")
DELETED: Final = ("contacts", "companies", "projects", "activities", "custom-fields")
RESOURCES: Final = (*DELETED, "sources")
COMPUTED: Final = {
    "contacts": ("company_name", "source_name"),
    "projects": ("company_name", "assigned_name"),
    "activities": ("created_by_name", "contact_name", "company_name", "project_name"),
}

NUMBER_FIELDS: Final = [(resource, field) for resource, names in NUMBERS.items() for field in names.split()]
DATE_FIELDS: Final = [(resource, field) for resource, names in DATES.items() for field in names.split()]

Accounts = Callable[[], Account]


def prefix(resource: str) -> str:
    return resource.replace("-", "_")


def create(account: Account, resource: str, **fields: Any) -> dict[str, Any]:
    """A record of any resource; an activity points to a contact."""
    if resource == "activities" and not {"contact_id", "company_id", "project_id"} & fields.keys():
        fields["contact_id"] = account.creates("contacts")["id"]
    return dict(account.creates(resource, **fields))


def refused(account: Account, operation: str, body: dict[str, Any]) -> str | None:
    answer = account(operation, body)
    assert answer.status in (400, 404), answer.body
    return answer.code


# --- Every kind -------------------------------------------------------------------------------------


@pytest.mark.parametrize("resource", RESOURCES)
def test_a_record_says_whose_it_is_and_since_when(account: Account, resource: str) -> None:
    record = create(account, resource)
    user = account.session.user
    assert record["account_id"] == user["account_id"]
    assert record["created_by"] == user["id"]
    assert record["created_at"] == record["updated_at"]
    assert account.gets(resource, record) == record
    assert account.does(f"{resource}-get", {"id": record["id"].upper()}) == record
    assert account.does(f"{resource}-list") == {"items": [record], "next_cursor": ""}


@pytest.mark.parametrize("resource", RESOURCES)
def test_an_id_is_a_uuid_of_a_record_of_the_account(account: Account, accounts: Accounts, resource: str) -> None:
    verbs = ("get", "update", "archive", "unarchive") if resource == "sources" else ("get", "update", "delete")
    foreign_id = create(accounts(), resource)["id"]
    bad: tuple[Any, ...] = ({}, {"id": None}, {"id": ""}, {"id": " "}, {"id": "x"}, {"id": uuid.uuid4().hex})
    for verb in verbs:
        operation, code = f"{resource}-{verb}", prefix(resource)
        for malformed in bad if verb == "get" else bad[3:5]:
            assert refused(account, operation, malformed) == f"{code}.invalid_id"
        assert refused(account, operation, {"id": 1}) == f"{code}.invalid_request"
        absent = account(operation, {"id": str(uuid.uuid4())})
        foreign = account(operation, {"id": foreign_id})
        for answer in (absent, foreign):
            assert (answer.status, answer.code) == (404, f"{code}.not_found")
            answer.body["error"].pop("request_id")
        assert absent.body == foreign.body


@pytest.mark.parametrize("resource", DELETED)
def test_a_deleted_record_is_gone_at_once(account: Account, resource: str) -> None:
    record = create(account, resource)
    account.deletes(resource, record | {"id": record["id"]})
    for verb in ("get", "update", "delete"):
        assert refused(account, f"{resource}-{verb}", {"id": record["id"]}) == f"{prefix(resource)}.not_found"
    assert account.does(f"{resource}-list")["items"] == []


@pytest.mark.parametrize("resource", RESOURCES)
def test_an_object_can_be_sent_back_as_it_was_given_and_changes_nothing(account: Account, resource: str) -> None:
    record = create(account, resource)
    before = account.items()
    assert account.does(f"{resource}-update", record) == record
    read_only = {"account_id": "x", "created_by": "y", "created_at": 1, "updated_at": [], "unknown": {"a": 1}}
    assert account.updates(resource, record, **read_only) == record
    assert account.does(f"{resource}-update", {"id": record["id"]}) == record
    kept = [item for item in account.items() if item["kind"] != "user"]
    assert kept == [item for item in before if item["kind"] != "user"]


@pytest.mark.parametrize("resource", COMPUTED)
def test_computed_names_cannot_be_written(account: Account, resource: str) -> None:
    record = create(account, resource)
    invented = dict.fromkeys(COMPUTED[resource], "invented")
    assert account.updates(resource, record, **invented) == record
    assert create(account, resource, **invented)[COMPUTED[resource][-1]] == record[COMPUTED[resource][-1]]


@pytest.mark.parametrize("resource", TEXTS)
def test_texts_are_stored_as_given_within_their_length(account: Account, resource: str) -> None:
    longest = {field: "世" * (10_000 if field in LONG else 255) for field in TEXTS[resource].split()}
    given = dict.fromkeys(longest, TEXT)
    record = create(account, resource, **given)
    assert record == record | given
    changed = account.updates(resource, record, **longest)
    assert changed == changed | longest
    assert account.gets(resource, record) == changed
    malformed = f"{prefix(resource)}.invalid_request"
    for field, text in longest.items():
        assert refused(account, f"{resource}-update", {"id": record["id"], field: text + "世"}) == malformed
        bad: tuple[Any, ...] = ("a\0b", "a\ud800b", 1, True, [], {})
        for value in bad if field == "name" else bad[:1]:
            assert refused(account, f"{resource}-update", {"id": record["id"], field: value}) == malformed
    nothing = dict.fromkeys(longest.keys() - {REQUIRED[resource][0]})
    blank = dict.fromkeys(nothing, "")
    for emptied in (account.updates(resource, record, **nothing), create(account, resource, **nothing)):
        assert emptied == emptied | blank


@pytest.mark.parametrize("resource", REQUIRED)
def test_a_required_text_is_never_blank(account: Account, resource: str) -> None:
    field, code = REQUIRED[resource]
    record = create(account, resource)
    for blank in (None, " \t\u2003\n"):
        assert refused(account, f"{resource}-create", {**record, field: blank}) == code
        assert refused(account, f"{resource}-update", {"id": record["id"], field: blank}) == code
    without = {name: value for name, value in record.items() if name != field}
    assert refused(account, f"{resource}-create", without) == code
    assert account.gets(resource, record) == record


@pytest.mark.parametrize(("resource", "field"), NUMBER_FIELDS)
def test_a_number_is_a_safe_integer_or_null(account: Account, resource: str, field: str) -> None:
    record = create(account, resource)
    assert record[field] is None
    for good in (0, 2**53 - 1, None):
        assert account.updates(resource, record, **{field: good})[field] == good
    assert repr(account.updates(resource, record, **{field: 1e3})[field]) == "1000"
    values: tuple[Any, ...] = (-1, 2**53, 1.5, "1", True, [], {})
    for bad in values:
        body = {"id": record["id"], field: bad}
        assert refused(account, f"{resource}-update", body) == f"{prefix(resource)}.invalid_request"


@pytest.mark.parametrize(("resource", "field"), DATE_FIELDS)
def test_a_date_is_a_day_of_the_calendar_or_null(account: Account, resource: str, field: str) -> None:
    record = create(account, resource)
    assert record[field] is None
    for good in ("2024-02-29", "0001-01-01", "9999-12-31", None):
        assert account.updates(resource, record, **{field: good})[field] == good
    values: tuple[Any, ...] = ("2026-02-30", "2026-2-3", "20260203", "2026-02-03T00:00:00Z", "", 20260203, True)
    for bad in values:
        body = {"id": record["id"], field: bad}
        assert refused(account, f"{resource}-update", body) == f"{prefix(resource)}.invalid_request"


@pytest.mark.parametrize("resource", TAGGED)
def test_tags_are_trimmed_without_blanks_and_repeats_in_order(account: Account, resource: str) -> None:
    record = create(account, resource, tags=[" b ", "a", "", "b", " ", "B"])
    assert record["tags"] == ["b", "a", "B"]
    many = [f"{number:02}" + "é" * 62 for number in range(50)]
    assert account.updates(resource, record, tags=[*many, many[0], " "])["tags"] == many
    values: tuple[Any, ...] = ([*many, "one more"], ["x" * 65], "a", ["a", 1], [None], {})
    for bad in values:
        body = {"id": record["id"], "tags": bad}
        assert refused(account, f"{resource}-update", body) == f"{prefix(resource)}.invalid_request"
    assert account.updates(resource, record, tags=None)["tags"] == []


@pytest.mark.parametrize("resource", RESOURCES)
def test_only_a_change_moves_updated_at_and_no_other_field(account: Account, resource: str) -> None:
    field, value = ("occurred_at", "2020-01-01T00:00:00.000Z") if resource == "activities" else _renamed(resource)
    record = create(account, resource)
    changed = account.updates(resource, record, **{field: value})
    assert changed.pop("updated_at") > record["updated_at"]
    assert changed == {name: v for name, v in record.items() if name != "updated_at"} | {field: value}


def _renamed(resource: str) -> tuple[str, str]:
    return REQUIRED[resource][0], "Renamed"


@pytest.mark.parametrize("resource", RESOURCES)
def test_a_body_that_is_no_object_is_malformed(account: Account, resource: str) -> None:
    malformed = f"{prefix(resource)}.invalid_request"
    for raw in ("[]", "1", "null", "{", '{"id": NaN}', '{"a": 1, "a": 1}', b"\xff{}", "[" * 100_000):
        assert account(f"{resource}-create", raw=raw).code == malformed
    for verb in ("update", "get", "list"):
        assert account(f"{resource}-{verb}", raw="[]").code == malformed


@pytest.mark.parametrize("resource", RESOURCES)
def test_nobody_without_a_token_gets_in(call: Any, resource: str) -> None:
    for verb in ("create", "list"):
        assert call(f"{resource}-{verb}", {}).code == "auth.required"
        assert call(f"{resource}-{verb}", {}, token="x").code == "auth.invalid_token"


@pytest.mark.parametrize("resource", ["companies", "projects", "activities", "contacts"])
def test_a_list_comes_in_pages_newest_first(account: Account, resource: str) -> None:
    records = [create(account, resource) for _ in range(5)]
    records.sort(key=lambda record: (record["created_at"], record["id"]), reverse=True)
    walked, cursor = [], ""
    while True:
        page = account.does(f"{resource}-list", {"limit": 2, "cursor": cursor})
        assert len(page["items"]) <= 2
        walked += page["items"]
        cursor = page["next_cursor"]
        if not cursor:
            break
    assert walked == records


@pytest.mark.parametrize("resource", RESOURCES)
def test_the_stream_shows_records_as_they_are_kept(account: Account, pump: Pump, resource: str) -> None:
    record = create(account, resource)
    kinds = {item["kind"] for item in account.items() if item["sk"] == record["id"] and "version" in item}
    assert kinds == {{"companies": "company", "activities": "activity"}.get(resource, prefix(resource)[:-1])}


@pytest.mark.parametrize(("email", "given"), [("", ""), ("  ", "  "), (None, "")])
def test_an_email_may_be_blank(account: Account, email: str | None, given: str) -> None:
    contact = account.creates("contacts", email=email)
    assert contact["email"] == given
    assert account.updates("contacts", contact, email=email) == contact


@pytest.mark.parametrize(
    ("operation", "body", "message"),
    [
        ("companies-create", {}, "name is required and must not be blank."),
        ("projects-update", {"is_retainer": None}, "is_retainer must not be null."),
        (
            "activities-create",
            {"activity_type": "call", "project_id": str(uuid.uuid4())},
            "project_id must be the id of a project in this account.",
        ),
    ],
)
def test_an_invalid_request_says_what_is_wrong(
    account: Account, operation: str, body: dict[str, Any], message: str
) -> None:
    if operation.endswith("-update"):
        body = {**body, "id": account.creates(operation.removesuffix("-update"))["id"]}
    error = account(operation, body).body["error"]
    assert error["code"].endswith(".invalid_request")
    assert error["message"] == error["details"][0]["message"] == message
