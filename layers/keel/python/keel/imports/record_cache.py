"""Cache the records that rows match or point to: what is stored, read in batches, and what earlier rows made of it."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Final, NamedTuple

from keel import entity_types, ids
from keel.imports import account_lock
from keel.imports.models import account_lock_key
from keel.imports.row_parser import ParsedRow
from keel.records import field_definitions, index_entries, references
from keel.records.entity_type import EntityType, Reference
from keel.records.models import Record
from keel.storage import clients, table
from keel.storage.models import AttributeMap, Key
from keel.storage.table import AttributesPage

_CANDIDATES: Final = 5


@dataclass(eq=False)
class CachedRecord:
    """A record as the rows so far leave it.

    `stored` is the record before the current batch, None if the batch creates it. `is_implicit` tells that a row has
    created the record for its own record to point to.
    """

    entity_type: EntityType
    stored: Record | None
    record: Record
    is_implicit: bool = False


class MatchKey(NamedTuple):
    """A text by which rows find a record: the partition of its index entries."""

    entity_type: EntityType
    partition: str

    def matches(self, record: Record) -> bool:
        return any(self.partition == key.pk for key in index_entries.matches(self.entity_type, record))


class RecordCache:
    """The records that the batches of a pipeline meet.

    `targets` are the stored items of all records that have been read, by key. `definitions` are the custom fields, and
    `lock_count` is the count of the account lock, as they were when the cache was created.
    """

    def __init__(self, account_id: str, entity_type: EntityType, known_names: Mapping[str, Key]) -> None:
        """`known_names` are the records that earlier rows have found by name. They may have changed since."""
        self.account_id, self.entity_type = account_id, entity_type
        self._known_names = known_names
        self._records: dict[tuple[str, str], CachedRecord] = {}
        self._matches: dict[str, list[CachedRecord]] = {}
        self._searched: set[str] = set()
        self._without_targets: list[CachedRecord] = []
        lock, version = account_lock_key(account_id), field_definitions.version_key(account_id)
        self.targets: dict[Key, AttributeMap | None] = references.read([lock, version])
        self.definitions = field_definitions.at(account_id, self.targets[version])
        self.lock_count = account_lock.count_of(self.targets.pop(lock))

    # ---- Reading ------------------------------------------------------------------------------------------------

    def load(self, rows: Iterable[ParsedRow], *, matching: bool) -> None:
        """Read what the rows may match or point to and is not in the cache yet."""
        wanted: dict[str, MatchKey] = {}
        keys: set[Key] = set()
        for row in rows:
            for match_key in (*(self.own_match_keys(row) if matching else ()), *self._name_match_keys(row)):
                if match_key.partition not in self._searched:
                    wanted[match_key.partition] = match_key
            keys |= set(references.keys_of(self.entity_type.references, self.account_id, row.values))
            if row.id and matching and (id_ := ids.parse(row.id)):
                keys.add(self.entity_type.key(self.account_id, id_))
        self._searched |= wanted.keys()
        known = {partition: self._known_names[partition] for partition in wanted.keys() & self._known_names.keys()}
        markers = {index_entries.marker_key(partition): partition for partition in wanted.keys() - known.keys()}
        read = references.read([*((keys | set(known.values())) - self.targets.keys()), *markers])
        marked = [partition for marker, partition in markers.items() if read.pop(marker)]
        outdated = [
            partition
            for partition, key in known.items()
            if not self._still_matches(wanted[partition], self.targets[key] if key in self.targets else read[key])
        ]
        self._search([wanted[partition] for partition in marked + outdated])
        own_partition = self.entity_type.key(self.account_id, "").pk
        for key, attributes in read.items():
            if attributes is not None and key.pk == own_partition:
                self._hold(self.entity_type, attributes)
        self.targets = read | self.targets
        if matching:
            self._load_targets()

    def own_match_keys(self, row: ParsedRow) -> list[MatchKey]:
        """By what the row's own record may be found, the strongest first."""
        values = [(field, row.values.get(field)) for field in self.entity_type.match_fields]
        return [self._match_key(self.entity_type, field, value) for field, value in values if value]

    def _name_match_keys(self, row: ParsedRow) -> list[MatchKey]:
        return [
            self.name_match_key(reference, row.names[reference.name])
            for reference in self.entity_type.references
            if reference.name in row.names
        ]

    def name_match_key(self, reference: Reference, name: str) -> MatchKey:
        return self._match_key(entity_types.ENTITY_TYPES[reference.target], "name", name)

    def _match_key(self, entity_type: EntityType, field: str, text: str) -> MatchKey:
        return MatchKey(entity_type, index_entries.match_partition(self.account_id, entity_type.name, field, text))

    def _still_matches(self, match_key: MatchKey, attributes: AttributeMap | None) -> bool:
        """Whether a record that earlier rows have found by name still has the name."""
        if attributes is None:
            return False
        cached = self._hold(match_key.entity_type, attributes)
        if _is_archived(cached.record) or not match_key.matches(cached.record):
            return False
        self._register(match_key.partition, cached)
        return True

    def _search(self, match_keys: list[MatchKey]) -> None:
        """Read the oldest records of each match key."""
        wanted = [(match_key, "") for match_key in match_keys]
        while wanted:
            pages = clients.map_concurrently(_read_entries, wanted)
            found = [
                (match_key, match_key.entity_type.key(self.account_id, index_entries.record_id(entry)))
                for (match_key, _), page in zip(wanted, pages, strict=True)
                for entry in page.items
            ]
            stored = table.batch_get_attributes(key for _, key in found)
            for match_key, key in found:
                if key in stored and match_key.matches(
                    (cached := self._hold(match_key.entity_type, stored[key])).record
                ):
                    self._register(match_key.partition, cached)
            # Index entries are a superset of the truth: if all of a page were stale, there may be others after them.
            wanted = [
                (match_key, index_entries.record_id(page.items[-1]))
                for (match_key, _), page in zip(wanted, pages, strict=True)
                if page.more and not self._matches.get(match_key.partition)
            ]

    def _load_targets(self) -> None:
        """Read what the records that rows may update point to."""
        keys = {
            key
            for cached in self._without_targets
            for key in references.keys_of(self.entity_type.all_joins, self.account_id, cached.record.attribute_values)
        }
        self._without_targets.clear()
        self.targets |= references.read(keys - self.targets.keys())

    def _hold(self, entity_type: EntityType, attributes: AttributeMap) -> CachedRecord:
        """The record of a stored item, as earlier rows have left it."""
        id_ = attributes["sk"]["S"]
        cached = self._records.get((entity_type.name, id_))
        if cached is None:
            record = entity_type.model.from_raw_data(attributes)
            cached = self._records[entity_type.name, id_] = CachedRecord(entity_type, record, record)
            self.targets[record.key] = attributes
            if entity_type is self.entity_type:
                self._without_targets.append(cached)
        return cached

    def _register(self, partition: str, cached: CachedRecord) -> None:
        known = self._matches.setdefault(partition, [])
        if cached not in known:
            known.append(cached)

    # ---- Use by rows --------------------------------------------------------------------------------------------

    def by_id(self, record_id: str) -> CachedRecord | None:
        return self._records.get((self.entity_type.name, record_id))

    def find(self, match_key: MatchKey) -> list[CachedRecord]:
        """The records that a match key finds, the oldest first."""
        found = [cached for cached in self._matches.get(match_key.partition, ()) if match_key.matches(cached.record)]
        return sorted(found, key=lambda cached: cached.record.id)

    def add(self, cached: CachedRecord, attributes: AttributeMap) -> None:
        """Let later rows find a record that is new or has changed; `attributes` are those that will be stored."""
        record = cached.record
        self._records[cached.entity_type.name, record.id] = cached
        self.targets[record.key] = attributes
        for key in index_entries.matches(cached.entity_type, record):
            self._register(key.pk, cached)

    def remove(self, cached: CachedRecord) -> None:
        """Forget a new record that is not written after all."""
        del self._records[cached.entity_type.name, cached.record.id]
        del self.targets[cached.record.key]
        for key in index_entries.matches(cached.entity_type, cached.record):
            self._matches[key.pk].remove(cached)

    def close_batch(self, changed: Iterable[CachedRecord]) -> None:
        """Treat what a batch has changed as stored, for the batches that follow."""
        for cached in changed:
            cached.stored = cached.record = cached.record.as_written()
        self.lock_count += 1

    def found_names(self) -> dict[str, Key]:
        """The records that were found by name, for later pipelines."""
        found = {}
        for partition, known in self._matches.items():
            oldest = min(known, key=lambda cached: cached.record.id, default=None)
            if oldest and oldest.entity_type is not self.entity_type and not _is_archived(oldest.record):
                found[partition] = oldest.record.key
        return found


def _is_archived(record: Record) -> bool:
    return bool(record.attribute_values.get("archived_at"))


def _read_entries(wanted: tuple[MatchKey, str]) -> AttributesPage:
    match_key, after = wanted
    return table.query_attributes(match_key.partition, after=after or index_entries.MARKER, limit=_CANDIDATES)
