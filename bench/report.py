"""Show figures as tables and JSON, and plot growth."""

import json
from pathlib import Path
from typing import Any, Final

FOLDER: Final = Path(__file__).parent
_WIDTH, _HEIGHT, _LEFT, _BOTTOM = 900, 420, 60, 40


def table(title: str, rows: list[dict[str, Any]]) -> str:
    names = list(rows[0])
    widths = [max(len(str(each)) for each in (name, *(row[name] for row in rows))) for name in names]
    lines = [title, "  ".join(name.ljust(width) for name, width in zip(names, widths, strict=True))]
    lines += ["  ".join(str(row[name]).ljust(width) for name, width in zip(names, widths, strict=True)) for row in rows]
    return "\n".join(lines)


def save(measured: dict[str, Any]) -> None:
    """Keep the figures, with those of the parts that were not measured this time."""
    path = FOLDER / "results.json"
    results = (json.loads(path.read_text()) if path.exists() else {}) | measured
    path.write_text(json.dumps(results, indent=1) + "\n")
    if results.get("growth"):
        (FOLDER / "growth.svg").write_text(plot(results["growth"]))


def plot(rows: list[dict[str, Any]]) -> str:
    """Milliseconds of each list over the number of contacts in the account, one line for each case."""
    sizes = sorted({row["contacts"] for row in rows})
    highest = max(row["milliseconds"] for row in rows) * 1.1
    across = (_WIDTH - _LEFT - 300) / max(1, len(sizes) - 1)

    def x(size: int) -> float:
        return _LEFT + across * sizes.index(size)

    def y(milliseconds: float) -> float:
        return float((_HEIGHT - _BOTTOM) * (1 - milliseconds / highest))

    parts = [f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {_WIDTH} {_HEIGHT}" font-family="sans-serif">']
    bottom = f'y="{_HEIGHT - 12}" font-size="12" text-anchor="middle"'
    parts += [f'<text x="{x(size)}" {bottom}>{size:,}</text>' for size in sizes]
    for step in range(5):
        value = highest * step / 4
        parts.append(f'<text x="4" y="{y(value):.0f}" font-size="12">{value:.0f} ms</text>')
    cases = list(dict.fromkeys(row["case"] for row in rows))
    for number, case in enumerate(cases):
        colour = f"hsl({360 * number // len(cases)} 65% 42%)"
        points = [(x(row["contacts"]), y(row["milliseconds"])) for row in rows if row["case"] == case]
        path = " ".join(f"{across:.0f},{down:.0f}" for across, down in points)
        parts.append(f'<polyline points="{path}" fill="none" stroke="{colour}" stroke-width="2"/>')
        place = f'x="{_WIDTH - 285}" y="{20 + 20 * number}" font-size="12" fill="{colour}"'
        parts.append(f"<text {place}>{case}</text>")
    return "\n".join([*parts, "</svg>", ""])
