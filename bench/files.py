"""Write the CSV files of contacts that the benchmarks import, the same each time."""

import random
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from bench.growth import FIRST, LAST

SHORT: Final = "First Name,Last Name,Email,Company,Source,Tags"
WIDE: Final = "First Name,Last Name,Email,Company,Source,Tags,Phone,Job Title,City,State,Country,Notes"
NAMES: Final = "First Name,Last Name"

_BLOCK: Final = 10_000


def write(path: Path, header: str, rows: int) -> Path:
    """Write a file with these columns. From row 10,001 on the rows repeat, so that a large file is written quickly."""
    width = header.count(",") + 1
    block = [",".join(cells[:width]) + "\n" for cells in _contacts(min(rows, _BLOCK))]
    with path.open("w") as file:
        file.write(header + "\n")
        for start in range(0, rows, _BLOCK):
            file.writelines(block[: rows - start])
    return path


def _contacts(count: int) -> Iterator[list[str]]:
    chance = random.Random(count)  # noqa: S311 - the same contacts each time
    for number in range(count):
        first, last = chance.choice(FIRST), chance.choice(LAST)
        yield [
            first,
            last,
            f"{first}.{last}{number}@mail{number % 7}.example".lower(),
            f"Company {chance.randrange(max(1, count // 20))}",
            f"Source {chance.randrange(8)}",
            f"t{chance.randrange(20)};u{chance.randrange(5)}",
            f"+1 555 {chance.randrange(10**7):07}",
            "Head of Engines",
            "London",
            "",
            "United Kingdom",
            f'"Met at the fair, no. {number}"',
        ]
