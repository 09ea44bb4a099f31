"""From which postings is a list read? The stream of ids for a set of filters and a search.

A plan never decides what is on a page: it gives candidates, a superset, and every one is checked against its
record. So it may leave out whatever would cost more than it narrows down:

- A filter has its postings sorted as lists are. Several values of one are a union, several filters an
  intersection, but for those that are much denser than another: to seek in them costs more than to check. One that
  is seen to its end at once decides alone.
- A search word is the start of words, and the postings are sorted by word. Their words are looked through from
  the last one down; the ids of small words are collected, and a word with many records is a sorted list of its
  own. When that does not come to an end, the beginning matches so much that reading records newest first finds
  a page sooner.
- A word may also be in the name of what a record points to: the targets of the word, then what points to them.
- Nothing left to narrow down: the records themselves, newest first.
"""

from dataclasses import dataclass
from typing import Final

from keel.records import index_entries, search
from keel.records.entity_type import EntityType
from keel.records.filters import Criterion
from keel.records.schemas import PAGE
from keel.records.search import Term
from keel.records.sorted_ids import (
    Intersection,
    Known,
    Partition,
    Reader,
    Records,
    Source,
    Spent,
    Stream,
    Union,
    Word,
    worth_reading,
)

_TERMS: Final = 3  # of a search, the longest
_LISTS: Final = 6  # sorted lists that are intersected
_VALUES: Final = 60  # of one filter, beyond which it is only checked
_STEPS: Final = 4  # queries that look through the words of a beginning
_KEPT: Final = 3  # the share of the reads that planning leaves
_TARGETS: Final = 20  # records with a word in their name, whose pointers are read


@dataclass(frozen=True)
class Plan:
    """Plans one call for pages of `page` records that begin below the id `position`."""

    reader: Reader
    kind: EntityType
    account_id: str
    position: str
    page: int

    def stream(self, criteria: list[Criterion], terms: list[Term]) -> Stream:
        self.reader.kept = self.reader.left // _KEPT
        found = self._narrowing(criteria, terms)
        self.reader.kept = 0
        if not found:
            chunk = self._chunk if criteria or terms else self.page
            return Records(self.reader, self.kind.key(self.account_id, "").pk, chunk)
        found = worth_reading(found, self.position)
        return found[0] if len(found) == 1 else Intersection(found)

    def _narrowing(self, criteria: list[Criterion], terms: list[Term]) -> list[Source]:
        """Streams that each have all candidates; every one has been read from the position down, so that each
        call gets further. Only one where that one settles it."""
        found: list[Source] = []
        for term in sorted(terms, key=_length, reverse=True)[:_TERMS]:
            stream = self._of_term(term)
            if isinstance(stream, Known) and len(stream.ids) <= self._chunk:
                return [stream]
            if stream is not None and self._is_read(stream):
                found.append(stream)
        for stream in (stream for criterion in criteria for stream in self._of_criterion(criterion)):
            if len(found) < _LISTS and self._is_read(stream):
                if isinstance(stream, Partition) and stream.ended:
                    return [stream]
                found.append(stream)
        return found

    def _is_read(self, stream: Source) -> bool:
        try:
            if isinstance(stream, Union):
                stream.begin(self.position)
            stream.below(self.position)
        except Spent:
            return False
        return True

    @property
    def _chunk(self) -> int:
        return 2 * max(self.page, PAGE)

    def _of_criterion(self, criterion: Criterion) -> list[Source]:
        values, field = criterion.values, criterion.filter.field
        if criterion.filter.every:
            return [self._list(field, value, self.page) for value in values]
        if len(values) > _VALUES:
            return []
        chunk = max(2, min(self.page, 6 * self.page // len(values)))
        lists = [self._list(field, value, chunk) for value in values]
        return [lists[0] if len(lists) == 1 else Union(lists)]

    def _list(self, field: str, value: str, chunk: int) -> Partition:
        return Partition(self.reader, index_entries.partition(self.account_id, self.kind.name, field, value), chunk)

    def _of_term(self, term: Term) -> Source | None:
        """The records with the longest word of a term; None when they are too many to look through."""
        if term.email:
            email = term.email[: search.KEPT]
            return self._of_start(index_entries.emails_partition(self.account_id, self.kind.name, email), email)
        word = max(term.words, key=len)[: search.KEPT]
        found = [self._of_word(self.kind.name, start) for start in {word, term.run[: search.KEPT] or word}]
        found += [self._of_targets(field, word) for field in (self.kind.searched.joined if self.kind.searched else ())]
        streams = [stream for stream in found if stream is not None]
        return _merged(streams) if len(streams) == len(found) else None

    def _of_targets(self, field: str, word: str) -> Source | None:
        """The records that point by `field` to a record with this word."""
        [reference] = [join for join in self.kind.all_joins if join.field == field]
        targets = self._of_word(reference.kind, word)
        if not isinstance(targets, Known) or len(targets.ids) > _TARGETS:
            return None
        return _merged([self._list(field, id_, max(2, self._chunk // len(targets.ids))) for id_ in targets.ids])

    def _of_word(self, kind: str, word: str) -> Source | None:
        return self._of_start(index_entries.words_partition(self.account_id, kind, word), word)

    def _of_start(self, pk: str, start: str) -> Source | None:
        known: list[str] = []
        lists: list[Source] = []
        highest = ""
        for _ in range(_STEPS):
            between = (start, highest) if highest else None
            try:
                found = self.reader.query(pk, begins="" if between else start, between=between, limit=self._chunk)
            except Spent:
                return None
            pairs = [(index_entries.word_of(item), index_entries.id_of(item)) for item in found.items]
            self.reader.points |= {index_entries.id_of(item): item.get("points", {}) for item in found.items}
            if not found.more:
                return _merged([*lists, Known([*known, *(id_ for _, id_ in pairs)])])
            last = pairs[-1][0]
            known += [id_ for word, id_ in pairs if word != last]
            newest = [id_ for word, id_ in pairs if word == last]
            lists.append(Word(self.reader, pk, self.page, last, newest))
            if last == start:
                return _merged([*lists, Known(known)])
            # The words before this one: none lies between a word and its own first posting.
            highest = last
        return None


def _length(term: Term) -> int:
    return max(len(word) for word in term.words or (term.email,))


def _merged(streams: list[Source]) -> Source:
    known = [stream for stream in streams if isinstance(stream, Known)]
    others = [stream for stream in streams if not isinstance(stream, Known)]
    together = Known(id_ for stream in known for id_ in stream.ids)
    if not others:
        return together
    return Union([*others, together]) if together.ids else (others[0] if len(others) == 1 else Union(others))
