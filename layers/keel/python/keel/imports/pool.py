"""Which records do rows meet? What is stored, found in batches, and what earlier rows made of it."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final, NamedTuple

from keel import entity_types, ids
from keel.imports import turns
from keel.imports.rows import Given
from keel.records import field_definitions, index_entries, references
from keel.records.entity_type import EntityType, Reference
from keel.records.models import Record
from keel.storage import clients, table
from keel.storage.attributes import decode_item
from keel.storage.models import AttributeMap, Key
from keel.storage.table import Write

_CANDIDATES: Final = 5


@dataclass(eq=False)
class Held:
    """A record as the rows so far leave it, its attributes and the write that stores it, None while it is unchanged.

    `before` is what is stored, None if it is new. `besides` tells what a row creates for its record to point to.
    """

    kind: EntityType
    before: Record | None
    record: Record
    item: AttributeMap
    write: Write | None = None
    besides: bool = False


class Match(NamedTuple):
    """A text by which a record is to be found."""

    kind: EntityType
    partition: str

    def fits(self, record: Record) -> bool:
        return any(self.partition == key.pk for key in index_entries.matches(self.kind, record))


def match(kind: EntityType, account_id: str, field: str, value: str) -> Match:
    return Match(kind, index_entries.match_partition(account_id, kind.name, field, value))


class Pool:
    """The records that groups of rows meet, one group after the other."""

    def __init__(self, account_id: str, kind: EntityType, pointed: dict[str, Key]) -> None:
        """`pointed` is what earlier rows have found by name, which may have changed since."""
        self._account_id, self._kind, self._pointed = account_id, kind, pointed
        self._held: dict[tuple[str, str], Held] = {}
        self._changed: dict[Held, None] = {}
        self._found: dict[str, list[Held]] = {}
        self._searched: set[str] = set()
        self._unjoined: list[Held] = []
        turn, version = turns.key(account_id), field_definitions.version_key(account_id)
        self.targets: dict[Key, AttributeMap | None] = references.read([turn, version])
        self.defined = field_definitions.at(account_id, self.targets[version])
        taken = self.targets.pop(turn)
        self.turn = turns.seen(decode_item(taken) if taken else None)

    # ---- What is stored ---------------------------------------------------------------------------------------

    def load(self, rows: Iterable[Given], *, matching: bool) -> None:
        """Read whatever the rows may meet and is not known yet."""
        matches: dict[str, Match] = {}
        keys: set[Key] = set()
        for given in rows:
            for found in (*(self.own_matches(given) if matching else ()), *self._named(given)):
                if found.partition not in self._searched:
                    matches[found.partition] = found
            keys |= set(references.keys_of(self._kind.references, self._account_id, given.values))
            if given.id and matching and (id_ := ids.parse(given.id)):
                keys.add(self._kind.key(self._account_id, id_))
        self._searched |= matches.keys()
        pointed = {partition: self._pointed[partition] for partition in matches.keys() & self._pointed.keys()}
        marks = {index_entries.marker_key(partition): partition for partition in matches.keys() - pointed.keys()}
        read = references.read([*((keys | set(pointed.values())) - self.targets.keys()), *marks])
        marked = [partition for mark, partition in marks.items() if read.pop(mark)]
        known = {key: self.targets[key] if key in self.targets else read[key] for key in pointed.values()}
        lost = [name for name, key in pointed.items() if not self._is_still(matches[name], known[key])]
        self._search([matches[partition] for partition in marked + lost])
        for key, item in read.items():
            if item is not None and key.pk == self._kind.key(self._account_id, "").pk:
                self._hold(self._kind, item)
        self.targets = read | self.targets
        if matching:
            self._load_pointed()

    def own_matches(self, given: Given) -> list[Match]:
        """By what the row's record may be stored already, the weightiest first."""
        wanted = [(field, given.values.get(field)) for field in self._kind.match_fields]
        return [match(self._kind, self._account_id, field, value) for field, value in wanted if value]

    def _named(self, given: Given) -> list[Match]:
        return [
            self.name_match(reference, given.names[reference.name])
            for reference in self._kind.references
            if reference.name in given.names
        ]

    def name_match(self, reference: Reference, name: str) -> Match:
        return match(entity_types.ENTITY_TYPES[reference.target], self._account_id, "name", name)

    def _is_still(self, found: Match, item: AttributeMap | None) -> bool:
        """Whether the match finds what it found for earlier rows."""
        if item is None:
            return False
        held = self._hold(found.kind, item)
        if held.record.attribute_values.get("archived_at") or not found.fits(held.record):
            return False
        self._register(found.partition, held)
        return True

    def _search(self, matches: list[Match]) -> None:
        """Find the oldest records of each match."""
        wanted = [(found, "") for found in matches]
        while wanted:
            pages = clients.map_concurrently(_page, wanted)
            keys = [
                found.kind.key(self._account_id, posting["sk"]["S"])
                for (found, _), page in zip(wanted, pages, strict=True)
                for posting in page.items
            ]
            items = table.batch_get_attributes(keys)
            for (found, _), page in zip(wanted, pages, strict=True):
                for posting in page.items:
                    item = items.get(found.kind.key(self._account_id, posting["sk"]["S"]))
                    if item is not None and found.fits((held := self._hold(found.kind, item)).record):
                        self._register(found.partition, held)
            # Postings may be more than the truth: those that led to nothing have others behind them.
            wanted = [
                (found, page.items[-1]["sk"]["S"])
                for (found, _), page in zip(wanted, pages, strict=True)
                if page.more and not self._found.get(found.partition)
            ]

    def _load_pointed(self) -> None:
        wanted = {
            key
            for held in self._unjoined
            for key in references.keys_of(self._kind.all_joins, self._account_id, held.record.attribute_values)
        }
        self._unjoined.clear()
        self.targets |= references.read(wanted - self.targets.keys())

    def _hold(self, kind: EntityType, item: AttributeMap) -> Held:
        """The record of an item, unless earlier rows have made something else of it."""
        held = self._held.get((kind.name, item["sk"]["S"]))
        if held is None:
            record = kind.model.from_raw_data(item)
            held = self._held[kind.name, record.id] = Held(kind, record, record, item)
            self.targets[kind.key(self._account_id, record.id)] = item
            if kind is self._kind:
                self._unjoined.append(held)
        return held

    def _register(self, partition: str, held: Held) -> None:
        known = self._found.setdefault(partition, [])
        if held not in known:
            known.append(held)

    # ---- What rows make of it ---------------------------------------------------------------------------------

    def by_id(self, record_id: str) -> Held | None:
        return self._held.get((self._kind.name, record_id))

    def oldest(self, wanted: Match) -> list[Held]:
        """Whom the match finds, the oldest first."""
        found = [held for held in self._found.get(wanted.partition, ()) if wanted.fits(held.record)]
        return sorted(found, key=lambda held: held.record.id)

    def take(self, held: Held) -> None:
        """Let later rows find a record that is new or has changed."""
        record = held.record
        self._held[held.kind.name, record.id] = held
        self._changed[held] = None
        self.targets[held.kind.key(self._account_id, record.id)] = held.item
        for key in index_entries.matches(held.kind, record):
            self._register(key.pk, held)

    def drop(self, held: Held) -> None:
        """Forget a new record that came to nothing."""
        del self._held[held.kind.name, held.record.id]
        del self._changed[held]
        del self.targets[held.kind.key(self._account_id, held.record.id)]
        for key in index_entries.matches(held.kind, held.record):
            self._found[key.pk].remove(held)

    @property
    def changed(self) -> list[Held]:
        """What the rows of the present group have made or changed."""
        return list(self._changed)

    def end_group(self) -> None:
        """The rows that follow find stored what those so far have made."""
        for held in self._changed:
            held.before = held.record = held.record.as_written()
            held.write = None
        self._changed.clear()
        self.turn += 1

    def pointed(self) -> dict[str, Key]:
        """What was found by name, for the rows that follow."""
        found = {}
        for partition, known in self._found.items():
            held = min(known, key=lambda held: held.record.id, default=None)
            if held is not None and held.kind is not self._kind and not held.record.attribute_values.get("archived_at"):
                found[partition] = held.kind.key(self._account_id, held.record.id)
        return found


def _page(wanted: tuple[Match, str]) -> table.AttributesPage:
    found, after = wanted
    return table.query_attributes(found.partition, after=after or index_entries.MARKER, limit=_CANDIDATES)
