"""Collect the changes of up to 94 rows, and write them in one transaction with the job.

The transaction has the records, the job's counts, its position in the file, the failed rows, and what undo must know.
So a batch is written completely or not at all, whatever is interrupted, and a worker that repeats it finds that the job
has moved on. The index entries are written before it: they are a superset of the truth.

The transaction also advances the account lock. It fails with `BatchConflict` if another import of the account has
written a batch since the records were read.
"""

import json
from collections.abc import Iterable, Iterator
from typing import Final

from keel import clock
from keel.errors import ApiError
from keel.imports import account_lock, jobs
from keel.imports.models import ImportEffects, ImportErrors, ImportJob, effects_key, errors_key
from keel.imports.record_cache import CachedRecord, RecordCache
from keel.imports.record_change import Effects, RecordChange, update_of
from keel.imports.row_json import to_json
from keel.imports.row_parser import InvalidRow
from keel.records import field_definitions, index_entries, service
from keel.storage import calls, clients, table
from keel.storage.models import AttributeMap, Key
from keel.storage.table import Write

MAX_ROWS: Final = 94

_MAX_WRITES: Final = 94  # of the 100 of a transaction: the job and its marker, lock, definitions, effects, errors
_WRITES_PER_ROW: Final = 3  # at most: its record, and two records that it points to, created or checked
_MAX_CHARACTERS: Final = 800_000  # of the 4 MB of a transaction
_MAX_EFFECTS_BYTES: Final = 100_000  # of the 400 KB of an item, of which one row may take most
_KEPT_DAYS: Final = 45


class BatchConflict(Exception):
    """The rows were processed by records or definitions that have changed since. They must be processed again."""


class Batch:
    """What some rows come to, in the order of the file: first collected, then written."""

    def __init__(self, cache: RecordCache) -> None:
        self._cache = cache
        self._writes: dict[CachedRecord, Write] = {}
        self._checks: dict[Key, Write] = {}
        self._depends_on_definitions = False
        self._errors: list[str] = []  # as JSON
        self._effects_bytes = 0
        self._characters = 0
        self.rows = 0
        self.counts = {"created": 0, "updated": 0, "skipped": 0, "failed": 0}
        self.index_entries: dict[Key, AttributeMap] = {}  # those that must be stored before `commit`
        self._changes: list[RecordChange] = []
        self._lock_count = cache.lock_count
        self._position = 0
        self._is_last = False

    # ---- Collecting ---------------------------------------------------------------------------------------------

    @property
    def is_full(self) -> bool:
        return (
            self.rows >= MAX_ROWS
            or len(self._writes) + len(self._checks) + _WRITES_PER_ROW > _MAX_WRITES
            or self._characters > _MAX_CHARACTERS
            or self._effects_bytes > _MAX_EFFECTS_BYTES
        )

    @property
    def size(self) -> int:
        """About how many characters the batch holds in memory."""
        return self._characters + self._effects_bytes

    def count_row(self, outcome: str) -> None:
        self.counts[outcome] += 1
        self.rows += 1

    def add(self, cached: CachedRecord, write: Write, checks: Iterable[Write]) -> None:
        """Add a record that a row has created or changed, with its write and the condition checks of the write."""
        self._writes[cached] = write
        self._characters += sum(len(value["S"]) for value in write.request["Item"].values() if "S" in value)
        if cached.stored is not None:
            self._effects_bytes += len(json.dumps(update_of(cached.entity_type, cached.stored, cached.record)))
        version_key = field_definitions.version_key(self._cache.account_id)
        unchecked = self._unchecked_partitions(cached)
        for check in checks:
            key = calls.key_of(check.request["Key"])
            if key == version_key:
                self._depends_on_definitions = True
            elif key.pk not in unchecked:
                self._checks[key] = check

    def _unchecked_partitions(self, cached: CachedRecord) -> set[str]:
        """The partitions of records that a row may point to although they are deleted before the batch is written.

        Such a deletion counts as later than the row. The cascade clears what pointed to the record, once no worker can
        still be writing what it has read before.
        """
        return {
            reference.key(self._cache.account_id, "").pk
            for reference in cached.entity_type.references
            if not reference.inactive_when
        }

    def add_error(self, number: int, error: InvalidRow, cells: list[str]) -> None:
        stored = {"row": number, "field": error.field, "code": error.code, "message": error.message, "cells": cells}
        self._errors.append(to_json(stored))
        self._effects_bytes += len(self._errors[-1].encode())

    def close(self, position: int, *, is_last: bool) -> None:
        """End the collection. `position` is the byte at which the next row begins."""
        self._position, self._is_last = position, is_last
        self._changes = [
            RecordChange(cached.entity_type, cached.stored, cached.record, write, cached.is_implicit)
            for cached, write in self._writes.items()
        ]
        added = (entry for change in self._changes for entry in change.index_entries.added)
        self.index_entries = {calls.key_of(entry): entry for entry in added}
        self._cache.close_batch(self._writes)

    # ---- Writing ------------------------------------------------------------------------------------------------

    def commit(self, job: ImportJob, worker: str) -> ImportJob:
        """Write the batch and return the job as it is then.

        Raises `JobConflict` if the job has changed, and `BatchConflict` if something else has changed since the rows
        were processed.
        """
        after = job.copy()
        after.created_count += self.counts["created"]
        after.updated_count += self.counts["updated"]
        after.skipped_count += self.counts["skipped"]
        after.failed_count += self.counts["failed"]
        after.processed_rows += self.rows
        after.position = self._position
        after.worker, after.resumed = worker, 0
        job_writes = jobs.end(after, "completed") if self._is_last else [jobs.save(after)]
        lock = account_lock.advance(self._cache.account_id, self._lock_count)
        records = (change.write for change in self._changes)
        try:
            table.commit(*job_writes, lock, *self._result_writes(after), *self._condition_checks(), *records)
        except (service.Stale, field_definitions.DefinitionsChanged, ApiError):
            raise BatchConflict from None
        return after

    def discard_stale_entries(self) -> None:
        """Remove the index entries that are stale now that the batch is written."""
        discards = [discard for change in self._changes for discard in change.discards]
        clients.map_concurrently(lambda each: index_entries.discard(*each), discards)

    def _condition_checks(self) -> list[Write]:
        written = {change.after.key for change in self._changes if change.after}
        checks = [check for key, check in self._checks.items() if key not in written]
        if self._depends_on_definitions:
            checks.append(field_definitions.unchanged(self._cache.account_id, self._cache.definitions))
        return checks

    def _result_writes(self, job: ImportJob) -> Iterator[Write]:
        """What undo must know, and the failed rows, each under the number of the last row."""
        ttl = clock.now() // clock.SECOND + _KEPT_DAYS * 86_400
        effects = self._effects()
        if effects:
            key = effects_key(job, job.processed_rows)
            yield table.put(ImportEffects(*key, content=to_json(effects), ttl=ttl))
        if self._errors:
            key = errors_key(job, job.processed_rows)
            yield table.put(ImportErrors(*key, content=f"[{','.join(self._errors)}]", ttl=ttl))

    def _effects(self) -> Effects:
        effects: Effects = {}
        for change in self._changes:
            if change.after is None:
                continue
            if change.before is not None:
                effects.setdefault("updated", []).append(update_of(change.entity_type, change.before, change.after))
            elif change.is_implicit:
                effects.setdefault("besides", []).append((change.entity_type.name, change.after.id))
            else:
                effects.setdefault("created", []).append(change.after.id)
        return effects
