"""How does an import go on? Group after group from where the job stands, until its end or the worker's time is up.

A job is in the hands of one worker at a time, but nothing depends on it: of two that write a group, the second
finds that the job has moved and leaves it to the first.
"""

import itertools
import os
import random
import time
from collections import deque
from collections.abc import Callable, Iterator
from typing import Final

from keel import table
from keel.imports import files, groups, jobs, mapping, row_errors, undo, uploads
from keel.imports.files import Layout, Row, Unreadable
from keel.imports.groups import Group, Order, Overtaken
from keel.imports.jobs import Job, Moved
from keel.imports.rows import RowReader
from keel.logs import logger
from keel.objects import Gone
from keel.table import Congested, Item, Key

MARGIN_MILLISECONDS: Final = 25_000

_AHEAD_BYTES: Final = 300_000
_TRIES: Final = 30


def carry_on(message: dict[str, str], milliseconds_left: Callable[[], int]) -> None:
    """Do what the job has left to do; what time does not suffice for is ordered anew."""
    item = table.get(jobs.key(message["account_id"], message["job_id"]))
    if item is None:
        return
    job = jobs.of_item(item)
    worker = os.urandom(8).hex()

    def is_time_up() -> bool:
        return milliseconds_left() < MARGIN_MILLISECONDS

    try:
        if job["status"] == "processing":
            _import(job, worker, is_time_up)
        elif job["status"] == "undoing":
            undo.carry_on(job, is_time_up)
    except Moved:
        return  # it was cancelled, or another worker has it
    except Gone:
        _fail(message, "The file is no longer what it was when it was previewed.")
    except Unreadable as unreadable:
        _fail(message, str(unreadable))


def _fail(message: dict[str, str], reason: str) -> None:
    job = jobs.found(message["account_id"], message["job_id"])
    if job["status"] == "processing":
        jobs.fail(job, reason)


def _import(job: Job, worker: str, is_time_up: Callable[[], bool]) -> None:
    kind = mapping.KINDS[job["model_type"]]
    columns, _ = jobs.preview(job) or ([], [])
    pointed: dict[str, table.Item] = {}
    ahead = _Ahead(job, tuple(columns))
    while True:
        if is_time_up():
            jobs.go_on(job)
            return
        defined = mapping.definitions_of(kind, job["account_id"])
        reader = RowReader(kind, columns, job["column_mapping"], defined, job["date_format"])
        order = Order(job, kind, reader, job["duplicate_handling"], pointed)
        try:
            job, taken = _group(order, worker, ahead)
        except Congested:
            jobs.go_on(job)  # others have their turn first
            return
        if job["status"] != "processing":
            logger.info("imported", account_id=job["account_id"], job_id=job["id"], rows=job["processed_rows"])
            if job["failed_count"]:
                row_errors.write(job)  # now, since a large one takes longer than an answer may
            return
        ahead.drop(taken)


def _group(order: Order, worker: str, ahead: "_Ahead") -> tuple[Job, int]:
    """Write the next group; gives the job after it, and the number of its rows."""
    rows = ahead.look(groups.ROWS)
    first = order.job["processed_rows"] + 1
    jitter = random.SystemRandom()
    written: dict[Key, Item] = {}
    for attempt in range(_TRIES):
        group = Group(order, list(enumerate(rows, first)))
        group.judge()
        taken = group.taken
        position = rows[taken - 1].end if taken else order.job["position"]
        try:
            return group.commit(worker, position, written, is_last=ahead.ends_after(taken)), taken
        except Overtaken:
            time.sleep(jitter.uniform(0, min(0.02 * 2**attempt, 1.0)))
        except Moved as moved:
            # An answer that was lost: the transaction was ours.
            if moved.job.get("worker") == worker and moved.job["processed_rows"] == first - 1 + taken:
                return moved.job, taken
            raise
    raise Congested("a group of rows")


class _Ahead:
    """The next rows of the file, a few of them at a time."""

    def __init__(self, job: Job, columns: tuple[str, ...]) -> None:
        source = uploads.source(job)
        layout = Layout(job["encoding"], job["delimiter"], columns, job["position"])
        self._rows: Iterator[Row] = files.rows(
            lambda position: uploads.opened(source, position), layout, job["position"]
        )
        self._read: deque[Row] = deque()
        self._ended = False

    def look(self, count: int) -> list[Row]:
        size = sum(sum(map(len, row.cells)) for row in self._read)
        # One more than is looked at tells whether there are more.
        while not self._ended and len(self._read) <= count and (size < _AHEAD_BYTES or not self._read):
            row = next(self._rows, None)
            if row is None:
                self._ended = True
            else:
                self._read.append(row)
                size += sum(map(len, row.cells))
        return list(itertools.islice(self._read, count))

    def ends_after(self, count: int) -> bool:
        return self._ended and count == len(self._read)

    def drop(self, count: int) -> None:
        for _ in range(count):
            self._read.popleft()
