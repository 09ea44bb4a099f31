"""Which postings does no record stand behind any more? A slow walk through the table finds and removes them.

They come from writes that were too large for one transaction and died between its parts. Lists are not wrong
for them, only slower. The walk takes up where it ended the last time, and begins anew at the end of the table.

What looks stale may be on its way: a posting is written before the change that makes it true. So a posting
that is ahead of its record is left alone, one without a record only goes when its id is old, and it goes only
as it was read.
"""

from collections.abc import Callable, Sequence
from typing import Final

from keel import clock, entity_types
from keel.records import index_entries, models
from keel.storage import legacy_table as table
from keel.storage.legacy_table import ConditionFailed, Item, Key

_POSITION: Final = Key("sweep", "position")
_PAGE: Final = 1_000
# Longer than anything goes on writing a record whose postings it has written: imports, and their queue.
_IN_THE_MAKING: Final = 15 * clock.DAY


def go_on(now: int, out_of_time: Callable[[], bool]) -> int:
    """Sweep until time is up or the end of the table is reached; gives the number of postings removed."""
    removed = 0
    stored = table.get(_POSITION)
    after = Key(stored["after_pk"], stored["after_sk"]) if stored else None
    while True:
        found, after = table.scan("posting", after=after, limit=_PAGE)
        removed += sum(_remove(posting) for posting in stale(found, now))
        if after is None:
            table.apply(table.delete(_POSITION))
            return removed
        if out_of_time():
            place = {"after_pk": after.pk, "after_sk": after.sk}
            table.apply(table.put({**_POSITION._asdict(), "kind": "sweep", **place}))
            return removed


def stale(found: Sequence[Item], now: int) -> list[Item]:
    """Those of some postings that their records do not have, or that have no record."""
    keys = {id(posting): _record_key(posting) for posting in found}
    records = table.batch_get(keys.values())
    return [posting for posting in found if _is_stale(posting, records.get(keys[id(posting)]), now)]


def _record_key(posting: Item) -> Key:
    account_id, kind, _ = posting["pk"].split("#", 2)
    return Key(table.partition(account_id, kind), index_entries.id_of(posting))


def _is_stale(posting: Item, item: Item | None, now: int) -> bool:
    if item is None:
        return now - _minted_at(index_entries.id_of(posting)) > _IN_THE_MAKING
    if posting["revision"] > item["revision"]:
        return False
    kind = entity_types.ENTITY_TYPES.get(item["kind"])
    if kind is None:
        return False  # of another version of the code, which alone can tell
    return Key(posting["pk"], posting["sk"]) not in index_entries.of(kind, models.from_item(kind, item))


def _minted_at(id_: str) -> int:
    """The milliseconds that a UUIDv7 begins with."""
    return int(id_[:8] + id_[9:13], 16)


def _remove(posting: Item) -> bool:
    key = Key(posting["pk"], posting["sk"])
    try:
        table.apply(table.delete(key, "#revision = :revision", revision=posting["revision"]))
    except ConditionFailed:
        return False
    return True
