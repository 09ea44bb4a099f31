"""Test that the sweep removes the index entries that no record stands behind, and no others."""

from typing import Any

import pytest

from keel import clock, ids
from keel.records import index_entries
from keel.settings import settings
from keel.storage import calls, clients, table
from keel.storage.attribute_types import encode_attributes
from keel.storage.models import AttributeMap
from keel.workers import sweep
from keel.workers.sweep import POSITION, SweepPosition


@pytest.fixture
def contact(ask: Any) -> Any:
    created = ask("contacts-create", first_name="Ann", tags=["x"])
    table.write(table.delete(SweepPosition, POSITION))  # start over
    return created


def store_entry(contact: Any, tag: str, id_: str = "", revision: int = 1) -> AttributeMap:
    """Store an index entry for a tag."""
    pk = index_entries.value_partition(contact["account_id"], "contact", "tags", tag)
    entry = encode_attributes({"pk": pk, "sk": id_ or contact["id"], "kind": "posting", "revision": revision})
    table.batch_write([entry])
    return entry


def exists(entry: AttributeMap) -> bool:
    return bool(table.batch_get_attributes([calls.key_of(entry)]))


def test_an_index_entry_that_its_record_does_not_have_is_removed(contact: Any, ask: Any, invoke: Any) -> None:
    stale, valid = store_entry(contact, "y"), store_entry(contact, "x")
    assert ask("contacts-list", tags=["y"])["items"] == []
    invoke("sweep", {})
    assert not exists(stale)
    assert exists(valid)
    for filters in ({"tags": ["x"]}, {"search": "ann"}, {}):
        assert ask("contacts-list", **filters)["items"] == [contact]


def test_an_old_index_entry_without_a_record_is_removed(contact: Any, invoke: Any) -> None:
    young, old = ids.mint(clock.now()), ids.mint(clock.now() - 20 * clock.DAY)
    under_way, left_behind = store_entry(contact, "x", young), store_entry(contact, "x", old)
    invoke("sweep", {})
    assert exists(under_way)
    assert not exists(left_behind)


def test_an_index_entry_ahead_of_its_record_is_kept(contact: Any, invoke: Any) -> None:
    ahead = store_entry(contact, "y", revision=2)
    invoke("sweep", {})
    assert exists(ahead)


def test_an_index_entry_that_was_written_again_meanwhile_is_kept(contact: Any) -> None:
    stale = store_entry(contact, "y")
    assert sweep.stale([stale], clock.now()) == [stale]
    store_entry(contact, "y", revision=2)
    assert not sweep.remove(stale)
    assert exists(stale)


def test_a_sweep_continues_where_the_last_one_ended(contact: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    stale = [store_entry(contact, f"stale{number}") for number in range(5)]
    size = clients.client("dynamodb").scan(TableName=settings().table, Select="COUNT")["ScannedCount"]
    monkeypatch.setattr(sweep, "PAGE", size // 3)
    runs = 0
    while any(map(exists, stale)):
        sweep.run(clock.now(), lambda: True)
        runs += 1
        assert runs < 1_000
    assert runs > 1
