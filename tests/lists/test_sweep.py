"""Does the sweep remove what no record stands behind, and nothing else, whatever is on its way meanwhile?"""

from typing import Any

import pytest

from keel import clock, ids
from keel.records import index_entries
from keel.settings import settings
from keel.storage import clients
from keel.storage import legacy_table as table
from keel.storage.legacy_table import Item, Key
from keel.workers import sweep


@pytest.fixture
def contact(ask: Any) -> Any:
    made = ask("contacts-create", first_name="Ann", tags=["x"])
    table.apply(table.delete(Key("sweep", "position")))  # from the start
    return made


def tagged(contact: Any, tag: str, id_: str = "", revision: int = 1) -> Item:
    """A posting for a tag, stored."""
    pk = index_entries.value_partition(contact["account_id"], "contact", "tags", tag)
    posting = {"pk": pk, "sk": id_ or contact["id"], "kind": "posting", "revision": revision}
    table.apply(table.put(posting))
    return posting


def is_there(posting: Item) -> bool:
    return table.get(Key(posting["pk"], posting["sk"])) is not None


def test_a_posting_that_its_record_does_not_have_is_removed(contact: Any, ask: Any, invoke: Any) -> None:
    stale, true = tagged(contact, "y"), tagged(contact, "x")
    assert ask("contacts-list", tags=["y"])["items"] == []
    invoke("sweep", {})
    assert not is_there(stale)
    assert is_there(true)
    for filters in ({"tags": ["x"]}, {"search": "ann"}, {}):
        assert ask("contacts-list", **filters)["items"] == [contact]


def test_a_posting_without_a_record_is_removed_when_it_is_old(contact: Any, invoke: Any) -> None:
    young, old = ids.mint(clock.now()), ids.mint(clock.now() - 20 * clock.DAY)
    in_the_making, left_behind = tagged(contact, "x", young), tagged(contact, "x", old)
    invoke("sweep", {})
    assert is_there(in_the_making)
    assert not is_there(left_behind)


def test_a_posting_that_is_ahead_of_its_record_is_left(contact: Any, invoke: Any) -> None:
    ahead = tagged(contact, "y", revision=2)
    invoke("sweep", {})
    assert is_there(ahead)


def test_a_posting_that_was_written_anew_meanwhile_is_left(contact: Any) -> None:
    stale = tagged(contact, "y")
    found = sweep.stale([stale], clock.now())
    assert found == [stale]
    tagged(contact, "y", revision=2)
    assert not sweep._remove(stale)
    assert is_there(stale)


def test_a_sweep_goes_on_where_it_ended(contact: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    stale = [tagged(contact, f"stale{number}") for number in range(5)]
    size = clients.client("dynamodb").scan(TableName=settings().table, Select="COUNT")["ScannedCount"]
    monkeypatch.setattr(sweep, "_PAGE", size // 3)
    runs = 0
    while sum(map(is_there, stale)):
        sweep.run(clock.now(), lambda: True)
        runs += 1
        assert runs < 1_000
    assert runs > 1
