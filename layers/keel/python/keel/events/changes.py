"""What happened to a record? The event that a record of the table's stream stands for.

An event's id derives from the change itself, so a stream that is read twice tells the same events again. It
carries the whole record: several changes of one record may come in any order, and `version` says which is
the later.
"""

import hashlib
from dataclasses import dataclass
from typing import Any

from keel import clock, ids
from keel.entity_types import ENTITY_TYPES
from keel.events import names
from keel.records.entity_type import EntityType
from keel.records.models import Record


@dataclass(frozen=True)
class Change:
    """A change that is an event; `record` is what it left, or for a deletion the last that there was."""

    kind: EntityType
    action: str
    record: Record
    milliseconds: int
    source: dict[str, Any]  # the stream's record

    @property
    def name(self) -> str:
        return f"{self.kind.name}.{self.action}"

    @property
    def id(self) -> str:
        record = self.record
        change = "\0".join((record.account_id, self.name, record.id, str(record.version)))
        return ids.from_bits(self.milliseconds, hashlib.sha256(change.encode()).digest()[:10])

    def event(self, data: dict[str, Any] | None) -> dict[str, Any]:
        """The event with `data`, the record as a client sees it."""
        return {
            "id": self.id,
            "account_id": self.record.account_id,
            "event": self.name,
            "version": self.record.version,
            "timestamp": clock.text(self.milliseconds),
            "bulk": self.record.bulk == self.record.version,
            "data": data,
        }


def of(source: dict[str, Any]) -> Change | None:
    """The event in a stream's record; None where a client could see no change."""
    images = source["dynamodb"]
    before, after = images.get("OldImage"), images.get("NewImage")
    attributes = after or before
    if not attributes or "kind" not in attributes or attributes["kind"]["S"] not in names.KINDS:
        return None
    kind = ENTITY_TYPES[attributes["kind"]["S"]]
    record = kind.model.from_raw_data(attributes)
    updated = clock.milliseconds(record.updated_at)
    if not after:
        # The stream's clock has whole seconds: a deletion must not seem older than what was deleted.
        created = int(float(images.get("ApproximateCreationDateTime", 0)) * 1_000)
        return Change(kind, "deleted", record, max(created, updated + 1), source)
    if not before:
        return Change(kind, "created", record, updated, source)
    if before["version"] == after["version"]:  # a reference was cleared, say: what is shown did not change by it
        return None
    return Change(kind, "updated", record, updated, source)
