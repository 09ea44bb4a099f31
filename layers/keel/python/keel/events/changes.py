"""Make events of the changes in the table's stream.

The id of an event derives from the change, so a stream that is read twice yields the same events. An event contains the
whole record. Changes of one record can arrive in any order, and `version` tells which is later.
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
    """A change that is an event. `record` is the record after it, or the deleted record."""

    entity_type: EntityType
    action: str
    record: Record
    milliseconds: int
    stream_record: dict[str, Any]

    @property
    def name(self) -> str:
        return f"{self.entity_type.name}.{self.action}"

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


def of(stream_record: dict[str, Any]) -> Change | None:
    """The event that a record of the stream stands for, None if clients see no change."""
    images = stream_record["dynamodb"]
    before, after = images.get("OldImage"), images.get("NewImage")
    attributes = after or before
    if not attributes or "kind" not in attributes or attributes["kind"]["S"] not in names.ENTITY_TYPE_NAMES:
        return None
    entity_type = ENTITY_TYPES[attributes["kind"]["S"]]
    record = entity_type.model.from_raw_data(attributes)
    updated = clock.milliseconds(record.updated_at)
    if not after:
        # The stream's times are whole seconds. A deletion must not seem older than the record.
        created = int(float(images.get("ApproximateCreationDateTime", 0)) * 1_000)
        return Change(entity_type, "deleted", record, max(created, updated + 1), stream_record)
    if not before:
        return Change(entity_type, "created", record, updated, stream_record)
    if before["version"] == after["version"]:  # for example, a reference was cleared, which clients saw as null before
        return None
    return Change(entity_type, "updated", record, updated, stream_record)
