"""Test that rows do not depend on block boundaries, nor on where reading continues."""

import io
from collections.abc import Iterator
from typing import Any, BinaryIO

import pytest

from keel.imports import csv_reader, planner
from keel.imports.csv_reader import Row, UnreadableFile

TEXT = 'name,notes\r\n"Zoë","one\r\ntwo ""quoted""\n\nthree, four"\nBob,\r\n\r\n"Łódź ""","a\rb"\nLast,row'
ENCODINGS = ["utf-8", "utf-8-sig", "utf-16", "cp1252"]


class Pieces(io.RawIOBase):
    """Bytes that come in these pieces, as blocks of an object do."""

    def __init__(self, pieces: Iterator[bytes]) -> None:
        super().__init__()
        self._pieces = pieces
        self._left = b""
        self.read_bytes = 0

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        self._left = self._left or next(self._pieces, b"")
        size = min(len(buffer), len(self._left))
        buffer[:size], self._left = self._left[:size], self._left[size:]
        self.read_bytes += size
        return size


def opened(content: bytes, edge: int) -> Any:
    """Gives the bytes from a position on, in two pieces that meet at the edge."""

    def open_at(position: int) -> BinaryIO:
        cut = max(edge, position)
        return io.BufferedReader(Pieces(filter(None, [content[position:cut], content[cut:]])), 8)

    return open_at


def content(encoding: str) -> bytes:
    return TEXT.replace("Łódź", "Lódz").encode(encoding)


def rows_from(open_at: Any, plan: planner.Plan, position: int) -> list[Row]:
    return list(csv_reader.read_rows(open_at, plan.layout.encoding, plan.layout.delimiter, position))


def rows_of(content: bytes, edge: int) -> tuple[planner.Plan, list[Row]]:
    plan = planner.plan(opened(content, edge), len(content))
    return plan, rows_from(opened(content, edge), plan, plan.layout.start)


@pytest.mark.parametrize("encoding", ENCODINGS)
def test_rows_do_not_depend_on_block_boundaries(encoding: str) -> None:
    whole = content(encoding)
    plan, expected = rows_of(whole, 0)
    assert [row.cells[0] for row in expected] == ["Zoë", "Bob", 'Lódz "', "Last"]
    assert expected[-1].end == len(whole)
    for edge in range(len(whole) + 1):
        assert rows_of(whole, edge) == (plan, expected), edge


@pytest.mark.parametrize("encoding", ENCODINGS)
def test_reading_continues_after_any_row(encoding: str) -> None:
    whole = content(encoding)
    plan, expected = rows_of(whole, 0)
    for number, row in enumerate(expected, 1):
        assert rows_from(opened(whole, 0), plan, row.end) == expected[number:]


def test_unclosed_quote_is_reported_early_in_a_large_file() -> None:
    size = 100_000_000
    sources: list[Pieces] = []

    def open_at(position: int) -> BinaryIO:
        head = b'name,notes\nAda,fine\nBob,"open\n'[position:]
        sources.append(Pieces(filter(None, [head, *[b"Eve,Kiel\n" * 10_000] * (size // 90_000)])))
        return io.BufferedReader(sources[-1], 1 << 16)

    with pytest.raises(UnreadableFile, match="After row 1, a quote is never closed"):
        planner.plan(open_at, size)
    assert sum(source.read_bytes for source in sources) < 5_000_000
