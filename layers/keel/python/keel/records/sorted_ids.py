"""How are sorted sets of ids read, combined and stepped through, newest first, without reading more than needed?

A stream answers one question: which is its greatest id below a bound? The bounds only ever go down. That is
enough to merge streams (`Union`) and to leapfrog through what they share (`Intersection`): each one seeks to
where the others are, and what lies between is not read.
"""

import threading
from bisect import bisect_left
from collections.abc import Iterable, Sequence
from typing import Final, Protocol

from keel.records import index_entries
from keel.storage import clients
from keel.storage import legacy_table as table
from keel.storage.legacy_table import Item, Page

# Above every id; ids are ASCII.
TOP: Final = "~"
_LARGEST_CHUNK: Final = 200
_MUCH: Final = 2


class Spent(Exception):
    """The call has read as many items as one call may; nothing that is sought lies above `floor`."""

    def __init__(self, floor: str = TOP) -> None:
        self.floor = floor
        super().__init__("spent")


def through(id_: str) -> str:
    """The bound just above an id."""
    return id_ + "!"


class Reader:
    """Reads for one call and counts the items, of which it reads at most `budget`, and leaves `kept` of them.

    `points` holds what the records are said to point to, `items` the records that were read on the way.
    """

    def __init__(self, budget: int) -> None:
        self.left = budget
        self.kept = 0
        self._lock = threading.Lock()
        self.points: dict[str, dict[str, str]] = {}
        self.items: dict[str, Item] = {}

    def query(
        self, pk: str, *, limit: int, begins: str = "", between: tuple[str, str] | None = None, before: str = ""
    ) -> Page:
        room = self.left - self.kept
        if room <= 0:
            raise Spent
        found = table.query(
            pk, begins=begins, between=between, before=before, newest_first=True, limit=min(limit, room)
        )
        self.spend(max(1, len(found.items)))
        return found

    def spend(self, items: int) -> None:
        with self._lock:
            self.left -= items


class Stream(Protocol):
    def below(self, bound: str) -> str | None:
        """The greatest id below the bound, None when there is none; raises `Spent`."""


class Source(Stream, Protocol):
    """A stream that is no intersection."""

    def window(self, bound: str) -> tuple[list[str], bool]:
        """The ids below the bound that have been read already, the greatest first and none left out; and whether
        these are all."""


class Known:
    """Ids that are all known."""

    def __init__(self, ids: Iterable[str]) -> None:
        self.ids = sorted(set(ids))

    def below(self, bound: str) -> str | None:
        at = bisect_left(self.ids, bound)
        return self.ids[at - 1] if at else None

    def window(self, bound: str) -> tuple[list[str], bool]:
        return self.ids[: bisect_left(self.ids, bound)][::-1], True


class Partition:
    """The ids under which the items of a partition lie, read in chunks that grow."""

    def __init__(self, reader: Reader, pk: str, chunk: int) -> None:
        self.reader = reader
        self.pk = pk
        self.chunk = chunk
        self.ids: Sequence[str] = ()
        self.ended = False
        self._at = 0

    def below(self, bound: str) -> str | None:
        while True:
            while self._at < len(self.ids):
                if self.ids[self._at] < bound:
                    return self.ids[self._at]
                self._at += 1
            if self.ended:
                return None
            found = self.query(bound)
            self.chunk = min(2 * self.chunk, _LARGEST_CHUNK)
            self.ids, self.ended, self._at = [self.take(item) for item in found.items], not found.more, 0

    def window(self, bound: str) -> tuple[list[str], bool]:
        return [id_ for id_ in self.ids if id_ < bound], self.ended

    def query(self, bound: str) -> Page:
        return self.reader.query(self.pk, before=bound, limit=self.chunk)

    def take(self, item: Item) -> str:
        id_ = index_entries.id_of(item)
        self.reader.points[id_] = item.get("points", {})
        return id_


class Records(Partition):
    """The records themselves, for what no posting narrows down."""

    def take(self, item: Item) -> str:
        self.reader.items[item["sk"]] = item
        return str(item["sk"])


class Word(Partition):
    """The postings of one word; the newest of them, `ids`, may have been read already."""

    def __init__(self, reader: Reader, pk: str, chunk: int, word: str, ids: Sequence[str]) -> None:
        super().__init__(reader, pk, chunk)
        self.word = word
        self.ids = ids

    def query(self, bound: str) -> Page:
        # BETWEEN includes its ends; no id lies between this one and the bound.
        below = bound[:-1] + chr(ord(bound[-1]) - 1) + TOP
        start = index_entries.under(self.word)
        return self.reader.query(self.pk, between=(start, start + below), limit=self.chunk)


class Union:
    """The ids that are in any of the streams."""

    def __init__(self, streams: Sequence[Source]) -> None:
        self.streams = streams

    def begin(self, bound: str) -> None:
        """Read the streams from the bound down, several at once; raises `Spent`."""
        clients.map_concurrently(lambda stream: stream.below(bound), self.streams)

    def below(self, bound: str) -> str | None:
        found = [id_ for stream in self.streams if (id_ := stream.below(bound)) is not None]
        return max(found, default=None)

    def window(self, bound: str) -> tuple[list[str], bool]:
        windows = [stream.window(bound) for stream in self.streams]
        # Below the last id of a part that goes on, nothing is known of that part.
        reach = max((ids[-1] if ids else bound for ids, is_all in windows if not is_all), default="")
        together = {id_ for ids, _ in windows for id_ in ids if id_ >= reach}
        return sorted(together, reverse=True), not reach


class Intersection:
    """The ids that are in every one of the streams."""

    def __init__(self, streams: Sequence[Stream]) -> None:
        self.streams = streams

    def below(self, bound: str) -> str | None:
        agreed, at = 0, 0
        candidate: str | None = None
        while agreed < len(self.streams):
            try:
                found = self.streams[at].below(bound)
            except Spent as spent:
                raise Spent(min(bound, spent.floor)) from None
            if found is None:
                return None
            agreed = agreed + 1 if found == candidate else 1
            candidate, bound = found, through(found)
            at = (at + 1) % len(self.streams)
        return candidate


def worth_reading(streams: Sequence[Source], position: str) -> list[Source]:
    """The streams without those that are much denser than the sparsest: to seek in them costs more than to check
    what the others have in common. All have been read from the position down."""
    windows = [stream.window(position) for stream in streams]
    # The one that is known to its end, or else reaches furthest down.
    sparsest, _ = min(windows, key=lambda window: (not window[1], window[0][-1] if window[0] else ""))

    def is_much_denser(ids: list[str]) -> bool:
        return bool(ids) and _MUCH * sum(id_ >= ids[-1] for id_ in sparsest) < len(ids)

    return [stream for stream, (ids, _) in zip(streams, windows, strict=True) if not is_much_denser(ids)]
