"""Test that references to deleted records are cleared, whatever interrupts the work."""

import json
from collections.abc import Callable
from typing import Any

import boto3
import pytest

import template
from keel import clock, entity_types, ids
from keel.events import changes
from keel.records import index_entries
from keel.storage import clients
from keel.workers import cascade
from tests.harness import items as items_
from tests.harness.accounts import Account
from tests.harness.functions import Functions
from tests.harness.stand_ins import StandIns
from tests.harness.streams import Pump, queued
from tests.harness.wire import Killed, Trips

POINTING = ("contacts", "projects", "activities")


def traces(account: Account, record: dict[str, Any]) -> list[Any]:
    """The items that still name a record; what a posting hints at is no trace, but out of date."""
    return [item for item in account.items() if record["id"] in str({**item, "points": None})]


def lists(account: Account) -> dict[str, Any]:
    return {each: account.does(f"{each}-list")["items"] for each in POINTING}


def test_every_reference_to_what_can_be_deleted_is_found_by_a_posting() -> None:
    for name in ("contact", "company", "project", "source"):
        for kind, reference in entity_types.pointing_to(name):
            assert reference.field in [each.field for each in kind.filters]


@pytest.fixture
def company(account: Account) -> dict[str, Any]:
    """A company that a contact, a project and an activity point to; others point to another one."""
    company, other = account.creates("companies"), account.creates("companies")
    for each in (company, other):
        for resource in POINTING:
            account.creates(resource, company_id=each["id"])
    return dict(company)


def test_a_deletion_is_seen_at_once_and_cleared_later(account: Account, company: dict[str, Any], pump: Pump) -> None:
    before = lists(account)
    account.deletes("companies", company)
    shown = lists(account)
    for resource in POINTING:
        for record, earlier in zip(shown[resource], before[resource], strict=True):
            points = earlier["company_id"] == company["id"]
            assert record == earlier | ({"company_id": None, "company_name": ""} if points else {})
    pump("event_publisher", "cascade_worker")
    assert lists(account) == shown
    assert traces(account, company) == []


def test_clearing_moves_the_revision_alone(account: Account, company: dict[str, Any], pump: Pump) -> None:
    account.deletes("companies", company)
    before = {(item["pk"], item["sk"]): item for item in account.items()}
    pump("event_publisher", "cascade_worker")
    after = {(item["pk"], item["sk"]): item for item in account.items()}
    changed = [key for key, item in after.items() if item.get("version") and item != before[key]]
    assert len(changed) == len(POINTING)
    for key in changed:
        expected = before[key] | {"revision": before[key]["revision"] + 1}
        del expected["company_id"]
        assert after[key] == expected


def test_a_deleted_contact_leaves_its_projects_and_activities(account: Account, pump: Pump) -> None:
    contact, project = account.creates("contacts"), account.creates("projects")
    activity = account.creates("activities", contact_id=contact["id"])
    account.does("projects-contacts-add", {"project_id": project["id"], "contact_id": contact["id"]})
    account.deletes("contacts", contact)
    assert account.does("projects-contacts-list", {"project_id": project["id"]})["items"] == []
    pump("event_publisher", "cascade_worker")
    assert traces(account, contact) == []
    assert account.gets("projects", project) == project
    assert account.gets("activities", activity) == activity | {"contact_id": None, "contact_name": ""}


def test_a_deleted_project_leaves_its_contacts_and_activities(account: Account, pump: Pump) -> None:
    contact, project = account.creates("contacts"), account.creates("projects")
    activity = account.creates("activities", project_id=project["id"])
    account.does("projects-contacts-add", {"project_id": project["id"], "contact_id": contact["id"]})
    account.deletes("projects", project)
    pump("event_publisher", "cascade_worker")
    assert traces(account, project) == []
    assert account.gets("contacts", contact) == contact
    assert account.gets("activities", activity) == activity | {"project_id": None, "project_name": ""}


def clear(company: dict[str, Any], in_time: int = 10**6) -> bool:
    """Run the job once; time ends after so many looks at the clock."""
    looks = iter(range(in_time))
    return cascade.clear(company["account_id"], "company", company["id"], lambda: next(looks, None) is None)


def test_a_job_killed_between_any_two_calls_goes_on_where_it_ended(
    account: Account, company: dict[str, Any], inject: Callable[..., Any]
) -> None:
    for _ in range(8):
        account.creates("contacts", company_id=company["id"])
    account.deletes("companies", company)
    shown = lists(account)
    kills = 0
    while True:
        injection = inject("*", Killed(), skip=kills + 1, after=bool(kills % 2))
        try:
            done = clear(company)
        except Killed:
            kills += 1
            assert lists(account) == shown
            continue
        break
    assert kills > 3
    assert injection.hits == 0
    injection.hits = injection.times  # no more of them
    assert done
    assert traces(account, company) == []


def copy(account: Account, record: dict[str, Any], times: int) -> None:
    """Plant copies of a record, with their postings, under other ids."""
    items = [item for item in account.items() if record["id"] in item["sk"]]
    for _ in range(times):
        other = ids.mint(clock.now())
        items_.write(item | {"sk": item["sk"].replace(record["id"], other)} for item in items)


