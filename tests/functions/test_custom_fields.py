"""Test custom field definitions and values."""

import threading
import uuid
from collections.abc import Callable
from typing import Any, Final

import pytest

from keel.records import field_definitions
from tests.harness.accounts import Account

FITTING: Final[list[tuple[str, Any]]] = [
    ("text", " 世界 "),
    ("text", "x" * 10_000),
    ("number", 0),
    ("number", -1.5),
    ("number", 1e200),
    ("number", 10**30),
    ("number", 0.1),
    ("date", "2024-02-29"),
    ("boolean", True),
    ("boolean", False),
    ("enum", "a"),
]
UNFIT: Final[list[tuple[str, str]]] = [
    ("text", "1"),
    ("text", "true"),
    ("text", '"' + "x" * 10_001 + '"'),
    ("text", r'"a\u0000"'),
    ("text", r'"a\ud800"'),
    ("number", '"1"'),
    ("number", "true"),
    ("number", "1e400"),
    ("number", "9" * 400),
    ("date", '"2026-02-30"'),
    ("date", '"2026-2-3"'),
    ("date", '"2026-02-03T00:00:00Z"'),
    ("date", '""'),
    ("date", "20260203"),
    ("boolean", '"true"'),
    ("boolean", "1"),
    ("enum", '"c"'),
    ("enum", '"A"'),
    ("enum", '""'),
    ("enum", '["a"]'),
]


def define(account: Account, field_type: str = "text", **fields: Any) -> Any:
    if field_type == "enum":
        fields.setdefault("options", ["a", "b"])
    return account.creates("custom-fields", field_type=field_type, **fields)


def with_value(account: Account, definition: Any, value: Any) -> Any:
    return account.creates("contacts", custom_fields={definition["id"]: value})


# --- Definitions ------------------------------------------------------------------------------------


def test_codes_come_in_the_order_of_the_contract(account: Account) -> None:
    body: dict[str, Any] = {"entity_type": "project", "label": " ", "field_type": "money", "options": []}
    steps: list[tuple[str, Any]] = [
        ("invalid_entity_type", {"entity_type": "company"}),
        ("label_required", {"label": "Size"}),
        ("invalid_field_type", {"field_type": "enum"}),
        ("options_required", {"options": ["a", "a"]}),
        ("invalid_request", {"options": ["a", " "]}),
        ("invalid_request", {"options": [str(number) for number in range(201)]}),
        ("invalid_request", {"options": "a"}),
        ("invalid_request", {"options": [1]}),
        ("invalid_request", {"options": [str(number) for number in range(200)]}),
    ]
    for code, remedy in steps:
        assert account("custom-fields-create", body).code == f"custom_fields.{code}"
        body |= remedy
    assert account.does("custom-fields-create", body)["options"] == body["options"]
    for field, code in (("entity_type", "invalid_entity_type"), ("field_type", "invalid_field_type")):
        assert account("custom-fields-create", body | {field: None}).code == f"custom_fields.{code}"
    assert account("custom-fields-create", body | {"options": None}).code == "custom_fields.options_required"


def test_options_are_ignored_for_other_types(account: Account) -> None:
    definition = define(account, "text", options=["a", "a", ""])
    assert definition["options"] == []
    assert account.updates("custom-fields", definition, options=["x", "x"]) == definition


def test_types_do_not_change(account: Account) -> None:
    definition = define(account)
    assert account.updates("custom-fields", definition, entity_type="company", field_type="number") == definition


def test_null_is_refused_for_what_cannot_be_cleared(account: Account) -> None:
    definition = define(account, "enum", required=True, display_order=3)
    codes = {"label": "label_required", "options": "options_required", "required": "invalid_request"}
    for field, code in codes.items():
        assert account("custom-fields-update", {"id": definition["id"], field: None}).code == f"custom_fields.{code}"
    assert account.updates("custom-fields", definition, display_order=None)["display_order"] == 0
    bad: tuple[Any, ...] = (-1, 2**53, 1.5, "1", True)
    for order in bad:
        answer = account("custom-fields-update", {"id": definition["id"], "display_order": order})
        assert answer.code == "custom_fields.invalid_request"


