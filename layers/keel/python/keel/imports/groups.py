"""How are a few rows written? In one transaction with the job.

The transaction holds the records, the job's counts, its position in the file and what is needed to undo it. So
a group has happened wholly or not at all, whoever dies, and whoever does it again finds the job moved on.
Postings go before it, as a superset of the truth.

Groups of all of an account's imports take turns: the transaction stands only if no other group was written
since its rows were judged. So two imports at once make no doubles either.
"""

import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any, Final

from keel import clock
from keel.errors import ApiError
from keel.imports import jobs, turns, versions
from keel.imports.jobs import Job
from keel.imports.pool import Held, Pool
from keel.imports.rows import RowFault, packed
from keel.records import field_definitions, service
from keel.records import index_entries as index
from keel.records.entity_type import EntityType
from keel.records.models import Record
from keel.storage import calls, clients
from keel.storage import legacy_table as table
from keel.storage.legacy_table import Key, Write
from keel.storage.models import AttributeMap

ROWS: Final = 94

_SLOTS: Final = 94  # of the transaction's 100: the job and its end, the turn, the definitions, effects, errors
_PER_ROW: Final = 3  # slots that a row takes at most: its record, and two that it points to, new or checked
_CHARACTERS: Final = 800_000  # of the 4 MB of a transaction
_EFFECT_BYTES: Final = 100_000  # of the 400 KB of an item, of which one row may take most
_KEPT_DAYS: Final = 45


class Overtaken(Exception):
    """What the rows were judged by has changed since: they are to be judged anew."""


@dataclass(frozen=True)
class Change:
    """What becomes of one record by a group; `before` is None if the group creates it."""

    kind: EntityType
    before: Record | None
    record: Record
    write: Write
    besides: bool

    @classmethod
    def of(cls, held: Held) -> "Change":
        return cls(held.kind, held.before, held.record, held.write or service.put(held.kind, held.record), held.besides)

    def reverse(self) -> dict[str, Any]:
        """What the record had before, of the fields that changed."""
        before = self.before or self.record
        old, new = before.attribute_values, self.record.attribute_values
        had = {name: old.get(name) for name in self.kind.defaults if old.get(name) != new.get(name)}
        return {"id": self.record.id, "from": versions.brought_back(before), "to": self.record.version, "had": had}


@dataclass
class Group:
    """What some rows came to, in the order of the file: first gathered, then written."""

    pool: Pool
    account_id: str
    rows: int = 0
    position: int = 0
    is_last: bool = False
    counts: dict[str, int] = field(default_factory=lambda: dict.fromkeys(jobs.COUNTS, 0))
    errors: list[str] = field(default_factory=list)  # as JSON
    checks: dict[Key, Write] = field(default_factory=dict)
    is_judged_by_definitions: bool = False
    size: int = 0
    effect_size: int = 0
    postings: dict[Key, AttributeMap] = field(init=False)  # what is to be stored before the group is
    _turn: int = field(init=False)
    _changes: list[Change] = field(init=False)
    _moves: list[index.Change] = field(init=False)

    # ---- Gathering --------------------------------------------------------------------------------------------

    @property
    def is_full(self) -> bool:
        slots = len(self.pool.changed) + len(self.checks) + _PER_ROW
        return slots > _SLOTS or self.size > _CHARACTERS or self.effect_size > _EFFECT_BYTES

    def take(self, held: Held, checks: list[Write]) -> None:
        """A record as a row leaves it, and the checks that hold it.

        That what it points to was not deleted meanwhile is not among those that are made: a deletion after the row
        is the same to everybody, and clears what pointed to it once no worker can still be writing what it has read.
        """
        self.size += sum(len(value["S"]) for value in held.item.values() if "S" in value)
        if held.before is not None:
            self.effect_size += len(json.dumps(Change.of(held).reverse()))
        self.pool.take(held)
        deletable = {
            reference.key(self.account_id, target_id)
            for reference in held.kind.references
            if not reference.inactive_when and (target_id := held.record.attribute_values.get(reference.field))
        }
        for check in checks:
            key = calls.key_of(check.request["Key"])
            if key == field_definitions.version_key(self.account_id):
                self.is_judged_by_definitions = True
            elif key not in deletable:
                self.checks[key] = check

    def fail(self, number: int, fault: RowFault, cells: list[str]) -> None:
        error = {"row": number, "field": fault.field, "code": fault.code, "message": fault.message, "cells": cells}
        self.errors.append(packed(error))
        self.effect_size += len(self.errors[-1].encode())

    def end(self, position: int, *, is_last: bool) -> None:
        """No row comes to it any more; `position` is where the file goes on."""
        self.position, self.is_last = position, is_last
        self._turn = self.pool.turn
        self._changes = [Change.of(held) for held in self.pool.changed]
        self._moves = [index.change(change.kind, change.before, change.record) for change in self._changes]
        self.postings = {calls.key_of(item): item for move in self._moves for item in move.added}
        self.pool.end_group()

    # ---- Writing ----------------------------------------------------------------------------------------------

    def commit(self, job: Job, worker: str) -> Job:
        """Write what the rows came to; gives the job as it is then.

        Raises `Moved` when the job has, and `Overtaken` when something else has, since the rows were judged.
        """
        values: dict[str, Any] = {name: job[name] + count for name, count in self.counts.items()}
        values |= {"processed_rows": job["processed_rows"] + self.rows, "position": self.position}
        values |= {"worker": worker, "resumed": 0}
        if self.is_last:
            after, own = jobs.ended(job, "completed", **values)
        else:
            after, write = jobs.changed(job, **values)
            own = [write]
        records = (change.write for change in self._changes)
        try:
            table.commit(*own, turns.take(self.account_id, self._turn), *self._kept(after), *self._held(), *records)
        except (service.Stale, field_definitions.DefinitionsChanged, ApiError):
            raise Overtaken from None
        return after

    def discard_stale(self) -> None:
        """Remove the postings that are no longer true now that the group is written."""
        moves = zip(self._changes, self._moves, strict=True)
        stale = [(key, change.record.next_revision) for change, move in moves for key in move.removed]
        clients.map_concurrently(lambda each: index.discard(*each), stale)

    def _held(self) -> list[Write]:
        own = {change.record.key for change in self._changes}
        checks = [check for key, check in self.checks.items() if key not in own]
        if self.is_judged_by_definitions:
            checks.append(field_definitions.unchanged(self.account_id, self.pool.defined))
        return checks

    def _kept(self, job: Job) -> Iterator[Write]:
        """What undoing needs to know, and the rows that failed, each under the place of the group's last row."""
        place = f"{job['processed_rows']:08}"
        undoing = self._undoing()
        kept = (
            ("import_effects", jobs.effects_key(job, place), packed(undoing) if undoing else ""),
            ("import_errors", jobs.errors_key(job, place), f"[{','.join(self.errors)}]" if self.errors else ""),
        )
        for kind, key, content in kept:
            if content:
                ttl = clock.now() // 1_000 + _KEPT_DAYS * 86_400
                yield table.put({"pk": key.pk, "sk": key.sk, "kind": kind, "content": content, "ttl": ttl})

    def _undoing(self) -> dict[str, Any]:
        new = [change for change in self._changes if change.before is None]
        effects = {
            "created": [change.record.id for change in new if not change.besides],
            "besides": [[change.kind.name, change.record.id] for change in new if change.besides],
            "updated": [change.reverse() for change in self._changes if change.before is not None],
        }
        return {name: found for name, found in effects.items() if found}
