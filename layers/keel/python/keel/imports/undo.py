"""How is an import undone? Group after group, the last one first, each in one transaction with the job.

What was created is deleted and what was updated has its old values again, unless it was edited since: that is
left, and counted. Then go the companies and sources that the import created for its contacts, if nothing else
uses them, in the account's turns: an import under way that has found one of them finds it anew, or creates it.
"""

import json
from collections.abc import Callable, Iterable
from typing import Any, Final

from keel import clock, entity_types
from keel.imports import jobs, turns, versions
from keel.imports.jobs import Job
from keel.imports.mapping import KINDS
from keel.records import index_entries, service
from keel.records.entity_type import EntityType
from keel.records.models import Record
from keel.storage import calls, clients
from keel.storage import legacy_table as table
from keel.storage.legacy_table import Key, Write
from keel.storage.table import batch_get_attributes, batch_write, query_attributes

_PROBE: Final = 25


def carry_on(job: Job, is_time_up: Callable[[], bool]) -> None:
    """First the records (phase "records"), then what was created besides ("besides"), from where the job stands."""
    while job["status"] == "undoing":
        if is_time_up():
            jobs.go_on(job)
            return
        try:
            job = _step(job)
        except table.RetriesExhausted:
            jobs.go_on(job)
            return


def _step(job: Job) -> Job:
    pk = jobs.effects_key(job, "").pk
    found = table.query(pk, before=job["undo_position"], newest_first=True, limit=1).items
    if found:
        effects = json.loads(found[0]["content"])
        return service.retry_on_conflict(lambda: _undo(job, found[0]["sk"], effects))
    if job["undo_phase"] == "records":
        after, write = jobs.changed(job, undo_phase="besides", undo_position="", resumed=0)
        table.transact(write)
        return after
    after, writes = jobs.ended(job, "undone")
    table.commit(*writes)
    return after


class _Change:
    """A record of a group, and what becomes of it."""

    def __init__(self, kind: EntityType, before: Record, after: Record | None) -> None:
        self.kind, self.before, self.after = kind, before, after

    def write(self) -> Write:
        if self.after is None:
            return service.remove(self.kind, self.before)
        return service.put(self.kind, self.after)


def _undo(job: Job, place: str, effects: dict[str, Any]) -> Job:
    changes, kept, turn = (_records if job["undo_phase"] == "records" else _besides)(job, effects)
    after, write = jobs.changed(job, undo_position=place, kept_count=job["kept_count"] + kept, resumed=0)
    moves = [index_entries.change(change.kind, change.before, change.after) for change in changes]
    # Of several records that had one name, each brings that name's mark.
    batch_write({calls.key_of(item): item for move in moves for item in move.added}.values())
    table.transact(write, *turn, *(change.write() for change in changes))
    _discard(zip(changes, moves, strict=True))
    return after


def _discard(moves: Iterable[tuple[_Change, index_entries.Change]]) -> None:
    """Remove the postings that are no longer true."""
    gone: list[Key] = []
    stale: list[tuple[Key, int]] = []
    for change, move in moves:
        if change.after is None:
            gone += move.removed  # nobody writes these anew: the id is gone for good
        else:
            stale += [(key, change.after.next_revision) for key in move.removed]
    batch_write(deletes=gone)
    clients.map_concurrently(lambda each: index_entries.discard(*each), stale)


def _records(job: Job, effects: dict[str, Any]) -> tuple[list[_Change], int, list[Write]]:
    """What becomes of the records of a group, how many were edited since, and the turn that this takes: none."""
    kind = KINDS[job["model_type"]]
    updated = {entry["id"]: entry for entry in effects.get("updated", ())}
    wanted = [kind.key(job["account_id"], id_) for id_ in (*effects.get("created", ()), *updated)]
    changes, kept = [], 0
    for item in batch_get_attributes(wanted).values():
        record = kind.model.from_raw_data(item)
        entry = updated.get(record.id)
        if versions.brought_back(record) != (entry["to"] if entry else 1):
            kept += 1
        elif entry is None:
            changes.append(_Change(kind, record, None))
        else:
            changes.append(_Change(kind, record, _restored(record, entry)))
    return changes, kept, []


def _restored(record: Record, entry: dict[str, Any]) -> Record:
    version = record.version + 1
    return record.copy(
        {
            **entry["had"],
            "updated_at": clock.text(clock.now()),
            "version": version,
            "bulk": version,
            "undone": versions.mark(version, entry["from"]),
        }
    )


def _besides(job: Job, effects: dict[str, Any]) -> tuple[list[_Change], int, list[Write]]:
    """What becomes of the companies and sources of a group, how many were edited since, and the turn that it takes."""
    turn = turns.seen(table.get(turns.key(job["account_id"])))
    unused = [
        each for each in clients.map_concurrently(lambda each: _unused(job, *each), effects.get("besides", ())) if each
    ]
    changes = [_Change(kind, record, None) for kind, record in unused if versions.brought_back(record) == 1]
    return changes, len(unused) - len(changes), [turns.take(job["account_id"], turn)] if changes else []


def _unused(job: Job, name: str, id_: str) -> tuple[EntityType, Record] | None:
    kind = entity_types.ENTITY_TYPES[name]
    key = kind.key(job["account_id"], id_)
    item = batch_get_attributes([key]).get(key)
    if item is None or _is_used(job["account_id"], kind, id_):
        return None
    return kind, kind.model.from_raw_data(item)


def _is_used(account_id: str, target: EntityType, target_id: str) -> bool:
    """Whether a record points to it; postings may be more than the truth."""
    for kind, reference in entity_types.pointing_to(target.name):
        partition, after = index_entries.value_partition(account_id, kind.name, reference.field, target_id), ""
        while True:
            page = query_attributes(partition, after=after, limit=_PROBE)
            keys = [kind.key(account_id, posting["sk"]["S"]) for posting in page.items]
            items = batch_get_attributes(keys).values()
            if any(item.get(reference.field) == {"S": target_id} for item in items):
                return True
            if not page.more:
                break
            after = page.items[-1]["sk"]["S"]
    return False