def test_definitions_are_listed_by_order_and_then_creation(account: Account) -> None:
    last = define(account, display_order=2)
    first = define(account, entity_type="company")
    second = define(account)
    assert first["created_at"] <= second["created_at"]
    listed = account.does("custom-fields-list")
    assert [each["display_order"] for each in listed["items"]] == [0, 0, 2]
    assert listed["items"][-1] == last
    assert listed["next_cursor"] == ""
    for wanted, expected in (("company", [first]), ("contact", [second, last])):
        assert account.does("custom-fields-list", {"entity_type": wanted})["items"] == expected
    assert account.does("custom-fields-list", {"entity_type": None}) == listed
    for unknown in ("project", ""):
        assert account("custom-fields-list", {"entity_type": unknown}).code == "custom_fields.invalid_entity_type"


# --- Values -----------------------------------------------------------------------------------------


@pytest.mark.parametrize(("field_type", "value"), FITTING)
def test_a_fitting_value_comes_back_as_it_was_given(account: Account, field_type: str, value: Any) -> None:
    definition = define(account, field_type)
    contact = account.creates("contacts", custom_fields={definition["id"].upper(): value})
    for shown in (contact, account.gets("contacts", contact)):
        assert shown["custom_fields"] == {definition["id"]: value}
        assert type(shown["custom_fields"][definition["id"]]) is type(value)


@pytest.mark.parametrize(("field_type", "value"), UNFIT)
def test_a_value_that_only_looks_right_is_refused(account: Account, field_type: str, value: str) -> None:
    definition = define(account, field_type)
    raw = f'{{"first_name": "Ada", "custom_fields": {{"{definition["id"]}": {value}}}}}'
    answer = account("contacts-create", raw=raw)
    assert answer.code == "contacts.invalid_custom_fields"
    assert answer.body["error"]["details"][0]["field"] == "custom_fields"


def test_a_value_that_is_no_option_is_told_the_first_of_them(account: Account) -> None:
    definition = define(account, "enum", label="Tier", options=[f"option {number}" for number in range(200)])
    error = account("contacts-create", {"first_name": "Ada", "custom_fields": {definition["id"]: "none"}}).body["error"]
    begins = f'The custom field "Tier" ({definition["id"]}) must be one of its options: option 0, option 1, '
    assert error["message"].startswith(begins)
    assert error["message"].endswith("….")
    assert len(error["message"]) < 400


def test_unknown_keys_are_refused(account: Account, accounts: Callable[[], Account]) -> None:
    foreign, of_companies = define(accounts()), define(account, entity_type="company")
    for key in ("x", "", str(uuid.uuid4()), foreign["id"], of_companies["id"]):
        body: dict[str, Any]
        for value in ("x", None):
            body = {"first_name": "Ada", "custom_fields": {key: value}}
            assert account("contacts-create", body).code == "contacts.invalid_custom_fields"
    assert account("contacts-create", {"first_name": "Ada", "custom_fields": []}).code == "contacts.invalid_request"
    body = {"name": "Engines", "custom_fields": {of_companies["id"]: "x"}}
    assert account.does("companies-create", body)["custom_fields"] == {of_companies["id"]: "x"}
    body["custom_fields"] = {foreign["id"]: "x"}
    assert account("companies-create", body).code == "companies.invalid_custom_fields"


def test_values_merge_key_by_key(account: Account) -> None:
    one, two = define(account), define(account, "number")
    contact = account.creates("contacts", custom_fields={one["id"]: "x", two["id"]: 1})
    changed = account.updates("contacts", contact, custom_fields={one["id"].upper(): "y"})
    assert changed["custom_fields"] == {one["id"]: "y", two["id"]: 1}
    assert account.updates("contacts", contact, custom_fields={two["id"]: None})["custom_fields"] == {one["id"]: "y"}
    assert account.updates("contacts", contact, custom_fields={one["id"]: " "})["custom_fields"] == {}
    answer = account("contacts-update", {"id": contact["id"], "custom_fields": None})
    assert answer.code == "contacts.invalid_custom_fields"


def test_setting_the_value_that_is_there_changes_nothing(account: Account) -> None:
    one, two = define(account, "number"), define(account)
    contact = account.creates("contacts", custom_fields={one["id"]: 1})
    for same in ({one["id"]: 1}, {one["id"].upper(): 1}, {two["id"]: None}, {two["id"]: ""}, {}):
        assert account.updates("contacts", contact, custom_fields=same) == contact