def test_hundreds_of_references_are_cleared_in_as_many_runs_as_it_takes(
    account: Account, round_trips: Callable[[], Any]
) -> None:
    company = account.creates("companies")
    contact = account.creates("contacts", company_id=company["id"])
    copy(account, contact, 240)
    account.deletes("companies", company)
    runs = 0
    while not clear(company, in_time=1):
        runs += 1
    assert runs == 2
    assert traces(account, company) == []
    assert account.gets("contacts", contact) == contact | {"company_id": None, "company_name": ""}
    trips: Trips
    with round_trips() as trips:
        assert clear(company)
    assert trips.write_units == 0


def test_a_worker_without_time_orders_the_rest_anew(
    account: Account, company: dict[str, Any], functions: Functions, pump: Pump, monkeypatch: pytest.MonkeyPatch
) -> None:
    account.deletes("companies", company)
    order = {"account_id": company["account_id"], "kind": "company", "id": company["id"]}
    with monkeypatch.context() as patch:
        patch.setattr(cascade, "_MARGIN_MILLISECONDS", 10**9)
        answer = functions.invoke("cascade_worker", {"Records": [queued(json.dumps(order))]})
    assert answer == {"batchItemFailures": []}
    assert traces(account, company)
    pump("cascade_worker")
    assert traces(account, company) == []


def test_a_stale_posting_goes_and_its_record_stays(account: Account, company: dict[str, Any]) -> None:
    contact = account.creates("contacts")
    partition = index_entries.value_partition(company["account_id"], "contact", "company_id", company["id"])
    items_.write([{"pk": partition, "sk": contact["id"], "kind": "posting", "revision": 1}])
    account.deletes("companies", company)
    clear(company)
    assert account.gets("contacts", contact) == contact
    assert traces(account, company) == []


def test_nothing_is_cleared_while_the_record_is_there(account: Account, company: dict[str, Any]) -> None:
    before = account.items()
    assert clear(company)
    assert account.items() == before


def sample(name: str) -> Any:
    return json.loads((template.ROOT / "events" / f"{name}.json").read_text())


def orders(pump: Pump) -> list[Any]:
    return [json.loads(each["body"]) for each in pump("cascade_worker").records.get("cascade_worker", [])]


def test_the_samples_are_handled(functions: Functions, pump: Pump) -> None:
    assert functions.invoke("event_publisher", sample("event_publisher/deletion")) is None
    assert orders(pump) == [json.loads(sample("cascade_worker/order")["Records"][0]["body"])]
    assert functions.invoke("cascade_worker", sample("cascade_worker/order")) == {"batchItemFailures": []}


def test_what_cannot_be_handled_comes_again_alone(functions: Functions) -> None:
    good, bad = sample("cascade_worker/order")["Records"][0], sample("cascade_worker/order")["Records"][0]
    bad |= {"messageId": "bad", "body": json.dumps({"account_id": "x", "kind": "unicorn", "id": "x"})}
    answer = functions.invoke("cascade_worker", {"Records": [bad, good]})
    assert answer == {"batchItemFailures": [{"itemIdentifier": "bad"}]}


def test_deletion_that_no_event_can_be_made_of_is_cleared_all_the_same(
    functions: Functions, pump: Pump, stand_ins: StandIns
) -> None:
    deletion = sample("event_publisher/deletion")
    [record] = deletion["Records"]
    record["dynamodb"]["OldImage"]["updated_at"] = {"S": "no time at all"}
    functions.invoke("event_publisher", deletion)
    assert [each["id"] for each in orders(pump)] == [record["dynamodb"]["Keys"]["sk"]["S"]]
    bucket = str(stand_ins.value({"Ref": "StreamFailures"}))
    boto3.client("s3").head_object(Bucket=bucket, Key=f"event_publisher/{record['eventID']}.json")


def test_bus_that_refuses_events_stops_no_clearing(
    functions: Functions, pump: Pump, monkeypatch: pytest.MonkeyPatch
) -> None:
    def put_events(**_asked: Any) -> Any:
        raise RuntimeError("the bus is down")

    monkeypatch.setattr(clients.client("events"), "put_events", put_events)
    with pytest.raises(RuntimeError):
        functions.invoke("event_publisher", sample("event_publisher/deletion"))
    assert len(orders(pump)) == 1


def test_a_kind_that_nothing_points_to_orders_nothing(account: Account, pump: Pump) -> None:
    activity = account.creates("activities", contact_id=account.creates("contacts")["id"])
    account.deletes("activities", activity)
    pump("event_publisher")
    assert [each for each in orders(pump) if each["account_id"] == activity["account_id"]] == []


def test_clearing_tells_no_event(account: Account, company: dict[str, Any], pump: Pump) -> None:
    account.deletes("companies", company)
    pump("event_publisher", "cascade_worker")
    seen = pump("event_publisher").records["event_publisher"]
    assert len(seen) == len(POINTING)
    assert [changes.of(record) for record in seen] == [None] * len(seen)
