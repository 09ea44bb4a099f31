"""Run an import: write batch after batch from the job's position on, until its end or until time is up.

Normally one worker at a time has a job, but nothing depends on it: of two workers that write the same batch, the second
one finds that the job has changed, and leaves it to the first.
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

from keel.imports import jobs, row_errors, undo
from keel.imports.batch import Batch, BatchConflict
from keel.imports.csv_reader import UnreadableFile
from keel.imports.jobs import JobConflict
from keel.imports.models import ImportJob
from keel.imports.pipeline import Pipeline, RowBuffer
from keel.logs import logger
from keel.storage import table
from keel.storage.models import AttributeMap, Key
from keel.storage.objects import Gone
from keel.storage.table import RetriesExhausted

MARGIN_MILLISECONDS: Final = 25_000
MAX_IN_FLIGHT: Final = 4  # batches whose index entries are being written, or that are being committed
MAX_KNOWN_NAMES: Final = 10_000  # a file may name a million companies

_GC_THRESHOLD: Final = 20_000
_MAX_CONFLICTS: Final = 30  # in a row


def run(message: dict[str, Any], milliseconds_left: Callable[[], int]) -> None:
    """Do what the job has left to do. When time is up, send a message for another worker to continue."""
    job = jobs.find(message["account_id"], message["job_id"])
    if job is None:
        return
    _tune_garbage_collector()

    def is_time_up() -> bool:
        return milliseconds_left() < MARGIN_MILLISECONDS

    try:
        if "errors_file" in message:
            row_errors.continue_file(job, message["errors_file"], is_time_up)
        elif job.status == "processing":
            _Import(job).run(is_time_up)
        elif job.status == "undoing":
            undo.run(job, is_time_up)
        elif job.status == "completed":
            _write_errors_file(job, is_time_up)  # the worker that completed it may have died before that
    except JobConflict:
        return  # it was cancelled, or another worker has it
    except Gone:
        _fail(job, "The file has changed since it was previewed.")
    except UnreadableFile as unreadable:
        _fail(job, str(unreadable))


def _write_errors_file(job: ImportJob, is_time_up: Callable[[], bool]) -> None:
    """Write the errors file before a client asks for it: a large one takes longer than a request may."""
    if job.failed_count:
        row_errors.write_file(job, is_time_up)


@cache
def _tune_garbage_collector() -> None:
    """Exclude modules and service models from collection, and do not look for cycles at every row."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(_GC_THRESHOLD)


def _fail(job: ImportJob, reason: str) -> None:
    current = jobs.get(job.account_id, job.id)
    if current.status == "processing":
        jobs.fail(current, reason)


class _InFlight(NamedTuple):
    """A batch that is not committed yet, and the writing of its index entries."""

    batch: Batch
    entries: list[Future[None]]


class _Import:
    """One worker's part of an import.

    Several batches are in flight: the index entries of all are being written, and the oldest batch is committed once
    its own are stored, while the next batch is processed. After a conflict with another import of the account there is
    one batch at a time, then more again.
    """

    def __init__(self, job: ImportJob) -> None:
        self._job = job
        self._worker = os.urandom(8).hex()
        self._buffer = RowBuffer(job)
        self._known_names: dict[str, Key] = {}
        # Entries of batches that had a conflict are not written again, so that the next attempt is quick.
        self._written_entries: dict[Key, AttributeMap] = {}
        self._max_in_flight = MAX_IN_FLIGHT
        self._conflicts = 0

    def run(self, is_time_up: Callable[[], bool]) -> None:
        jitter = random.SystemRandom()
        while self._job.status == "processing":
            if is_time_up() or self._conflicts > _MAX_CONFLICTS:
                jobs.send_to_worker(self._job)  # other imports go first
                return
            try:
                self._run_pipeline(is_time_up)
            except BatchConflict:
                self._known_names.clear()
                self._max_in_flight = 1
                self._conflicts += 1
                time.sleep(jitter.uniform(0, min(0.02 * 2**self._conflicts, 1.0)))
            except RetriesExhausted:
                jobs.send_to_worker(self._job)
                return
        job = self._job
        logger.info("import_completed", account_id=job.account_id, job_id=job.id, rows=job.processed_rows)
        _write_errors_file(job, is_time_up)

    def _run_pipeline(self, is_time_up: Callable[[], bool]) -> None:
        pipeline = Pipeline(self._job, self._buffer, self._known_names)
        in_flight: deque[_InFlight] = deque()
        try:
            with ThreadPoolExecutor(1) as committer:  # its own, or it would wait for the entries of later batches
                while True:
                    committing = self._begin_commit(committer, in_flight[0]) if in_flight else None
                    self._process_batches(pipeline, in_flight, is_time_up)
                    if committing:
                        self._end_commit(committing, in_flight.popleft().batch)
                    elif not in_flight:
                        break
        finally:
            self._await_entries(in_flight)
        self._known_names |= pipeline.cache.found_names()
        if len(self._known_names) > MAX_KNOWN_NAMES:
            self._known_names.clear()

    def _process_batches(self, pipeline: Pipeline, in_flight: deque[_InFlight], is_time_up: Callable[[], bool]) -> None:
        """Process batches and begin to write their index entries, until enough batches are in flight."""
        while len(in_flight) < self._max_in_flight and not is_time_up():
            batch = pipeline.next_batch(sum(each.batch.rows for each in in_flight))
            if batch is None:
                return
            in_flight.append(_InFlight(batch, self._begin_entries(batch)))

    def _begin_entries(self, batch: Batch) -> list[Future[None]]:
        new = [entry for key, entry in batch.index_entries.items() if self._written_entries.get(key) != entry]
        self._written_entries |= batch.index_entries
        return table.begin_batch_write(new)

    def _await_entries(self, in_flight: deque[_InFlight]) -> None:
        """Leave nothing running. If a write has failed, no entry counts as written."""
        failures = [writing.exception() for each in in_flight for writing in each.entries]
        if any(failures):
            self._written_entries.clear()

    def _begin_commit(self, committer: ThreadPoolExecutor, first: _InFlight) -> Future[ImportJob]:
        for writing in first.entries:
            writing.result()
        return committer.submit(first.batch.commit, self._job, self._worker)

    def _end_commit(self, committing: Future[ImportJob], batch: Batch) -> None:
        expected = self._job.processed_rows + batch.rows
        try:
            self._job = committing.result()
        except JobConflict as conflict:
            # If the response to our own transaction was lost, the job has changed exactly as the batch changes it.
            if conflict.job.worker != self._worker or conflict.job.processed_rows != expected:
                raise
            self._job = conflict.job
        batch.discard_stale_entries()
        self._buffer.drop(batch.rows)
        for key in batch.index_entries:
            self._written_entries.pop(key, None)
        self._max_in_flight, self._conflicts = min(2 * self._max_in_flight, MAX_IN_FLIGHT), 0