def test_a_required_field_has_a_value_from_the_beginning(account: Account) -> None:
    old = account.creates("contacts")
    needed, free = define(account, required=True), define(account)
    missing = "contacts.invalid_custom_fields"
    bad: tuple[Any, ...] = ({}, {needed["id"]: None}, {needed["id"]: " "}, {free["id"]: "x"})
    for fields in bad:
        assert account("contacts-create", {"first_name": "Ada", "custom_fields": fields}).code == missing
    assert account("contacts-create", {"first_name": "Ada"}).code == missing
    contact = with_value(account, needed, "x")
    for value in (None, ""):
        assert account("contacts-update", {"id": contact["id"], "custom_fields": {needed["id"]: value}}).code == missing
    # A record from before does without, until it is given a value.
    assert account.updates("contacts", old, last_name="Byron", custom_fields={free["id"]: "x"})["last_name"] == "Byron"
    filled = account.updates("contacts", old, custom_fields={needed["id"]: "x"})
    assert filled["custom_fields"] == {needed["id"]: "x", free["id"]: "x"}


def test_a_removed_option_stays_where_it_is_in_use(account: Account) -> None:
    definition = define(account, "enum")
    contact, other = with_value(account, definition, "a"), with_value(account, definition, "b")
    account.updates("custom-fields", definition, options=["b"])
    assert account.gets("contacts", contact) == contact
    kept = account.updates("contacts", contact, custom_fields={definition["id"]: "a"}, last_name="Byron")
    assert kept["custom_fields"] == {definition["id"]: "a"}
    answer = account("contacts-update", {"id": other["id"], "custom_fields": {definition["id"]: "a"}})
    assert answer.code == "contacts.invalid_custom_fields"


def test_values_of_a_deleted_definition_vanish(account: Account) -> None:
    gone, kept = define(account, required=True), define(account)
    contact = account.creates("contacts", custom_fields={gone["id"]: "x", kept["id"]: "y"})
    account.deletes("custom-fields", gone)
    shown = account.gets("contacts", contact)
    assert shown == contact | {"custom_fields": {kept["id"]: "y"}}
    assert account.does("contacts-list")["items"] == [shown]
    assert account.updates("contacts", contact, custom_fields={kept["id"]: "y"}) == shown
    answer = account("contacts-update", {"id": contact["id"], "custom_fields": {gone["id"]: "x"}})
    assert answer.code == "contacts.invalid_custom_fields"
    changed = account.updates("contacts", contact, custom_fields={kept["id"]: "z"})
    assert changed["custom_fields"] == {kept["id"]: "z"}


# --- Changes at the same time -----------------------------------------------------------------------


def test_a_definition_that_changes_meanwhile_lets_no_invalid_value_through(
    account: Account, monkeypatch: pytest.MonkeyPatch
) -> None:
    definition = define(account, "enum")
    account.creates("contacts")
    merge = field_definitions.merge
    changed: list[Any] = []

    def merge_and_lose(*arguments: Any, **named: Any) -> Any:
        result = merge(*arguments, **named)
        if not changed:
            changed.append(account.updates("custom-fields", definition, options=["b"]))
        return result

    monkeypatch.setattr(field_definitions, "merge", merge_and_lose)
    answer = account("contacts-create", {"first_name": "Ada", "custom_fields": {definition["id"]: "a"}})
    assert changed
    assert answer.code == "contacts.invalid_custom_fields"
    assert len(account.does("contacts-list")["items"]) == 1


def test_definitions_that_change_all_the_time_do_not_keep_a_contact_from_being_written(account: Account) -> None:
    definition, done = define(account), threading.Event()

    def keep_changing() -> None:
        number = 0
        while not done.is_set():
            number += 1
            account.updates("custom-fields", definition, label=f"Label {number}")

    thread = threading.Thread(target=keep_changing)
    thread.start()
    try:
        assert with_value(account, definition, "x")["custom_fields"] == {definition["id"]: "x"}
    finally:
        done.set()
        thread.join()


def test_definitions_are_read_again_only_when_they_have_changed(
    account: Account, round_trips: Callable[[], Any]
) -> None:
    definition = define(account)
    contact = with_value(account, definition, "x")
    with round_trips() as known:
        account.updates("contacts", contact, custom_fields={definition["id"]: "y"})
    account.updates("custom-fields", definition, label="Renamed")
    with round_trips() as changed:
        account.updates("contacts", contact, custom_fields={definition["id"]: "z"})
    assert "Query" not in known.calls
    assert changed.calls.count("Query") == 1
