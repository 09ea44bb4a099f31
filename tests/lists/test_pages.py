"""Test that following the cursors returns every record once."""

import pytest

PEOPLE = 40


@pytest.fixture
def people(call, owner):
    """40 contacts of one account, every second one tagged, every third one called Ann."""
    ada = owner()
    for number in range(PEOPLE):
        first_name = "Ann" if number % 3 == 0 else f"Bob{number}"
        tags = ["even"] if number % 2 == 0 else []
        body = {"first_name": first_name, "last_name": str(number), "tags": tags}
        assert call("contacts-create", body, token=ada.token).status == 200
    return ada


def walk(call, token, limit, **filters):
    numbers, cursor, pages = [], "", 0
    while True:
        page = call("contacts-list", {"limit": limit, "cursor": cursor, **filters}, token=token).result
        assert len(page["items"]) <= limit
        numbers += [int(item["last_name"]) for item in page["items"]]
        cursor, pages = page["next_cursor"], pages + 1
        if not cursor:
            return numbers, pages


def test_pages_hold_every_record_once_newest_first(call, people):
    for filters, step in (
        ({}, 1),
        ({"tags": ["even"]}, 2),
        ({"search": "ann"}, 3),
        ({"search": "an", "tags": ["even"]}, 6),
    ):
        expected = [number for number in reversed(range(PEOPLE)) if number % step == 0]
        for limit in (1, 7, 20, PEOPLE, 100):
            numbers, pages = walk(call, people.token, limit, **filters)
            assert numbers == expected
            assert pages == -(-len(expected) // limit)


def test_the_limit_may_change_during_a_walk(call, people):
    first = call("contacts-list", {"limit": 1_000, "tags": ["even"]}, token=people.token).result
    assert first["next_cursor"] == ""
    page = call("contacts-list", {"limit": 3, "tags": ["even"]}, token=people.token).result
    rest = call("contacts-list", {"limit": 50, "tags": ["even"], "cursor": page["next_cursor"]}, token=people.token)
    assert page["items"] + rest.result["items"] == first["items"]


def test_a_limit_is_a_whole_number_however_it_is_written(call, people):
    whole = call("contacts-list", {"limit": 2}, token=people.token).result
    assert call("contacts-list", raw='{"limit": 2.0}', token=people.token).result["items"] == whole["items"]
    for limit in ("2.5", "true", '"2"', "0.0", "1e400"):
        answer = call("contacts-list", raw=f'{{"limit": {limit}}}', token=people.token)
        assert answer.code == "contacts.invalid_request"


def test_a_blank_or_null_cursor_is_the_first_page(call, people):
    first = call("contacts-list", {}, token=people.token).result["items"]
    for cursor in ("", "  ", None):
        assert call("contacts-list", {"cursor": cursor}, token=people.token).result["items"] == first


def test_a_cursor_opens_only_where_it_was_sealed(call, people, owner):
    cursor = call("contacts-list", {"limit": 2, "tags": ["even"]}, token=people.token).result["next_cursor"]
    assert call("contacts-list", {"cursor": cursor, "tags": ["even"]}, token=people.token).status == 200
    stranger = owner().token
    for token, operation, body in (
        (people.token, "contacts-list", {}),
        (people.token, "contacts-list", {"tags": ["odd"]}),
        (people.token, "contacts-list", {"tags": ["even"], "search": "ann"}),
        (people.token, "companies-list", {"tags": ["even"]}),
        (stranger, "contacts-list", {"tags": ["even"]}),
    ):
        answer = call(operation, {"cursor": cursor, **body}, token=token)
        assert answer.code == f"{operation.split('-')[0]}.invalid_request"
    for altered in (cursor[:-1], cursor + "A", "x", "\U0001f642", cursor[::-1], "A" * 5_000):
        answer = call("contacts-list", {"cursor": altered, "tags": ["even"]}, token=people.token)
        assert answer.code == "contacts.invalid_request"


def test_what_is_created_and_deleted_during_a_walk_moves_nothing(call, people):
    page = call("contacts-list", {"limit": 5, "search": "ann"}, token=people.token).result
    seen = [item["last_name"] for item in page["items"]]
    call("contacts-create", {"first_name": "Ann", "last_name": "99"}, token=people.token)
    call("contacts-delete", {"id": page["items"][-1]["id"]}, token=people.token)
    rest = call("contacts-list", {"cursor": page["next_cursor"], "search": "ann"}, token=people.token).result
    seen += [item["last_name"] for item in rest["items"]]
    assert seen == [str(number) for number in reversed(range(PEOPLE)) if number % 3 == 0]
