"""How do groups follow each other? Rows are read ahead, and groups judged by what those before them will have written.

So while one group is being written, the postings of the next can be as well. A stretch of groups ends with what it
has judged written, or with a group that was overtaken: then whoever goes on reads what is stored and judges anew.
"""

import itertools
from collections import deque
from collections.abc import Iterator
from typing import Final

from keel.imports import files, groups, jobs, uploads
from keel.imports.files import Layout, Row
from keel.imports.groups import Group
from keel.imports.jobs import Job
from keel.imports.judging import Judge, Order
from keel.imports.pool import Pool
from keel.imports.rows import Given, RowFault, RowReader
from keel.storage.legacy_table import Key

_AHEAD_CHARACTERS: Final = 300_000
_ROWS: Final = 1_000  # of a stretch, whose records are kept
_CHARACTERS: Final = 4_000_000


class Ahead:
    """The next rows of the file, a few of them at a time."""

    def __init__(self, job: Job) -> None:
        self.columns, _ = jobs.preview(job) or ([], [])
        source = uploads.source(job)
        layout = Layout(job["encoding"], job["delimiter"], tuple(self.columns), job["position"])
        self._rows: Iterator[Row] = files.rows(
            lambda position: uploads.opened(source, position), layout, job["position"]
        )
        self._read: deque[Row] = deque()
        self._size = 0
        self._ended = False

    def look(self, skip: int, count: int) -> list[Row]:
        """As many rows after some others as may be held, one at least if those are none."""
        # One more than is looked at tells whether there are more.
        while not self._ended and len(self._read) <= skip + count and (self._has_room or not self._read):
            row = next(self._rows, None)
            if row is None:
                self._ended = True
            else:
                self._read.append(row)
                self._size += _characters(row)
        return list(itertools.islice(self._read, skip, skip + count))

    @property
    def _has_room(self) -> bool:
        return self._size < _AHEAD_CHARACTERS

    def ends_after(self, count: int) -> bool:
        return self._ended and count == len(self._read)

    def drop(self, count: int) -> None:
        for _ in range(count):
            self._size -= _characters(self._read.popleft())


def _characters(row: Row) -> int:
    return sum(map(len, row.cells))


class Stretch:
    """Groups of the rows from where the job stands."""

    def __init__(self, order: Order, job: Job, ahead: Ahead, pointed: dict[str, Key]) -> None:
        self._order, self._ahead = order, ahead
        self._first = job["processed_rows"] + 1
        self._position = job["position"]
        self.pool = Pool(order.account_id, order.kind, pointed)
        defined = self.pool.defined.of(order.kind.name) if order.kind.has_custom_fields else {}
        self._reader = RowReader(order.kind, ahead.columns, job["column_mapping"], defined, job["date_format"])
        self._judge = Judge(order, self.pool, self._reader)
        self._read: deque[tuple[Row, Given | RowFault]] = deque()
        self._judged = 0
        self._size = 0
        self._has_ended = False

    def next_group(self, under_way: int) -> Group | None:
        """The next group, None at the end of the stretch, or when no more rows may be held.

        `under_way` are the rows of earlier groups that are not written yet.
        """
        if self._has_ended or self._judged >= _ROWS or self._size >= _CHARACTERS:
            return None
        self._look(under_way)
        if not self._read and not self._ahead.ends_after(under_way):
            return None
        group = Group(self.pool, self._order.account_id)
        while self._read and group.rows < groups.ROWS and not (group.rows and group.is_full):
            row, given = self._read.popleft()
            self._judge.judge(self._first + self._judged + group.rows, row, given, group)
            self._position = row.end
        self._judged += group.rows
        self._size += group.size + group.effect_size
        self._has_ended = not self._read and self._ahead.ends_after(under_way + group.rows)
        group.end(self._position, is_last=self._has_ended)
        return group

    def _look(self, under_way: int) -> None:
        """Read the rows that are looked at for the first time, and what they may meet: those of two groups at once."""
        known = len(self._read)
        if known >= groups.ROWS:
            return
        new = self._ahead.look(under_way + known, 2 * groups.ROWS - known)
        first = self._first + self._judged + known
        read = [(row, self._given(number, row)) for number, row in enumerate(new, first)]
        readable = [given for _, given in read if isinstance(given, Given)]
        if readable:
            self.pool.load(readable, matching=self._order.is_matching)
        self._read.extend(read)

    def _given(self, number: int, row: Row) -> Given | RowFault:
        try:
            return self._reader.read(number, row)
        except RowFault as fault:
            return fault
