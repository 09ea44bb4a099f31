"""Read the rows of a CSV file as a stream, from any byte at which a row begins.

A row is a record of the CSV, not a line: quoted cells may contain line breaks. Each row knows the byte at which the
next one begins, so that reading can continue there.
"""

import codecs
import csv
import io
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from typing import BinaryIO, Final

_MAX_CELL: Final = 1 << 20  # characters; a longer cell is taken for a quote that is never closed
_MAX_LINE: Final = 1 << 22

OpenAt = Callable[[int], BinaryIO]
"""Opens the file at a byte."""

csv.field_size_limit(_MAX_CELL)


def _decode_as_c1(error: UnicodeError) -> tuple[str, int]:
    """Decode the five bytes that Windows-1252 leaves undefined as browsers do: as control characters."""
    if not isinstance(error, UnicodeDecodeError):
        raise error
    return chr(error.object[error.start]), error.start + 1


codecs.register_error("keel.c1", _decode_as_c1)


class UnreadableFile(Exception):
    """The file cannot be imported. The text tells the user why."""


@dataclass(frozen=True)
class Layout:
    """How a file is to be read. `start` is the byte at which its first row begins."""

    encoding: str
    delimiter: str
    columns: tuple[str, ...]
    start: int


@dataclass(frozen=True, slots=True)
class Row:
    """One row. `end` is the byte at which the next row begins, `problem` tells why the row cannot be read."""

    cells: list[str]
    end: int
    problem: str = ""


def read_rows(open_at: OpenAt, encoding: str, delimiter: str, position: int) -> Iterator[Row]:
    """The rows from this byte on, without blank lines. Raises `UnreadableFile`."""
    return read_records(open_at(position), encoding, delimiter, position, number=0)


def read_records(source: BinaryIO, encoding: str, delimiter: str, position: int, *, number: int) -> Iterator[Row]:
    """`read_rows` of an open file. `number` is that of the row before the position, -1 before the header."""
    lines = _Lines(source, encoding, position)
    reader = csv.reader(lines, delimiter=delimiter, strict=True)
    while True:
        problem = ""
        try:
            cells = next(reader)
        except StopIteration:
            return
        except csv.Error as error:
            if lines.ended or "limit" in str(error):
                place = f"After row {number}" if number > 0 else "After the header" if number == 0 else "In the header"
                raise UnreadableFile(f"{place}, a quote is never closed.") from None
            cells = next(csv.reader([lines.last], delimiter=delimiter))
            problem = "Text follows the closing quote of a cell."
        if len(cells) > 1 or problem or (cells and cells[0].strip()):
            number += 1
            yield Row(cells, lines.position, problem)


class _Lines:
    """Lines of text, with the byte at which the next line begins."""

    def __init__(self, source: BinaryIO, encoding: str, position: int) -> None:
        # With newline="", a line ends at any of the three line ends, which are kept as they are.
        text = io.TextIOWrapper(source, encoding, error_handler(encoding), newline="")
        self._readline = partial(text.readline, _MAX_LINE)
        self._encoding = encoding
        self._width = 2 if encoding.startswith("utf-16") else 1
        self._has_fixed_width = encoding == "cp1252"
        self.position = position
        self.last = ""
        self.ended = False

    def __iter__(self) -> "_Lines":
        return self

    def __next__(self) -> str:
        line = self._readline()
        if not line:
            self.ended = True
            raise StopIteration
        if len(line) >= _MAX_LINE:
            raise UnreadableFile("A line of the file is too long.")
        if self._has_fixed_width or line.isascii():
            self.position += self._width * len(line)
        else:
            self.position += len(line.encode(self._encoding))
        self.last = line
        return line


def error_handler(encoding: str) -> str:
    """The name of the codec error handler for an encoding."""
    return "keel.c1" if encoding == "cp1252" else "strict"
