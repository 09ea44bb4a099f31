"""Read, merge and intersect sorted sets of ids, newest first, without reading more than necessary.

A stream has one operation: its greatest id below a bound. Bounds only go down. That is enough to merge streams
(`Union`) and to leapfrog through what they have in common (`Intersection`): each stream seeks to where the others are,
and what lies between is not read.
"""

import threading
from bisect import bisect_left
from collections.abc import Iterable, Sequence
from typing import Final, Protocol

from keel.records import index_entries
from keel.storage import clients, table
from keel.storage.attribute_types import decode
from keel.storage.models import AttributeMap
from keel.storage.table import AttributesPage

TOP: Final = "~"  # above every id: ids are ASCII
_LARGEST_CHUNK: Final = 200
_DENSER: Final = 2  # times as dense as another stream: too dense to seek in


class BudgetExhausted(Exception):
    """The request has read as many items as it may. No id that is sought lies above `floor`."""

    def __init__(self, floor: str = TOP) -> None:
        self.floor = floor
        super().__init__("budget exhausted")


def just_above(id_: str) -> str:
    """The bound just above an id."""
    return id_ + "!"


class BudgetedReader:
    """Reads for one request and counts the items: at most `budget`, of which `reserved` are not for queries.

    `hints` has what records probably point to, `items` the records that were read on the way, both by id.
    """

    def __init__(self, budget: int) -> None:
        self.budget = budget
        self.reserved = 0
        self._lock = threading.Lock()
        self.hints: dict[str, dict[str, str]] = {}
        self.items: dict[str, AttributeMap] = {}

    def query(
        self, pk: str, *, limit: int, begins: str = "", between: tuple[str, str] | None = None, before: str = ""
    ) -> AttributesPage:
        room = self.budget - self.reserved
        if room <= 0:
            raise BudgetExhausted
        page = table.query_attributes(
            pk, begins=begins, between=between, before=before, newest_first=True, limit=min(limit, room)
        )
        self.spend(max(1, len(page.items)))
        return page

    def spend(self, items: int) -> None:
        with self._lock:
            self.budget -= items

    def take_hint(self, entry: AttributeMap) -> str:
        """Keep the hint of an index entry. Returns the id of its record."""
        id_ = index_entries.record_id(entry)
        self.hints[id_] = decode(entry["points"]) if "points" in entry else {}
        return id_


class IdStream(Protocol):
    def below(self, bound: str) -> str | None:
        """The greatest id below the bound, None if there is none. Raises `BudgetExhausted`."""


class IdSource(IdStream, Protocol):
    """A stream that is not an intersection."""

    def window(self, bound: str) -> tuple[list[str], bool]:
        """The ids below the bound that were read so far, greatest first and gapless, and whether these are all."""


class IdList:
    """Ids that are all known."""

    def __init__(self, ids: Iterable[str]) -> None:
        self.ids = sorted(set(ids))

    def below(self, bound: str) -> str | None:
        position = bisect_left(self.ids, bound)
        return self.ids[position - 1] if position else None

    def window(self, bound: str) -> tuple[list[str], bool]:
        return self.ids[: bisect_left(self.ids, bound)][::-1], True


class EntryPartition:
    """The ids of the index entries of a partition, read in chunks that grow."""

    def __init__(self, reader: BudgetedReader, pk: str, chunk: int) -> None:
        self.reader = reader
        self.pk = pk
        self.chunk = chunk
        self.ids: Sequence[str] = ()
        self.ended = False
        self._position = 0

    def below(self, bound: str) -> str | None:
        while True:
            while self._position < len(self.ids):
                if self.ids[self._position] < bound:
                    return self.ids[self._position]
                self._position += 1
            if self.ended:
                return None
            page = self.query(bound)
            self.chunk = min(2 * self.chunk, _LARGEST_CHUNK)
            self.ids, self.ended, self._position = [self.take(item) for item in page.items], not page.more, 0

    def window(self, bound: str) -> tuple[list[str], bool]:
        return [id_ for id_ in self.ids if id_ < bound], self.ended

    def query(self, bound: str) -> AttributesPage:
        return self.reader.query(self.pk, before=bound, limit=self.chunk)

    def take(self, item: AttributeMap) -> str:
        return self.reader.take_hint(item)


class RecordPartition(EntryPartition):
    """The records themselves, for a list that no index entry narrows down."""

    def take(self, item: AttributeMap) -> str:
        id_ = str(item["sk"]["S"])
        self.reader.items[id_] = item
        return id_


class WordEntries(EntryPartition):
    """The index entries of one word. The newest of them, `ids`, may have been read already."""

    def __init__(self, reader: BudgetedReader, pk: str, chunk: int, word: str, ids: Sequence[str]) -> None:
        super().__init__(reader, pk, chunk)
        self.word = word
        self.ids = ids

    def query(self, bound: str) -> AttributesPage:
        # BETWEEN includes its ends. No id lies between this one and the bound.
        below = bound[:-1] + chr(ord(bound[-1]) - 1) + TOP
        prefix = index_entries.word_prefix(self.word)
        return self.reader.query(self.pk, between=(prefix, prefix + below), limit=self.chunk)


class Union:
    """The ids that are in any of the streams."""

    def __init__(self, streams: Sequence[IdSource]) -> None:
        self.streams = streams

    def begin(self, bound: str) -> None:
        """Read the streams from the bound down, several at a time. Raises `BudgetExhausted`."""
        clients.map_concurrently(lambda stream: stream.below(bound), self.streams)

    def below(self, bound: str) -> str | None:
        ids = [id_ for stream in self.streams if (id_ := stream.below(bound)) is not None]
        return max(ids, default=None)

    def window(self, bound: str) -> tuple[list[str], bool]:
        windows = [stream.window(bound) for stream in self.streams]
        # Below the last id that was read of a stream that goes on, its ids are unknown.
        lowest = max((ids[-1] if ids else bound for ids, is_all in windows if not is_all), default="")
        merged = {id_ for ids, _ in windows for id_ in ids if id_ >= lowest}
        return sorted(merged, reverse=True), not lowest


class Intersection:
    """The ids that are in all of the streams."""

    def __init__(self, streams: Sequence[IdStream]) -> None:
        self.streams = streams

    def below(self, bound: str) -> str | None:
        agreeing, position = 0, 0
        candidate: str | None = None
        while agreeing < len(self.streams):
            try:
                id_ = self.streams[position].below(bound)
            except BudgetExhausted as exhausted:
                raise BudgetExhausted(min(bound, exhausted.floor)) from None
            if id_ is None:
                return None
            agreeing = agreeing + 1 if id_ == candidate else 1
            candidate, bound = id_, just_above(id_)
            position = (position + 1) % len(self.streams)
        return candidate


def without_dense(streams: Sequence[IdSource], position: str) -> list[IdSource]:
    """The streams without those that are much denser than the sparsest.

    To seek in these costs more than to check what the others have in common. All streams must have been read from the
    position down.
    """
    windows = [stream.window(position) for stream in streams]
    # The one that was read to its end, or else the one that reaches furthest down.
    sparsest, _ = min(windows, key=lambda window: (not window[1], window[0][-1] if window[0] else ""))

    def is_much_denser(ids: list[str]) -> bool:
        return bool(ids) and _DENSER * sum(id_ >= ids[-1] for id_ in sparsest) < len(ids)

    return [stream for stream, (ids, _) in zip(streams, windows, strict=True) if not is_much_denser(ids)]
