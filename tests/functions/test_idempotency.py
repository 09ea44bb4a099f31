"""Test idempotency keys under repetition, races and kills."""

import uuid
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any, Final

import pytest

from keel import clock
from tests.conftest import Call
from tests.harness.accounts import LEAST, Account, World
from tests.harness.gateway import Answer, Session
from tests.harness.wire import Killed, conflict, refusal

CREATED: Final = ("contacts", "companies", "projects", "activities", "sources", "custom-fields")


def key() -> dict[str, str]:
    return {"Idempotency-Key": str(uuid.uuid4())}


def body_of(account: Account, resource: str) -> dict[str, Any]:
    more = {"contact_id": World(account).id_of("contacts")} if resource == "activities" else {}
    return LEAST[resource] | more


def listed(account: Account, resource: str) -> list[Any]:
    return list(account.does(f"{resource}-list")["items"])


@pytest.mark.parametrize("resource", CREATED)
def test_a_repeat_gets_the_first_answer_and_changes_nothing(account: Account, resource: str) -> None:
    operation, body, once = f"{resource}-create", body_of(account, resource), key()
    first = account(operation, body, headers=once)
    before = len(account.items())
    again = account(operation, body, headers=once)
    assert first.status == again.status == 200
    assert again.body == first.body
    assert again.headers["X-Request-Id"] != first.headers["X-Request-Id"]
    assert len(account.items()) == before
    assert account(operation, body, headers=key()).result["id"] != first.result["id"]
    other = account(operation, body | {"unknown": 1}, headers=once)
    assert other.code == f"{resource.replace('-', '_')}.invalid_request"


def test_a_repeat_gets_the_first_answer_although_the_record_has_changed_or_gone(account: Account) -> None:
    once, body = key(), {"first_name": "Ada"}
    contact = account.does("contacts-create", body, headers=once)
    account.updates("contacts", contact, last_name="Byron")
    assert account.does("contacts-create", body, headers=once) == contact
    account.deletes("contacts", contact)
    assert account.does("contacts-create", body, headers=once) == contact
    assert listed(account, "contacts") == []


def test_bodies_are_the_same_when_their_values_are(account: Account) -> None:
    once, field = key(), account.creates("custom-fields", field_type="number")["id"]

    def create(rest: str) -> Answer:
        return account("contacts-create", raw=rest.replace("FIELD", field), headers=once)

    first = create('{"first_name": "Ada", "custom_fields": {"FIELD": 100}, "tags": ["é"]}')
    assert first.status == 200
    for same in (
        '{"tags":["\\u00e9"],"custom_fields":{"FIELD":100.0},"first_name":"Ada"}',
        ' {"first_name": "Ada", "custom_fields": {"FIELD": 1e2}, "tags": ["é"] }\n',
    ):
        assert create(same).body == first.body
    for other in (
        '{"first_name": "Ada", "custom_fields": {"FIELD": 100}, "tags": ["e"]}',
        '{"first_name": "Ada", "custom_fields": {"FIELD": 101}, "tags": ["é"]}',
        '{"first_name": "Ada", "custom_fields": {"FIELD": 100}, "tags": ["é"], "x": null}',
    ):
        assert create(other).code == "contacts.invalid_request"


def test_a_key_counts_per_caller_and_operation(
    account: Account,
    accounts: Callable[[], Account],
    call: Call,
    member: Callable[[Session], Session],
    app: Callable[[Session], dict[str, Any]],
) -> None:
    once, body = key(), {"first_name": "Ada", "name": "Ada"}
    tokens = [account.session.token, accounts().session.token, member(account.session).token]
    tokens.append(app(account.session)["token"])
    answers = [
        call(operation, body, token=token, headers=once)
        for token in tokens
        for operation in ("contacts-create", "companies-create", "sources-create")
    ]
    assert len({answer.result["id"] for answer in answers}) == len(tokens) * 3


def test_only_successes_are_kept(account: Account, inject: Callable[..., Any]) -> None:
    once = key()
    assert account("contacts-create", {"first_name": " "}, headers=once).code == "contacts.first_name_required"
    inject("TransactWriteItems", refusal("ValidationException"))
    assert account("contacts-create", {"first_name": "Ada"}, headers=once).code == "contacts.internal"
    assert account("contacts-create", {"first_name": "Grace"}, headers=once).status == 200


def test_a_key_has_1_to_255_characters(account: Account) -> None:
    for length, status in ((0, 400), (1, 200), (255, 200), (256, 400)):
        headers = {"Idempotency-Key": uuid.uuid4().hex[:1] * length}
        assert account("contacts-create", {"first_name": "Ada"}, headers=headers).status == status


