"""Undo an import: batch after batch, the last one first, each in one transaction with the job.

Records that the import created are deleted, and records that it updated get their former values back. A record that was
edited since is left as it is and counted. In a second phase, the companies and sources that the import created for its
contacts are deleted unless something else uses them. That phase advances the account lock, so that an import that has
found one of them looks again.
"""

import json
from collections.abc import Callable, Sequence
from typing import Final, NamedTuple

from keel import clock, entity_types
from keel.imports import account_lock, jobs, record_change
from keel.imports.mapping import ENTITY_TYPES
from keel.imports.models import ImportEffects, ImportJob, effects_key
from keel.imports.record_change import Effects, RecordChange, Update, effective_version
from keel.records import index_entries, service
from keel.records.entity_type import EntityType
from keel.records.models import Record
from keel.storage import calls, clients, table
from keel.storage.table import RetriesExhausted, Write

_PROBE: Final = 25

# The stored names of the phases.
_RECORDS: Final = "records"
_IMPLICIT_RECORDS: Final = "besides"


def run(job: ImportJob, is_time_up: Callable[[], bool]) -> None:
    """Undo batches until all are undone, or until time is up: then another worker continues."""
    while job.status == "undoing":
        if is_time_up():
            jobs.send_to_worker(job)
            return
        try:
            job = _undo_next(job)
        except RetriesExhausted:
            jobs.send_to_worker(job)
            return


def _undo_next(job: ImportJob) -> ImportJob:
    """Undo one batch, or begin the next phase, or end."""
    page = table.query(effects_key(job).pk, before=job.undo_position, newest_first=True, limit=1)
    if page.items and isinstance(stored := page.items[0], ImportEffects):
        effects = json.loads(stored.content)
        return service.retry_on_conflict(lambda: _undo_batch(job, stored.sk, effects))
    after = job.copy()
    if job.undo_phase == _RECORDS:
        after.undo_phase, after.undo_position, after.resumed = _IMPLICIT_RECORDS, "", 0
        table.transact(jobs.save(after))
        return after
    table.commit(*jobs.end(after, "undone"))
    return after


class _Reversal(NamedTuple):
    """The changes that undo a batch, how many records were edited since, and further writes."""

    changes: list[RecordChange]
    kept: int
    writes: Sequence[Write] = ()


def _undo_batch(job: ImportJob, position: str, effects: Effects) -> ImportJob:
    reverse = _reverse_records if job.undo_phase == _RECORDS else _delete_implicit_records
    reversal = reverse(job, effects)
    after = job.copy()
    after.undo_position, after.resumed = position, 0
    after.kept_count += reversal.kept
    # Several records that had one name have one existence marker.
    added = {calls.key_of(entry): entry for change in reversal.changes for entry in change.index_entries.added}
    table.batch_write(added.values())
    table.transact(jobs.save(after), *reversal.writes, *(change.write for change in reversal.changes))
    _discard_stale_entries(reversal.changes)
    return after


def _discard_stale_entries(changes: list[RecordChange]) -> None:
    # Nobody writes the entries of a deleted record again, so they need no condition.
    table.batch_write(deletes=[key for each in changes if each.after is None for key in each.index_entries.removed])
    discards = [discard for change in changes for discard in change.discards]
    clients.map_concurrently(lambda each: index_entries.discard(*each), discards)


def _reverse_records(job: ImportJob, effects: Effects) -> _Reversal:
    entity_type = ENTITY_TYPES[job.model_type]
    updates = {update["id"]: update for update in effects.get("updated", ())}
    keys = [entity_type.key(job.account_id, id_) for id_ in (*effects.get("created", ()), *updates)]
    changes, kept = [], 0
    for attributes in table.batch_get_attributes(keys).values():
        record = entity_type.model.from_raw_data(attributes)
        update = updates.get(record.id)
        if effective_version(record) != (update["to"] if update else 1):
            kept += 1
        elif update is None:
            changes.append(record_change.deletion(entity_type, record))
        else:
            changes.append(record_change.replacement(entity_type, record, _restored(record, update)))
    return _Reversal(changes, kept)


def _restored(record: Record, update: Update) -> Record:
    version = record.version + 1
    return record.copy(
        {
            **update["had"],
            "updated_at": clock.text(clock.now()),
            "version": version,
            "bulk": version,
            "undone": record_change.restored_version(version, update["from"]),
        }
    )


def _delete_implicit_records(job: ImportJob, effects: Effects) -> _Reversal:
    lock_count = account_lock.read(job.account_id)
    found = clients.map_concurrently(lambda each: _find_unused(job, *each), effects.get("besides", ()))
    unused = [each for each in found if each]
    changes = [record_change.deletion(*each) for each in unused if effective_version(each[1]) == 1]
    writes = [account_lock.advance(job.account_id, lock_count)] if changes else []
    return _Reversal(changes, len(unused) - len(changes), writes)


def _find_unused(job: ImportJob, entity_type_name: str, id_: str) -> tuple[EntityType, Record] | None:
    entity_type = entity_types.ENTITY_TYPES[entity_type_name]
    record = table.get(entity_type.model, entity_type.key(job.account_id, id_))
    if record is None or _is_used(job.account_id, entity_type, id_):
        return None
    return entity_type, record


def _is_used(account_id: str, target: EntityType, target_id: str) -> bool:
    """Whether a record points to it. Index entries are a superset of the truth, so the records are read."""
    for entity_type, reference in entity_types.pointing_to(target.name):
        partition = index_entries.value_partition(account_id, entity_type.name, reference.field, target_id)
        after, more = "", True
        while more:
            page = table.query_attributes(partition, after=after, limit=_PROBE)
            record_ids = [index_entries.record_id(entry) for entry in page.items]
            stored = table.batch_get_attributes(entity_type.key(account_id, id_) for id_ in record_ids)
            if any(attributes.get(reference.field) == {"S": target_id} for attributes in stored.values()):
                return True
            after, more = record_ids[-1] if record_ids else "", page.more
    return False
