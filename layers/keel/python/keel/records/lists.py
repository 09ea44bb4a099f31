"""List the records that match filters and a search, newest first, in pages.

The cost of a page depends on the page, not on the size of the account. Candidates come from sorted index entries or
from the records themselves, newest first, and one request reads at most `READS_PER_RECORD` items per record of a page.
When these do not fill the page, the page is short and its cursor continues below what was read.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

from keel.api import pagination
from keel.api.authorizer import Caller
from keel.records import field_definitions, filters, presentation, references, search
from keel.records.entity_type import EntityType, Values
from keel.records.filters import Criterion
from keel.records.models import Record
from keel.records.query_plan import Plan
from keel.records.schemas import PAGE, ListBody
from keel.records.search import Term
from keel.records.sorted_ids import TOP, BudgetedReader, BudgetExhausted, IdStream
from keel.storage import table
from keel.storage.models import AttributeMap, Key

READS_PER_RECORD: Final = 20


def page(entity_type: EntityType, caller: Caller, operation: str, body: ListBody) -> Values:
    """A page of the account's records that match the body's filters: `{"items", "next_cursor"}`."""
    criteria = filters.parse(entity_type, body)
    terms = search.terms(getattr(body, "search", "")) if entity_type.search_fields else []
    scope = (caller.account_id, operation, _fingerprint(criteria, terms))
    position = pagination.position(body.cursor, entity_type.resource, *scope) or TOP
    finder = _Finder(entity_type, caller.account_id, criteria, terms, body.limit)
    matching = finder.find(position)
    views = presentation.present(entity_type, matching.records[: body.limit], finder.targets)
    next_position = matching.floor if matching.more else ""
    if len(matching.records) > body.limit:
        next_position = views[-1]["id"]
    return pagination.page(views, next_position, *scope)


def all_records(entity_type: EntityType, caller: Caller) -> list[Values]:
    """All records of an account, oldest first, for entity types of which an account has few."""
    items = table.iterate(entity_type.key(caller.account_id, "").pk)
    return presentation.present(entity_type, [item for item in items if isinstance(item, entity_type.model)])


@dataclass(frozen=True)
class _Matching:
    """Records that match. With `more`, others may follow below the id `floor`."""

    records: list[Record]
    floor: str = ""
    more: bool = False


class _Finder:
    """Finds matching records and keeps what was read on the way."""

    def __init__(
        self, entity_type: EntityType, account_id: str, criteria: list[Criterion], terms: list[Term], limit: int
    ) -> None:
        self.entity_type = entity_type
        self.account_id = account_id
        self.criteria = criteria
        self.terms = terms
        self.limit = limit
        # A page of one record can be hard to find, too.
        self.reader = BudgetedReader(READS_PER_RECORD * max(limit, PAGE))
        self.targets: dict[Key, AttributeMap | None] = {}

    def find(self, position: str) -> _Matching:
        # One record more than the page tells whether there is a next page.
        count = self.limit + 1
        plan = Plan(self.reader, self.entity_type, self.account_id, position, count)
        stream = plan.stream(self.criteria, self.terms)
        if not self.criteria and not self.terms:
            return self._first(stream, position, count)
        return self._matching(stream, position, count)

    def _first(self, stream: IdStream, position: str, count: int) -> _Matching:
        """The next records without a filter."""
        ids, floor, more = _take(stream, position, count)
        return _Matching([self._load(self.reader.items[id_]) for id_ in ids], floor, more)

    def _matching(self, stream: IdStream, position: str, count: int) -> _Matching:
        records: list[Record] = []
        batch, more = count, True
        while more and len(records) < count:
            # Half of the remaining budget is for the records that the index entries lead to, and their names.
            self.reader.reserved = self.reader.budget // 2
            ids, position, more = _take(stream, position, batch)
            affordable = self._affordable(ids)
            records += self._read_matching(affordable)
            if len(affordable) < len(ids):
                return _Matching(records, affordable[-1], more=True)
            if not ids:
                break
            batch = table.READ_LIMIT
        return _Matching(records, position, more)

    def _affordable(self, ids: Sequence[str]) -> Sequence[str]:
        """As many of the ids as the budget allows to read, at least one."""
        keys: set[Key] = set()
        for count, id_ in enumerate(ids):
            keys |= {key for key in self._keys(id_) if key not in self.targets}
            if count and len(keys) > self.reader.budget:
                return ids[:count]
        return ids

    def _keys(self, id_: str) -> list[Key]:
        """The keys to read for an id: its record, unless it was read, and what it probably points to."""
        joins, item = self.entity_type.all_joins, self.reader.items.get(id_)
        if item is not None:
            stored = {join.field: item[join.field]["S"] for join in joins if join.field in item}
            return references.keys_of(joins, self.account_id, stored)
        hinted = references.keys_of(joins, self.account_id, self.reader.hints.get(id_, {}))
        return [self.entity_type.key(self.account_id, id_), *hinted]

    def _read_matching(self, ids: Sequence[str]) -> list[Record]:
        """The records that exist and match. Takes one round trip if the hints of the index entries are right."""
        self._read([key for id_ in ids for key in self._keys(id_)])
        read = self.reader.items
        items = [read.get(id_) or self.targets[self.entity_type.key(self.account_id, id_)] for id_ in ids]
        records = [self._load(item) for item in items if item is not None]
        joins = self.entity_type.all_joins
        self._read(
            [key for record in records for key in references.keys_of(joins, self.account_id, record.attribute_values)]
        )
        return [record for record in records if self._matches(record)]

    def _load(self, item: AttributeMap) -> Record:
        return self.entity_type.model.from_raw_data(item)

    def _read(self, keys: Sequence[Key]) -> None:
        missing = {key for key in keys if key not in self.targets}
        if missing and self.entity_type.has_custom_fields:
            missing |= {field_definitions.version_key(self.account_id)} - self.targets.keys()
        self.targets |= references.read(missing)
        self.reader.spend(len(missing))

    def _matches(self, record: Record) -> bool:
        shown = references.without_dangling(self.entity_type, record, self.targets)
        if not all(criterion.matches(shown) for criterion in self.criteria):
            return False
        fields = self.entity_type.search_fields
        if not self.terms or fields is None:
            return True
        names = []
        for join in self.entity_type.all_joins:
            target_id = shown.attribute_values.get(join.field)
            if join.field in fields.joined and target_id:
                target = self.targets[join.key(self.account_id, target_id)]
                names.append(join.label(target) if target else "")
        return search.matches(self.terms, fields.searchable(shown, *names))


def _take(stream: IdStream, position: str, count: int) -> tuple[list[str], str, bool]:
    """The next ids below a position, the position that they lead to, and whether others may follow."""
    ids: list[str] = []
    try:
        while len(ids) < count:
            id_ = stream.below(position)
            if id_ is None:
                return ids, position, False
            ids.append(id_)
            position = id_
    except BudgetExhausted as exhausted:
        return ids, min(position, exhausted.floor), True
    return ids, position, True


def _fingerprint(criteria: list[Criterion], terms: list[Term]) -> dict[str, Any]:
    """What a cursor is signed for. The order of values and words makes no difference."""
    values: dict[str, Any] = {each.filter.parameter: sorted(each.values) for each in criteria}
    return values | {"search": sorted([*term.words, term.email, term.digits] for term in terms)}