def test_a_key_is_forgotten_after_a_day(account: Account, monkeypatch: pytest.MonkeyPatch) -> None:
    once, body = key(), {"first_name": "Ada"}
    first, now = account.does("contacts-create", body, headers=once), clock.now()
    monkeypatch.setattr(clock, "now", lambda: now + clock.DAY - clock.MINUTE)
    assert account.does("contacts-create", body, headers=once) == first
    monkeypatch.setattr(clock, "now", lambda: now + clock.DAY + clock.MINUTE)
    assert account.does("contacts-create", body, headers=once)["id"] != first["id"]


def test_other_operations_take_no_notice_of_a_key(account: Account) -> None:
    contact, once = account.creates("contacts"), key()
    for name in ("Byron", "King"):
        changed = account.does("contacts-update", {"id": contact["id"], "last_name": name}, headers=once)
        assert changed["last_name"] == name


@pytest.mark.parametrize("after", [False, True], ids=["before", "after"])
@pytest.mark.parametrize("resource", CREATED)
def test_a_create_killed_at_any_call_is_made_good_by_its_retry(
    account: Account, inject: Callable[..., Any], resource: str, after: bool
) -> None:
    operation, body = f"{resource}-create", body_of(account, resource)
    for step in range(20):
        once, before = key(), listed(account, resource)
        inject("*", Killed(), skip=step, after=after)
        try:
            answer = account(operation, body, headers=once)
        except Killed:
            survivors = [each for each in listed(account, resource) if each not in before]
            assert len(survivors) <= 1
            answer = account(operation, body, headers=once)
            assert survivors in ([], [answer.result])
        else:
            break
        assert account(operation, body, headers=once).body == answer.body
        assert [each for each in listed(account, resource) if each not in before] == [answer.result]
    assert step >= 3


def test_a_create_too_large_for_one_transaction_is_made_good_by_its_retry(
    account: Account, inject: Callable[..., Any], round_trips: Callable[[], Any]
) -> None:
    words = [f"{chr(97 + number % 26)}{number:03}" for number in range(96)]
    names = {"first_name": " ".join(words[:48]), "last_name": " ".join(words[48:])}
    body = {**names, "tags": [f"tag {number}" for number in range(50)]}
    with round_trips() as trips:
        account.does("contacts-create", body)
    assert "BatchWriteItem" in trips.calls
    steps = len(trips)
    for step in range(steps + 1):
        once, before = key(), len(listed(account, "contacts"))
        inject("*", Killed(), skip=step)
        with pytest.raises(Killed):
            account("contacts-create", body, headers=once)
        answer = account("contacts-create", body, headers=once)
        assert account("contacts-create", body, headers=once).body == answer.body
        assert len(listed(account, "contacts")) == before + 1
        found = account.does("contacts-list", {"tags": ["tag 49"], "search": words[95]})["items"]
        assert answer.result in found
        account.deletes("contacts", answer.result)
        assert answer.result not in account.does("contacts-list", {"tags": ["tag 0"]})["items"]


def test_the_largest_record_fits_with_its_answer(account: Account) -> None:
    fields = [account.creates("custom-fields", label=str(number))["id"] for number in range(4)]
    widest, once = "\U0001f44b" * 10_000, key()
    body = {"first_name": "Ada", "notes": widest, "custom_fields": dict.fromkeys(fields, widest)}
    contact = account.does("contacts-create", body, headers=once)
    assert contact["notes"] == widest
    assert account.does("contacts-create", body, headers=once) == contact


def test_a_hundred_repeats_that_race_have_one_effect_and_one_answer(account: Account) -> None:
    once, company = key(), account.creates("companies")
    body = {"first_name": "Ada", "company_id": company["id"]}

    def repeat(_number: int) -> Answer:
        return account("contacts-create", body, headers=once)

    with ThreadPoolExecutor(25) as pool:
        answers = list(pool.map(repeat, range(100)))
    assert {answer.status for answer in answers} == {200}
    [contact] = listed(account, "contacts")
    assert all(answer.result == contact for answer in answers)


def test_different_bodies_that_race_for_one_key_have_one_winner(account: Account) -> None:
    once = key()

    def create(number: int) -> Answer:
        return account("sources-create", {"name": f"Source {number}"}, headers=once)

    with ThreadPoolExecutor(10) as pool:
        answers = list(pool.map(create, range(10)))
    assert sorted(answer.code or "" for answer in answers) == ["", *["sources.invalid_request"] * 9]
    assert [answer.result for answer in answers if answer.status == 200] == listed(account, "sources")


def test_conflicts_with_other_transactions_are_outlasted(account: Account, inject: Callable[..., Any]) -> None:
    injection = inject("TransactWriteItems", conflict("TransactionConflict", "None"), times=3)
    once = key()
    first = account.does("contacts-create", {"first_name": "Ada"}, headers=once)
    assert injection.hits == 3
    assert account.does("contacts-create", {"first_name": "Ada"}, headers=once) == first
    assert listed(account, "contacts") == [first]
