"""Define the base model of all records.

The record of an entity type is stored under `<account>#<entity type>`, with its id as `sk` (see `EntityType.key`). Ids
sort by creation. The access patterns are:

- get, create, update and delete one record by its key;
- list the records of an account, newest first: a query of the partition;
- list or search by value or word: a query of index entries (see `keel.records.index_entries`), then a batch of keys.
"""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any, Final, Self

from pynamodb.attributes import UnicodeAttribute, VersionAttribute

from keel.storage.attribute_types import DocumentAttribute, IntegerAttribute, OptionalIntegerAttribute
from keel.storage.models import AttributeMap, Item

_NO_CHANGES: Final[Mapping[str, Any]] = MappingProxyType({})


class Record(Item):
    """The attributes that all records have.

    `version` moves with every change that a client can see, and so with every event. `revision` moves with every
    write, and updates are conditional on it. In memory it is the revision that the record was read with, None for a
    new record: the write stores the next one.

    `bulk` is the version that an import or its undo wrote, if one did. The event of such a change yields to those of
    other changes. `undone` tells that the version `at` restored what the version `version` held.
    """

    created_by = UnicodeAttribute()
    created_at = UnicodeAttribute()
    updated_at = UnicodeAttribute()
    version = IntegerAttribute()
    revision = VersionAttribute()
    bulk = OptionalIntegerAttribute()
    undone = DocumentAttribute(null=True)

    @property
    def id(self) -> str:
        return str(self.sk)

    @property
    def next_revision(self) -> int:
        """The revision that the next write stores."""
        return (self.revision or 0) + 1

    def copy(self, changes: Mapping[str, Any] = _NO_CHANGES) -> Self:
        """A copy with some attributes changed. Lists and maps are shared with it, so they are replaced, not changed."""
        copied = type(self).__new__(type(self))
        copied.__dict__ = {**self.__dict__, "attribute_values": {**self.attribute_values, **changes}}
        return copied

    def as_written(self) -> Self:
        """A copy as it is read back after its write."""
        return self.copy({"revision": self.next_revision})

    def serialize_new(self) -> AttributeMap:
        """The attributes of a new record, with its first revision."""
        return {**self.serialize(), "revision": {"N": str(self.next_revision)}}
