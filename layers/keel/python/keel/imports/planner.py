"""Read an uploaded file once before its import: detect its encoding, delimiter and columns, and count its rows."""

import codecs
import csv
import json
import re
from dataclasses import dataclass, field
from typing import Final

from keel.imports.csv_reader import Layout, OpenAt, UnreadableFile, error_handler, read_records

MAX_ROWS: Final = 1_000_000
MAX_BYTES: Final = 500_000_000
MAX_COLUMNS: Final = 1_000
SAMPLES: Final = 5

_HEAD: Final = 1 << 16
_COLUMN_NAME: Final = 255  # characters
_COLUMN_NAMES: Final = 100_000  # bytes of all names as JSON: they are stored in one item
_DELIMITERS: Final = ",;\t|"
_EXCEL_SEPARATOR: Final = re.compile(rf'"?sep=([{_DELIMITERS}])"?(?:\r\n?|\n)', re.IGNORECASE)  # a line for Excel only

_BYTE_ORDER_MARKS: Final = ((b"\xef\xbb\xbf", "utf-8"), (b"\xff\xfe", "utf-16-le"), (b"\xfe\xff", "utf-16-be"))
_OTHER_FORMATS: Final = (
    (b"PK\x03\x04", "a ZIP archive or an Excel workbook"),
    (b"PK\x05\x06", "a ZIP archive"),
    (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", "a legacy Office document"),
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


@dataclass(frozen=True)
class Plan:
    """What is known of a file before its import."""

    layout: Layout
    total_rows: int
    samples: list[list[str]] = field(default_factory=list)


def plan(open_at: OpenAt, size: int) -> Plan:
    """Read a whole file of `size` bytes. Raises `UnreadableFile`."""
    if size == 0:
        raise UnreadableFile("The file is empty.")
    if size > MAX_BYTES:
        raise UnreadableFile(f"The file exceeds {MAX_BYTES // 1_000_000} MB.")
    head = open_at(0).read(_HEAD)
    for magic, name in _OTHER_FORMATS:
        if head.startswith(magic):
            raise UnreadableFile(f"The file is {name}, not CSV.")
    mark, encoding = next((known for known in _BYTE_ORDER_MARKS if head.startswith(known[0])), (b"", ""))
    if encoding:
        try:
            return _plan(open_at, encoding, len(mark))
        except UnicodeDecodeError:
            raise UnreadableFile(
                f"The file starts like {encoding.upper()}, but is not valid {encoding.upper()}."
            ) from None
    try:
        return _plan(open_at, "utf-8", 0)
    except UnicodeDecodeError:
        return _plan(open_at, "cp1252", 0)


def _plan(open_at: OpenAt, encoding: str, start: int) -> Plan:
    decoder = codecs.getincrementaldecoder(encoding)(error_handler(encoding))
    head = decoder.decode(open_at(start).read(_HEAD))
    if head.lstrip()[:1] in ("{", "<") or head.lstrip()[:2] == "[{":
        raise UnreadableFile("The file looks like JSON, XML or HTML, not CSV.")
    separator = _EXCEL_SEPARATOR.match(head)
    if separator:
        start += len(separator[0].encode(encoding))
    delimiter = separator[1] if separator else _detect_delimiter(head)
    rows = read_records(open_at(start), encoding, delimiter, start, number=-1)
    header = next(rows, None)
    if header is None:
        raise UnreadableFile("The file is empty.")
    if header.problem or any("\0" in cell for cell in header.cells):
        raise UnreadableFile("The first line is not a valid CSV header.")
    layout = Layout(encoding, delimiter, _columns(header.cells), header.end)
    samples: list[list[str]] = []
    total = 0
    for row in rows:
        if total < SAMPLES:
            samples.append(row.cells)
        total += 1
        if total > MAX_ROWS:
            raise UnreadableFile(f"The file has more than {MAX_ROWS:,} rows.")
    return Plan(layout, total, samples)


def _detect_delimiter(head: str) -> str:
    """The delimiter with which most of the first rows have as many cells as the header, and the header the most."""
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
    if len(header) > MAX_COLUMNS:
        raise UnreadableFile(f"The file has more than {MAX_COLUMNS:,} columns.")
    if not any(cell.strip() for cell in header):
        raise UnreadableFile("The file has no header.")
    names = unique_names([cell.strip()[:_COLUMN_NAME] for cell in header])
    if len(json.dumps(names, ensure_ascii=False).encode()) > _COLUMN_NAMES:
        raise UnreadableFile("The column names are too long.")
    return tuple(names)


def unique_names(header: list[str]) -> list[str]:
    """The names of the columns. Blank ones are named by their place, repeated ones are numbered."""
    names: dict[str, None] = {}
    for place, cell in enumerate(header, 1):
        name = wanted = cell or f"Column {place}"
        count = 1
        while name in names:
            count += 1
            name = f"{wanted} ({count})"
        names[name] = None
    return list(names)
