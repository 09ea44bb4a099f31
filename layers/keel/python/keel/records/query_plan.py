"""Choose the index entries that a list is read from: the stream of ids for a set of filters and a search.

A plan does not decide what is on a page. It yields candidates, a superset, and each one is checked against its record.
So a plan may leave out what would cost more than it narrows down:

- A filter has index entries that are sorted as lists are. Several values of a filter are a union, several filters an
  intersection. Streams that are much denser than another are left out, since seeking in them costs more than checking.
  A filter that was read to its end at once is used alone.
- A search word is the beginning of words, and its index entries are sorted by word. These words are read from the last
  one down. The ids of rare words are collected; a frequent word is a sorted stream of its own. If that does not come to
  an end, the beginning matches so many records that reading records newest first finds a page sooner.
- A word may also be in the name of what a record points to: the targets with the word, then the records that point to
  them.
- If nothing narrows the list down, it is read from the records themselves, newest first.
"""

from dataclasses import dataclass
from typing import Final

from keel.records import index_entries, search
from keel.records.entity_type import EntityType
from keel.records.filters import Criterion
from keel.records.schemas import PAGE
from keel.records.search import Term
from keel.records.sorted_ids import (
    BudgetedReader,
    BudgetExhausted,
    EntryPartition,
    IdList,
    IdSource,
    IdStream,
    Intersection,
    RecordPartition,
    Union,
    WordEntries,
    without_dense,
)

MAX_TERMS: Final = 3  # of a search, the longest
MAX_STREAMS: Final = 6  # that are intersected
MAX_VALUES: Final = 60  # of one filter; with more, it is only checked
MAX_QUERIES: Final = 4  # that read the words with a beginning
_RESERVED: Final = 3  # planning leaves one in so many of the reads
MAX_TARGETS: Final = 20  # with a word in their name, whose referrers are read


@dataclass(frozen=True)
class Plan:
    """Plans one request for a page of `page` records below the id `position`."""

    reader: BudgetedReader
    entity_type: EntityType
    account_id: str
    position: str
    page: int

    def stream(self, criteria: list[Criterion], terms: list[Term]) -> IdStream:
        self.reader.reserved = self.reader.budget // _RESERVED
        streams = self._narrowing(criteria, terms)
        self.reader.reserved = 0
        if not streams:
            chunk = self._chunk if criteria or terms else self.page
            return RecordPartition(self.reader, self.entity_type.key(self.account_id, "").pk, chunk)
        streams = without_dense(streams, self.position)
        return streams[0] if len(streams) == 1 else Intersection(streams)

    def _narrowing(self, criteria: list[Criterion], terms: list[Term]) -> list[IdSource]:
        """Streams that each contain all candidates. A single one if it is enough.

        Each has been read from the position down, so that every request makes progress.
        """
        streams: list[IdSource] = []
        for term in sorted(terms, key=_length, reverse=True)[:MAX_TERMS]:
            stream = self._of_term(term)
            if isinstance(stream, IdList) and len(stream.ids) <= self._chunk:
                return [stream]
            if stream is not None and self._is_read(stream):
                streams.append(stream)
        for stream in (stream for criterion in criteria for stream in self._of_criterion(criterion)):
            if len(streams) < MAX_STREAMS and self._is_read(stream):
                if isinstance(stream, EntryPartition) and stream.ended:
                    return [stream]
                streams.append(stream)
        return streams

    def _is_read(self, stream: IdSource) -> bool:
        try:
            if isinstance(stream, Union):
                stream.begin(self.position)
            stream.below(self.position)
        except BudgetExhausted:
            return False
        return True

    @property
    def _chunk(self) -> int:
        return 2 * max(self.page, PAGE)

    def _of_criterion(self, criterion: Criterion) -> list[IdSource]:
        values, field = criterion.values, criterion.filter.field
        if criterion.filter.every:
            return [self._of_value(field, value, self.page) for value in values]
        if len(values) > MAX_VALUES:
            return []
        chunk = max(2, min(self.page, 6 * self.page // len(values)))
        streams = [self._of_value(field, value, chunk) for value in values]
        return [streams[0] if len(streams) == 1 else Union(streams)]

    def _of_value(self, field: str, value: str, chunk: int) -> EntryPartition:
        pk = index_entries.value_partition(self.account_id, self.entity_type.name, field, value)
        return EntryPartition(self.reader, pk, chunk)

    def _of_term(self, term: Term) -> IdSource | None:
        """The records with the longest word of a term. None if they are too many to read."""
        if term.email:
            email = term.email[: search.INDEXED_LENGTH]
            pk = index_entries.emails_partition(self.account_id, self.entity_type.name, email)
            return self._of_beginning(pk, email)
        word = max(term.words, key=len)[: search.INDEXED_LENGTH]
        beginnings = {word, term.digits[: search.INDEXED_LENGTH] or word}
        joined = self.entity_type.search_fields.joined if self.entity_type.search_fields else ()
        streams = [
            *(self._of_word(self.entity_type.name, beginning) for beginning in beginnings),
            *(self._of_targets(field, word) for field in joined),
        ]
        complete = [stream for stream in streams if stream is not None]
        return _merged(complete) if len(complete) == len(streams) else None

    def _of_targets(self, field: str, word: str) -> IdSource | None:
        """The records that point by `field` to a record with this word."""
        [join] = [join for join in self.entity_type.all_joins if join.field == field]
        targets = self._of_word(join.target, word)
        if not isinstance(targets, IdList) or len(targets.ids) > MAX_TARGETS:
            return None
        chunk = max(2, self._chunk // max(1, len(targets.ids)))
        return _merged([self._of_value(field, id_, chunk) for id_ in targets.ids])

    def _of_word(self, entity_type: str, word: str) -> IdSource | None:
        return self._of_beginning(index_entries.words_partition(self.account_id, entity_type, word), word)

    def _of_beginning(self, pk: str, beginning: str) -> IdSource | None:
        """The records with a word that has this beginning. None if there are too many such words to read."""
        ids: list[str] = []
        streams: list[IdSource] = []
        highest = ""
        for _ in range(MAX_QUERIES):
            between = (beginning, highest) if highest else None
            try:
                page = self.reader.query(pk, begins="" if between else beginning, between=between, limit=self._chunk)
            except BudgetExhausted:
                return None
            pairs = [(index_entries.word_of(entry), self.reader.take_hint(entry)) for entry in page.items]
            if not page.more:
                return _merged([*streams, IdList([*ids, *(id_ for _, id_ in pairs)])])
            last = pairs[-1][0]
            ids += [id_ for word, id_ in pairs if word != last]
            newest = [id_ for word, id_ in pairs if word == last]
            streams.append(WordEntries(self.reader, pk, self.page, last, newest))
            if last == beginning:
                return _merged([*streams, IdList(ids)])
            # The words before this one: no word lies between it and its own first index entry.
            highest = last
        return None


def _length(term: Term) -> int:
    return max(len(word) for word in term.words or (term.email,))


def _merged(streams: list[IdSource]) -> IdSource:
    known = IdList(id_ for stream in streams if isinstance(stream, IdList) for id_ in stream.ids)
    others = [stream for stream in streams if not isinstance(stream, IdList)]
    if not others:
        return known
    if known.ids:
        return Union([*others, known])
    return others[0] if len(others) == 1 else Union(others)
