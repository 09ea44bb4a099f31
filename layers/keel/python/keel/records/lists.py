"""Which records are on a page? Those that match, newest first, from a cursor on.

What a list costs depends on the page, not on the account: candidates come from sorted postings or from the
records themselves, newest first, and one call reads at most `_READS` items for each record of a page. When
they do not fill the page, it is a short one with a cursor, which always leads further down.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

from keel.api import pagination
from keel.api.authorizer import Caller
from keel.records import field_definitions, filters, models, references, search
from keel.records.entity_type import EntityType, Record, Values
from keel.records.filters import Criterion
from keel.records.query_plan import Plan
from keel.records.schemas import PAGE, ListBody
from keel.records.search import Term
from keel.records.sorted_ids import TOP, Reader, Spent, Stream
from keel.storage import legacy_table as table
from keel.storage.legacy_table import Item, Key

_READS: Final = 20


def page(kind: EntityType, caller: Caller, operation: str, body: ListBody) -> Values:
    """A page of the account's records that match the body's filters: `{"items", "next_cursor"}`."""
    criteria = filters.asked(kind, body)
    terms = search.terms(getattr(body, "search", "")) if kind.searched else []
    scope = (caller.account_id, operation, _told(criteria, terms))
    position = pagination.position(body.cursor, kind.resource, *scope) or TOP
    finder = _Finder(kind, caller.account_id, criteria, terms, body.limit)
    found = finder.find(position)
    shown = references.present(kind, found.records[: body.limit], finder.known)
    further = found.floor if found.more else ""
    if len(found.records) > body.limit:
        further = shown[-1]["id"]
    return pagination.page(shown, further, *scope)


def whole(kind: EntityType, caller: Caller) -> list[Values]:
    """All of the account's records of a kind of which there are few, oldest first."""
    items = table.iterate(table.partition(caller.account_id, kind.name))
    return references.present(kind, [models.from_item(kind, item) for item in items if item["kind"] == kind.name])


@dataclass(frozen=True)
class _Found:
    """Records that match; `more` tells whether others may lie below the id `floor`."""

    records: list[Record]
    floor: str = ""
    more: bool = False


class _Finder:
    """Finds what matches, and remembers what was read on the way."""

    def __init__(
        self, kind: EntityType, account_id: str, criteria: list[Criterion], terms: list[Term], limit: int
    ) -> None:
        self.kind = kind
        self.account_id = account_id
        self.criteria = criteria
        self.terms = terms
        self.limit = limit
        # A page of one may be hard to find, too.
        self.reader = Reader(_READS * max(limit, PAGE))
        self.known: dict[Key, Item | None] = {}

    def find(self, position: str) -> _Found:
        # One more than the page tells whether there is a next one.
        wanted = self.limit + 1
        plan = Plan(self.reader, self.kind, self.account_id, position, wanted)
        stream = plan.stream(self.criteria, self.terms)
        if not self.criteria and not self.terms:
            return self._first(stream, position, wanted)
        return self._matching(stream, position, wanted)

    def _first(self, stream: Stream, position: str, wanted: int) -> _Found:
        """The first records of all: there is nothing to check."""
        ids, floor, more = _take(stream, position, wanted)
        return _Found([models.from_item(self.kind, self.reader.items[id_]) for id_ in ids], floor, more)

    def _matching(self, stream: Stream, position: str, wanted: int) -> _Found:
        records: list[Record] = []
        batch, more = wanted, True
        while more and len(records) < wanted:
            # Half of what may still be read is for the records that the postings lead to, and their names.
            self.reader.kept = self.reader.left // 2
            ids, position, more = _take(stream, position, batch)
            fitting = self._fitting(ids)
            records += self._checked(fitting)
            if len(fitting) < len(ids):
                return _Found(records, fitting[-1], more=True)
            if not ids:
                break
            batch = table.READ_LIMIT
        return _Found(records, position, more)

    def _fitting(self, ids: Sequence[str]) -> Sequence[str]:
        """As many of the ids as there is room to read, the first in any case."""
        keys: set[Key] = set()
        for count, id_ in enumerate(ids):
            keys |= {key for key in self._keys(id_) if key not in self.known}
            if count and len(keys) > self.reader.left:
                return ids[:count]
        return ids

    def _keys(self, id_: str) -> list[Key]:
        """What there is to read for an id: its record, unless it was read, and what it is said to point to."""
        joins, item = self.kind.all_joins, self.reader.items.get(id_)
        if item is not None:
            return references.keys_of(joins, self.account_id, item)
        points = references.keys_of(joins, self.account_id, self.reader.points.get(id_, {}))
        return [self.kind.key(self.account_id, id_), *points]

    def _checked(self, ids: Sequence[str]) -> list[Record]:
        """Those of the records that exist and match; one round trip where the hints are right."""
        self._read([key for id_ in ids for key in self._keys(id_)])
        read = self.reader.items
        items = [read.get(id_) or self.known[self.kind.key(self.account_id, id_)] for id_ in ids]
        records = [models.from_item(self.kind, item) for item in items if item is not None]
        self._read([key for each in records for key in references.keys_of(self.kind.all_joins, self.account_id, each)])
        return [record for record in records if self._matches(record)]

    def _read(self, keys: Sequence[Key]) -> None:
        missing = {key for key in keys if key not in self.known}
        if missing and self.kind.has_custom_fields:
            missing |= {field_definitions.version_key(self.account_id)} - self.known.keys()
        self.known |= references.read(missing)
        self.reader.spend(len(missing))

    def _matches(self, record: Record) -> bool:
        shown = references.without_dangling(self.kind, record, self.known)
        if not all(criterion.holds(shown) for criterion in self.criteria):
            return False
        if not self.terms or self.kind.searched is None:
            return True
        names = []
        for join in self.kind.all_joins:
            if join.field in self.kind.searched.joined and shown[join.field]:
                target = self.known[join.key(self.account_id, shown[join.field])]
                names.append(join.label(target) if target else "")
        return search.matches(self.terms, self.kind.searched.of(shown, *names))


def _take(stream: Stream, position: str, wanted: int) -> tuple[list[str], str, bool]:
    """The next ids below a position; with the position they lead to, and whether others may follow."""
    ids: list[str] = []
    try:
        while len(ids) < wanted:
            found = stream.below(position)
            if found is None:
                return ids, position, False
            ids.append(found)
            position = found
    except Spent as spent:
        return ids, min(position, spent.floor), True
    return ids, position, True


def _told(criteria: list[Criterion], terms: list[Term]) -> dict[str, Any]:
    """What a cursor is sealed to; the order of values and of words makes no difference."""
    told: dict[str, Any] = {each.filter.parameter: sorted(each.values) for each in criteria}
    return told | {"search": sorted([*term.words, term.email, term.run] for term in terms)}
