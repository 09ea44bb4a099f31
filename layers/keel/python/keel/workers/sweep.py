"""Remove index entries that no record stands behind, in a slow scan of the table.

They come from writes that were too large for one transaction and failed between its parts. Lists are not wrong because
of them, only slower. A scan continues where the last one ended, and starts over at the end of the table.

What looks stale may be about to become true: an index entry is written before the change that makes it true. So an
entry whose revision is ahead of its record is kept, one without a record is removed only if its id is old, and every
entry is removed only as it was read.
"""

from collections.abc import Callable, Sequence
from typing import Final

from pynamodb.attributes import UnicodeAttribute

from keel import clock, entity_types
from keel.records import index_entries
from keel.records.index_entries import IndexEntry
from keel.storage import calls, table
from keel.storage.models import AttributeMap, Item, Key
from keel.storage.table import ConditionFailed

POSITION: Final = Key("sweep", "position")
PAGE: Final = 1_000
# Longer than imports, and their queue, keep writing a record whose index entries they have written.
_UNDER_WAY: Final = 15 * clock.DAY


class SweepPosition(Item, discriminator="sweep"):
    """The key after which the next scan continues."""

    after_pk = UnicodeAttribute()
    after_sk = UnicodeAttribute()


def run(now: int, is_time_up: Callable[[], bool]) -> int:
    """Scan until time is up or the end of the table is reached. Returns the number of index entries removed."""
    removed = 0
    position = table.get(SweepPosition, POSITION)
    after = Key(position.after_pk, position.after_sk) if position else None
    while True:
        entries, after = table.scan_attributes(IndexEntry, after=after, limit=PAGE)
        removed += sum(remove(entry) for entry in stale(entries, now))
        if after is None:
            table.write(table.delete(SweepPosition, POSITION))
            return removed
        if is_time_up():
            table.write(table.put(SweepPosition(*POSITION, after_pk=after.pk, after_sk=after.sk)))
            return removed


def stale(entries: Sequence[AttributeMap], now: int) -> list[AttributeMap]:
    """The index entries that do not belong to their record, or that have none."""
    keys = list(map(_record_key, entries))
    records = table.batch_get_attributes(keys)
    return [entry for entry, key in zip(entries, keys, strict=True) if _is_stale(entry, records.get(key), now)]


def remove(entry: AttributeMap) -> bool:
    """Remove an index entry if it is still as it was read. Returns whether it was."""
    unchanged = IndexEntry.revision == int(entry["revision"]["N"])
    try:
        table.write(table.delete(IndexEntry, calls.key_of(entry), unchanged))
    except ConditionFailed:
        return False
    return True


def _record_key(entry: AttributeMap) -> Key:
    account_id, entity_type, _ = entry["pk"]["S"].split("#", 2)
    return Key(table.partition(account_id, entity_type), index_entries.record_id(entry))


def _is_stale(entry: AttributeMap, record: AttributeMap | None, now: int) -> bool:
    if record is None:
        return now - _minted_at(index_entries.record_id(entry)) > _UNDER_WAY
    if int(entry["revision"]["N"]) > int(record["revision"]["N"]):
        return False
    entity_type = entity_types.ENTITY_TYPES.get(record["kind"]["S"])
    if entity_type is None:
        return False  # written by another version of the code
    loaded = entity_type.model.from_raw_data(record)
    return calls.key_of(entry) not in index_entries.keys_of(entity_type, loaded)


def _minted_at(id_: str) -> int:
    """The milliseconds that a UUIDv7 begins with."""
    return int(id_[:8] + id_[9:13], 16)
