"""How does an import go on? Group after group from where the job stands, until its end or the worker's time is up.

A job is in the hands of one worker at a time, but nothing depends on it: of two that write a group, the second
finds that the job has moved and leaves it to the first.
"""

import gc
import os
import random
import time
from collections import deque
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from functools import cache
from typing import Any, Final, NamedTuple

from keel.imports import jobs, mapping, row_errors, undo
from keel.imports.files import Unreadable
from keel.imports.groups import Group, Overtaken
from keel.imports.jobs import Job, Moved
from keel.imports.judging import Order
from keel.imports.stretch import Ahead, Stretch
from keel.logs import logger
from keel.storage import legacy_table as table
from keel.storage.legacy_table import Key, RetriesExhausted
from keel.storage.models import AttributeMap
from keel.storage.objects import Gone
from keel.storage.table import begin_batch_write

MARGIN_MILLISECONDS: Final = 25_000

_DEPTH: Final = 4  # groups under way at once
_POINTED: Final = 10_000
_OBJECTS: Final = 20_000
_TRIES: Final = 30


def carry_on(message: dict[str, Any], milliseconds_left: Callable[[], int]) -> None:
    """Do what the job has left to do; what time does not suffice for is ordered anew."""
    item = table.get(jobs.key(message["account_id"], message["job_id"]))
    if item is None:
        return
    _spare_collecting()
    job = jobs.of_item(item)
    worker = os.urandom(8).hex()

    def is_time_up() -> bool:
        return milliseconds_left() < MARGIN_MILLISECONDS

    try:
        if "errors_file" in message:
            row_errors.go_on(job, message["errors_file"], is_time_up)
        elif job["status"] == "processing":
            _Import(job, worker).carry_on(is_time_up)
        elif job["status"] == "undoing":
            undo.carry_on(job, is_time_up)
        elif job["status"] == "completed":
            _write_errors(job, is_time_up)  # whoever completed it may have died before that
    except Moved:
        return  # it was cancelled, or another worker has it
    except Gone:
        _fail(message, "The file is no longer what it was when it was previewed.")
    except Unreadable as unreadable:
        _fail(message, str(unreadable))


def _write_errors(job: Job, is_time_up: Callable[[], bool]) -> None:
    """Write the file of the errors before somebody asks: a large one takes longer than an answer may."""
    if job["failed_count"]:
        row_errors.write(job, is_time_up)


@cache
def _spare_collecting() -> None:
    """Have the garbage collector pass over modules and models of services, and not look for cycles at every row."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(_OBJECTS)


def _fail(message: dict[str, Any], reason: str) -> None:
    job = jobs.found(message["account_id"], message["job_id"])
    if job["status"] == "processing":
        jobs.fail(job, reason)


class _Import:
    """One worker's part in an import.

    Several groups are under way at once: the postings of all are being written, and the oldest is committed when its
    own are there, while the next is judged. After another import of the account has had its turn it is one group at a
    time, then more again.
    """

    def __init__(self, job: Job, worker: str) -> None:
        self._job, self._worker = job, worker
        self._order = Order(job, mapping.KINDS[job["model_type"]], job["duplicate_handling"])
        self._ahead = Ahead(job)
        self._pointed: dict[str, Key] = {}
        # What groups that were overtaken have written is not written again: whoever was is quick the next time.
        self._written: dict[Key, AttributeMap] = {}
        self._depth = _DEPTH
        self._tries = 0

    def carry_on(self, is_time_up: Callable[[], bool]) -> None:
        jitter = random.SystemRandom()
        while self._job["status"] == "processing":
            if is_time_up() or self._tries > _TRIES:
                jobs.go_on(self._job)  # others have their turn first
                return
            try:
                self._write_stretch(is_time_up)
            except Overtaken:
                self._pointed.clear()
                self._depth = 1
                self._tries += 1
                time.sleep(jitter.uniform(0, min(0.02 * 2**self._tries, 1.0)))
            except RetriesExhausted:
                jobs.go_on(self._job)
                return
        job = self._job
        logger.info("imported", account_id=job["account_id"], job_id=job["id"], rows=job["processed_rows"])
        _write_errors(job, is_time_up)

    def _write_stretch(self, is_time_up: Callable[[], bool]) -> None:
        stretch = Stretch(self._order, self._job, self._ahead, self._pointed)
        under_way: deque[_UnderWay] = deque()
        try:
            with ThreadPoolExecutor(1) as committer:  # of its own, or it would wait behind postings of later groups
                while True:
                    committing = self._begin_commit(committer, under_way[0]) if under_way else None
                    self._fill(under_way, stretch, is_time_up)
                    if committing:
                        self._end_commit(committing, under_way.popleft().group)
                    elif not under_way:
                        break
        finally:
            self._settle([writing for each in under_way for writing in each.begun])
        self._pointed.update(stretch.pool.pointed())
        if len(self._pointed) > _POINTED:
            self._pointed.clear()  # a file may name a million companies

    def _fill(self, under_way: "deque[_UnderWay]", stretch: Stretch, is_time_up: Callable[[], bool]) -> None:
        while len(under_way) < self._depth and not is_time_up():
            group = stretch.next_group(sum(each.group.rows for each in under_way))
            if group is None:
                return
            under_way.append(_UnderWay(group, self._begin(group)))

    def _begin(self, group: Group) -> list[Future[None]]:
        """Begin to write the postings of a group, but for those that are there already."""
        new = [item for key, item in group.postings.items() if self._written.get(key) != item]
        self._written |= group.postings
        return begin_batch_write(new)

    def _settle(self, begun: list[Future[None]]) -> None:
        """Leave nothing under way; what was not written after all is not taken to be."""
        failures = [writing.exception() for writing in begun]
        if any(failures):
            self._written.clear()

    def _begin_commit(self, committer: ThreadPoolExecutor, first: "_UnderWay") -> Future[Job]:
        for writing in first.begun:
            writing.result()
        return committer.submit(first.group.commit, self._job, self._worker)

    def _end_commit(self, committing: Future[Job], group: Group) -> None:
        expected = self._job["processed_rows"] + group.rows
        try:
            self._job = committing.result()
        except Moved as moved:
            # An answer that was lost: the transaction was ours.
            if moved.job.get("worker") != self._worker or moved.job["processed_rows"] != expected:
                raise
            self._job = moved.job
        group.discard_stale()
        self._ahead.drop(group.rows)
        for key in group.postings:
            self._written.pop(key, None)
        self._depth, self._tries = min(2 * self._depth, _DEPTH), 0


class _UnderWay(NamedTuple):
    """A group that is not written yet, and the writing of its postings."""

    group: Group
    begun: list[Future[None]]
