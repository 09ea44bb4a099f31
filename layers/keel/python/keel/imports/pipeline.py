"""Turn the rows of a file into batches: read, parse, match, batch.

Batches are processed ahead of those that are being written: each one treats the changes of the batches before it as
stored. A pipeline ends after 1,000 rows, so that its cache stays small. It also ends with a conflict: then the next
pipeline reads the records again and processes the rows that are not written yet.
"""

import itertools
from collections import deque
from collections.abc import Mapping
from typing import Final

from keel.imports import batch, csv_reader, jobs, uploads
from keel.imports.batch import Batch
from keel.imports.csv_reader import Row
from keel.imports.mapping import ENTITY_TYPES
from keel.imports.models import ImportJob
from keel.imports.record_cache import RecordCache
from keel.imports.row_parser import ParsedRow, RowParser
from keel.imports.row_processor import RowProcessor
from keel.storage.models import Key

MAX_ROWS: Final = 1_000

_MAX_CHARACTERS: Final = 4_000_000
_BUFFER_CHARACTERS: Final = 300_000


class RowBuffer:
    """The rows that have been read from the file, but not been written yet."""

    def __init__(self, job: ImportJob) -> None:
        self.columns = jobs.columns(job)
        stored = uploads.planned_object(job)
        self._rows = csv_reader.read_rows(
            lambda position: uploads.open_object(stored, position), job.encoding, job.delimiter, job.position
        )
        self._buffer: deque[Row] = deque()
        self._size = 0
        self._has_ended = False

    def peek(self, skip: int, count: int) -> list[Row]:
        """The next rows after the first `skip`: as many as may be buffered, and at least one if none is buffered."""
        # Reading one row more than asked for tells whether there are more.
        while not self._has_ended and len(self._buffer) <= skip + count and (self._has_room or not self._buffer):
            row = next(self._rows, None)
            if row is None:
                self._has_ended = True
            else:
                self._buffer.append(row)
                self._size += _characters(row)
        return list(itertools.islice(self._buffer, skip, skip + count))

    @property
    def _has_room(self) -> bool:
        return self._size < _BUFFER_CHARACTERS

    def ends_after(self, count: int) -> bool:
        """Whether the file ends after so many buffered rows."""
        return self._has_ended and count == len(self._buffer)

    def drop(self, count: int) -> None:
        """Forget the first rows, which have been written."""
        for _ in range(count):
            self._size -= _characters(self._buffer.popleft())


def _characters(row: Row) -> int:
    return sum(map(len, row.cells))


class Pipeline:
    """Batches of the rows from the job's position on."""

    def __init__(self, job: ImportJob, buffer: RowBuffer, known_names: Mapping[str, Key]) -> None:
        entity_type = ENTITY_TYPES[job.model_type]
        self.cache = RecordCache(job.account_id, entity_type, known_names)
        definitions = self.cache.definitions.of(entity_type.name) if entity_type.has_custom_fields else {}
        self._parser = RowParser(entity_type, buffer.columns, job.column_mapping, definitions, job.date_format)
        self._processor = RowProcessor(job, self.cache, self._parser)
        self._is_matching = job.duplicate_handling != "create"
        self._buffer = buffer
        self._parsed: deque[ParsedRow] = deque()
        self._next_row = job.processed_rows + 1  # the number of the next row to process
        self._position = job.position
        self._rows = 0
        self._size = 0
        self._has_ended = False

    def next_batch(self, uncommitted: int) -> Batch | None:
        """The next batch. None at the end of the pipeline, or if no more rows may be buffered.

        `uncommitted` is the number of rows in earlier batches that are not written yet.
        """
        if self._has_ended or self._rows >= MAX_ROWS or self._size >= _MAX_CHARACTERS:
            return None
        self._parse_ahead(uncommitted)
        if not self._parsed and not self._buffer.ends_after(uncommitted):
            return None
        next_batch = Batch(self.cache)
        while self._parsed and not (next_batch.rows and next_batch.is_full):
            parsed = self._parsed.popleft()
            self._processor.process(parsed, next_batch)
            self._position = parsed.row.end
        self._rows += next_batch.rows
        self._next_row += next_batch.rows
        self._size += next_batch.size
        self._has_ended = not self._parsed and self._buffer.ends_after(uncommitted + next_batch.rows)
        next_batch.close(self._position, is_last=self._has_ended)
        return next_batch

    def _parse_ahead(self, uncommitted: int) -> None:
        """Parse rows for two batches, and read at once what these rows may match."""
        ready = len(self._parsed)
        if ready >= batch.MAX_ROWS:
            return
        rows = self._buffer.peek(uncommitted + ready, 2 * batch.MAX_ROWS - ready)
        parsed = [self._parser.parse(number, row) for number, row in enumerate(rows, self._next_row + ready)]
        valid = [row for row in parsed if not row.error]
        if valid:
            self.cache.load(valid, matching=self._is_matching)
        self._parsed.extend(parsed)
