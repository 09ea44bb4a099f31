"""Describe the change of a record by an import or its undo, and what undo must know about it."""

from dataclasses import dataclass
from functools import cached_property
from typing import Any, NotRequired, TypedDict

from keel.records import index_entries, service
from keel.records.entity_type import EntityType
from keel.records.models import Record
from keel.storage.models import Key
from keel.storage.table import Write


@dataclass(frozen=True)
class RecordChange:
    """A record before and after a change. `before` is None if the record is created, `after` if it is deleted.

    `is_implicit` tells that a row has created the record for its own record to point to.
    """

    entity_type: EntityType
    before: Record | None
    after: Record | None
    write: Write
    is_implicit: bool = False

    @cached_property
    def index_entries(self) -> index_entries.Change:
        return index_entries.change(self.entity_type, self.before, self.after)

    @property
    def discards(self) -> list[tuple[Key, int]]:
        """The index entries that the change makes stale, with the revision that made them so."""
        return [(key, self.after.next_revision) for key in self.index_entries.removed] if self.after else []


def replacement(entity_type: EntityType, before: Record, after: Record) -> RecordChange:
    return RecordChange(entity_type, before, after, service.put(entity_type, after))


def deletion(entity_type: EntityType, record: Record) -> RecordChange:
    return RecordChange(entity_type, record, None, service.remove(entity_type, record))


# --- What undo must know -------------------------------------------------------------------------------------


# The stored form of an update: the record, the version before and after it, and the former values of changed fields.
Update = TypedDict("Update", {"id": str, "from": int, "to": int, "had": dict[str, Any]})


class Effects(TypedDict):
    """The stored form of what a batch has done: the ids of records that it created, implicit ones apart, and updates.

    `besides` are the implicit records, as pairs of entity type and id.
    """

    created: NotRequired[list[str]]
    besides: NotRequired[list[tuple[str, str]]]
    updated: NotRequired[list[Update]]


def update_of(entity_type: EntityType, before: Record, after: Record) -> Update:
    """How undo reverses the change of a stored record."""
    old, new = before.attribute_values, after.attribute_values
    had = {name: old.get(name) for name in entity_type.defaults if old.get(name) != new.get(name)}
    return {"id": after.id, "from": effective_version(before), "to": after.version, "had": had}


def restored_version(version: int, restored: int) -> dict[str, int]:
    """The attribute `undone` of a record whose new version restores what an earlier version held."""
    return {"at": version, "version": restored}


def effective_version(record: Record) -> int:
    """The earliest version that held what the record holds, as far as undo knows.

    A restored record moves its version on like any other change, which looks like an edit. What it holds is an earlier
    version, though: of the same import if another of its rows had changed it, of an earlier import, or of a user's.
    """
    version, undone = record.version, record.undone
    return int(undone["version"]) if undone and undone["at"] == version else version
