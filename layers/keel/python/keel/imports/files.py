"""What does a file say? Its encoding, delimiter and columns, and its rows from any position on.

A file is read as a stream, never whole. A row is a record of the CSV, not a line: quoted cells may have line
breaks. Every row knows the byte at which the next one begins, so that reading can be taken up there.
"""

import codecs
import csv
import io
import json
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from functools import partial
from typing import BinaryIO, Final

ROWS: Final = 1_000_000
BYTES: Final = 500_000_000
COLUMNS: Final = 1_000
SAMPLES: Final = 5

_HEAD: Final = 1 << 16
_CELL: Final = 1 << 20  # characters; what is longer is taken for a quote that is never closed
_LINE: Final = 1 << 22
_NAME: Final = 255
_NAMES: Final = 100_000  # bytes of all names as JSON: they lie in one item
_DELIMITERS: Final = ",;\t|"
_SEPARATOR: Final = re.compile(rf'"?sep=([{_DELIMITERS}])"?(?:\r\n?|\n)', re.IGNORECASE)  # a line for Excel alone

_MARKS: Final = ((b"\xef\xbb\xbf", "utf-8"), (b"\xff\xfe", "utf-16-le"), (b"\xfe\xff", "utf-16-be"))
_KNOWN: Final = (
    (b"PK\x03\x04", "a ZIP archive or an Excel workbook"),
    (b"PK\x05\x06", "a ZIP archive"),
    (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", "an old Office document"),
    (b"\x1f\x8b", "a gzip archive"),
    (b"7z\xbc\xaf\x27\x1c", "a 7-Zip archive"),
    (b"Rar!\x1a\x07", "a RAR archive"),
    (b"BZh", "a bzip2 archive"),
    (b"\xfd7zXZ\x00", "an xz archive"),
    (b"\x28\xb5\x2f\xfd", "a Zstandard archive"),
    (b"%PDF-", "a PDF document"),
    (b"\x89PNG", "a PNG image"),
    (b"\xff\xd8\xff", "a JPEG image"),
    (b"GIF8", "a GIF image"),
    (b"RIFF", "a media file"),
    (b"II*\x00", "a TIFF image"),
    (b"MM\x00*", "a TIFF image"),
    (b"SQLite format 3\x00", "an SQLite database"),
    (b"\xff\xfe\x00\x00", "text in UTF-32"),
    (b"\x00\x00\xfe\xff", "text in UTF-32"),
)

csv.field_size_limit(_CELL)


def _as_c1(error: UnicodeError) -> tuple[str, int]:
    """The five bytes that Windows-1252 leaves undefined, as browsers read them."""
    if not isinstance(error, UnicodeDecodeError):
        raise error
    return chr(error.object[error.start]), error.start + 1


codecs.register_error("keel.c1", _as_c1)


class Unreadable(Exception):
    """The file is not one that can be imported; the text tells a person why."""


@dataclass(frozen=True)
class Layout:
    """How a file is to be read; `start` is the byte at which its first row begins."""

    encoding: str
    delimiter: str
    columns: tuple[str, ...]
    start: int


@dataclass(frozen=True, slots=True)
class Row:
    """One row; `end` is the byte at which the next begins, `problem` says why it cannot be read."""

    cells: list[str]
    end: int
    problem: str = ""


@dataclass(frozen=True)
class Plan:
    """What there is to know of a file before its import."""

    layout: Layout
    total_rows: int
    samples: list[list[str]] = field(default_factory=list)


def plan(opened: Callable[[int], BinaryIO], size: int) -> Plan:
    """Read the whole file once; `opened` gives its bytes from a position on. Raises `Unreadable`."""
    if size == 0:
        raise Unreadable("The file is empty.")
    if size > BYTES:
        raise Unreadable(f"The file is over {BYTES // 1_000_000} MB.")
    start = opened(0).read(_HEAD)
    for magic, name in _KNOWN:
        if start.startswith(magic):
            raise Unreadable(f"The file is {name}, not CSV.")
    mark, encoding = next((known for known in _MARKS if start.startswith(known[0])), (b"", ""))
    if encoding:
        try:
            return _plan(opened, encoding, len(mark))
        except UnicodeDecodeError:
            raise Unreadable(f"The file begins as {encoding.upper()} but is not.") from None
    try:
        return _plan(opened, "utf-8", 0)
    except UnicodeDecodeError:
        return _plan(opened, "cp1252", 0)


def _plan(opened: Callable[[int], BinaryIO], encoding: str, start: int) -> Plan:
    decoder = codecs.getincrementaldecoder(encoding)(_errors(encoding))
    head = decoder.decode(opened(start).read(_HEAD))
    if head.lstrip()[:1] in ("{", "<") or head.lstrip()[:2] == "[{":
        raise Unreadable("The file looks like JSON, XML or HTML, not CSV.")
    told = _SEPARATOR.match(head)
    if told:
        start += len(told[0].encode(encoding))
    delimiter = told[1] if told else _delimiter(head)
    rows = _rows(opened(start), encoding, delimiter, start, number=-1)
    header = next(rows, None)
    if header is None:
        raise Unreadable("The file is empty.")
    if header.problem or any("\0" in cell for cell in header.cells):
        raise Unreadable("The first line is no header of a CSV file.")
    layout = Layout(encoding, delimiter, _columns(header.cells), header.end)
    samples: list[list[str]] = []
    total = 0
    for row in rows:
        if total < SAMPLES:
            samples.append(row.cells)
        total += 1
        if total > ROWS:
            raise Unreadable(f"The file has more than {ROWS:,} rows.")
    return Plan(layout, total, samples)


def rows(opened: Callable[[int], BinaryIO], layout: Layout, position: int) -> Iterator[Row]:
    """The rows from this byte on; a blank line is none."""
    return _rows(opened(position), layout.encoding, layout.delimiter, position)


def _rows(source: BinaryIO, encoding: str, delimiter: str, position: int, *, number: int = 0) -> Iterator[Row]:
    """The records from this byte on; `number` is that of the row before them."""
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
                raise Unreadable(f"{place} there is a quote that is never closed.") from None
            cells = next(csv.reader([lines.last], delimiter=delimiter))
            problem = "A quoted cell goes on after its closing quote."
        if len(cells) > 1 or problem or (cells and cells[0].strip()):
            number += 1
            yield Row(cells, lines.position, problem)


class _Lines:
    """Lines of text, with the byte at which the next begins."""

    def __init__(self, source: BinaryIO, encoding: str, position: int) -> None:
        # With newline="" a line ends at any of the three line ends, which stay as they are.
        text = io.TextIOWrapper(source, encoding, _errors(encoding), newline="")
        self._readline = partial(text.readline, _LINE)
        self._encoding = encoding
        self._width = 2 if encoding.startswith("utf-16") else 1
        self._fixed = encoding == "cp1252"
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
        if len(line) >= _LINE:
            raise Unreadable("The file has a line that is too long.")
        if self._fixed or line.isascii():
            self.position += self._width * len(line)
        else:
            self.position += len(line.encode(self._encoding))
        self.last = line
        return line


def _errors(encoding: str) -> str:
    return "keel.c1" if encoding == "cp1252" else "strict"


def _delimiter(head: str) -> str:
    """The delimiter by which most of the first rows have as many cells as the header, and the header most."""
    return max(_DELIMITERS, key=lambda delimiter: _consistency(head, delimiter))


def _consistency(head: str, delimiter: str) -> tuple[float, int]:
    # The last line may be cut off in its middle.
    lines = head.splitlines(keepends=True)
    lines = lines[:-1] if len(head) >= _HEAD // 2 and len(lines) > 1 else lines
    widths = []
    try:
        for cells in csv.reader(lines, delimiter=delimiter):
            if cells:
                widths.append(len(cells))
            if len(widths) > 50:
                break
    except csv.Error:
        return (0.0, 0)
    if not widths or widths[0] == 1:
        return (0.0, 0)
    return (widths.count(widths[0]) / len(widths), widths[0])


def _columns(header: list[str]) -> tuple[str, ...]:
    if len(header) > COLUMNS:
        raise Unreadable(f"The file has more than {COLUMNS:,} columns.")
    if not any(cell.strip() for cell in header):
        raise Unreadable("The file has no header.")
    names = named([cell.strip()[:_NAME] for cell in header])
    if len(json.dumps(names, ensure_ascii=False).encode()) > _NAMES:
        raise Unreadable("The names of the columns are too long.")
    return tuple(names)


def named(header: list[str]) -> list[str]:
    """The names of the columns: blank ones by their place, repeated ones numbered."""
    names: dict[str, None] = {}
    for place, cell in enumerate(header, 1):
        name = wanted = cell or f"Column {place}"
        count = 1
        while name in names:
            count += 1
            name = f"{wanted} ({count})"
        names[name] = None
    return list(names)
