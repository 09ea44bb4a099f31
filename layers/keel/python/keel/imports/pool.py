"""Which records do rows meet? What is stored, found in batches, and what earlier rows of the group made of it."""

from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any, Final, NamedTuple

from keel import ids, table
from keel.custom_fields import definitions
from keel.custom_fields.definitions import Definitions
from keel.imports.rows import Given
from keel.records import postings, references, registry, store
from keel.records.kinds import Kind, Record, Reference
from keel.table import Item, Key

_CANDIDATES: Final = 5
_THREADS: Final = 8


@dataclass(eq=False)
class Held:
    """A record as the rows so far leave it, and its item; `before` is what is stored, None if it is new.

    `besides` tells what a row creates for its record to point to.
    """

    kind: Kind
    before: Record | None
    record: Record
    item: Item
    besides: bool = False

    @property
    def is_changed(self) -> bool:
        return self.record is not self.before


class Match(NamedTuple):
    """A text by which a record is to be found."""

    kind: Kind
    partition: str

    def fits(self, record: Record) -> bool:
        return any(self.partition == key.pk for key in postings.matches(self.kind, record))


def match(kind: Kind, account_id: str, field: str, value: str) -> Match:
    return Match(kind, postings.matches_partition(account_id, kind.name, field, value))


class Pool:
    """The records of one group."""

    def __init__(self, account_id: str, kind: Kind, turn: Key, pointed: dict[str, Item]) -> None:
        """`pointed` is what earlier groups have found by name, as the checks of a group's transaction confirm."""
        self._account_id, self._kind, self._turn, self._pointed = account_id, kind, turn, pointed
        self._held: dict[tuple[str, str], Held] = {}
        self._found: dict[str, list[Held]] = {}
        self.targets: dict[Key, Item | None] = {}
        self.defined = Definitions(0)

    # ---- What is stored ---------------------------------------------------------------------------------------

    def load(self, rows: Iterable[Given], *, matching: bool) -> None:
        """Read whatever the rows may meet, and the state that the group is judged by."""
        matches: dict[str, Match] = {}
        keys = {self._turn, definitions.version_key(self._account_id)}
        for given in rows:
            for found in (*(self.own_matches(given) if matching else ()), *self._named(given)):
                matches[found.partition] = found
            keys |= set(references.keys_of(self._kind.references, self._account_id, given.values))
            if given.id and matching and (id_ := ids.parse(given.id)):
                keys.add(self._kind.key(self._account_id, id_))
        for partition in matches.keys() & self._pointed.keys():
            found = matches.pop(partition)
            self._register(partition, self._hold(found.kind, self._pointed[partition]))
        marks = {postings.mark_key(partition): found for partition, found in matches.items()}
        self.targets |= references.read([*keys, *marks])
        self.defined = definitions.at(self._account_id, self.targets[definitions.version_key(self._account_id)])
        for key in keys:
            if key.pk == self._kind.key(self._account_id, "").pk and self.targets[key]:
                self._hold(self._kind, self.targets[key])
        self._search([found for mark, found in marks.items() if self.targets.pop(mark)])
        if matching:
            self._load_pointed()

    def own_matches(self, given: Given) -> list[Match]:
        """By what the row's record may be stored already, the weightiest first."""
        wanted = [(field, given.values.get(field)) for field in self._kind.matched]
        return [match(self._kind, self._account_id, field, value) for field, value in wanted if value]

    def _named(self, given: Given) -> list[Match]:
        return [
            self.name_match(reference, given.names[reference.name])
            for reference in self._kind.references
            if reference.name in given.names
        ]

    def name_match(self, reference: Reference, name: str) -> Match:
        return match(registry.KINDS[reference.kind], self._account_id, "name", name)

    def _search(self, matches: list[Match]) -> None:
        """Find the oldest records of each match that is marked."""
        with ThreadPoolExecutor(_THREADS) as threads:
            after = [""] * len(matches)
            while matches:
                pages = list(threads.map(_page, matches, after))
                keys = [
                    found.kind.key(self._account_id, posting["sk"])
                    for found, page in zip(matches, pages, strict=True)
                    for posting in page.items
                ]
                items = table.batch_get(keys)
                for found, page in zip(matches, pages, strict=True):
                    for posting in page.items:
                        item = items.get(found.kind.key(self._account_id, posting["sk"]))
                        if item is not None and found.fits(held := self._hold(found.kind, item).record):
                            self._register(found.partition, self._held[found.kind.name, held["id"]])
                # Postings may be more than the truth: those that led to nothing have others behind them.
                rest = [
                    (found, page.items[-1]["sk"])
                    for found, page in zip(matches, pages, strict=True)
                    if page.more and found.partition not in self._found
                ]
                matches, after = [found for found, _ in rest], [position for _, position in rest]

    def _load_pointed(self) -> None:
        wanted = [
            key
            for held in self._held.values()
            if held.kind is self._kind
            for key in references.keys_of(self._kind.all_joins, self._account_id, held.record)
        ]
        self.targets |= references.read(set(wanted) - self.targets.keys())

    def _hold(self, kind: Kind, item: Item | None) -> Held:
        record = store.from_item(kind, item or {})
        held = self._held.get((kind.name, record["id"]))
        if held is None:
            held = self._held[kind.name, record["id"]] = Held(kind, record, record, item or {})
            self.targets[kind.key(self._account_id, record["id"])] = item
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
        return sorted(found, key=lambda held: str(held.record["id"]))

    def take(self, held: Held) -> None:
        """Let later rows find a record that is new or has changed."""
        record = held.record
        self._held[held.kind.name, record["id"]] = held
        self.targets[held.kind.key(self._account_id, record["id"])] = held.item
        for key in postings.matches(held.kind, record):
            self._register(key.pk, held)

    def drop(self, held: Held) -> None:
        """Forget a new record that came to nothing."""
        del self._held[held.kind.name, held.record["id"]]
        del self.targets[held.kind.key(self._account_id, held.record["id"])]
        for known in self._found.values():
            if held in known:
                known.remove(held)

    @property
    def changed(self) -> list[Held]:
        return [held for held in self._held.values() if held.is_changed]

    def pointed(self) -> dict[str, Item]:
        """What was found by name, for the groups that follow."""
        found = {}
        for partition, known in self._found.items():
            held = min(known, key=lambda held: str(held.record["id"]), default=None)
            if held is not None and held.kind is not self._kind and not held.record.get("archived_at"):
                found[partition] = held.item
        return found

    def turn(self) -> Any:
        item = self.targets[self._turn]
        return item["turn"] if item else None


def _page(found: Match, after: str) -> table.Page:
    return table.query(found.partition, after=after or postings.MARK, limit=_CANDIDATES)
