"""Write rows as compact JSON that fits into an item."""

import json
from typing import Any


def to_json(value: Any) -> str:
    """The value as compact JSON."""
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))


def shorten_cells(cells: list[str], max_bytes: int) -> list[str]:
    """The cells, with the longest ones shortened until the row as JSON has at most so many bytes.

    An empty cell takes three bytes, and none is removed.
    """
    length = max(map(len, cells), default=0)
    while length and len(to_json(cells).encode()) > max_bytes:
        length //= 2
        cells = [cell[:length] for cell in cells]
    return cells
