"""What does each column of a file become? What is suggested and what was chosen, shown and agreed to."""

from typing import Any

import typer
from rich.console import Console
from rich.table import Table
from rich.text import Text

from keel_crm.cli import interruptions, output
from keel_crm.cli.failures import Exit, Stop
from keel_crm.cli.shell import can_ask

Mapping = dict[str, str]


def chosen(pairs: list[str]) -> Mapping:
    """What `--map` says; a column without a field is left out."""
    parsed = {}
    for pair in pairs:
        column, found, field = pair.rpartition("=")
        if not found:
            raise Stop(f"--map takes COLUMN=FIELD, not {pair}", Exit.USAGE)
        parsed[column] = field
    return parsed


def mapped(preview: dict[str, Any], changes: Mapping) -> Mapping:
    """What was chosen, and what is suggested for the other columns unless its field was chosen for one."""
    columns, fields = preview["headers"], _labels(preview)
    for column, field in changes.items():
        if column not in columns:
            raise Stop(f"The file has no column {column}; it has {_listed(columns)}", Exit.USAGE)
        if field and field not in (*fields, "id"):
            # What custom fields are called says nothing without their labels.
            known = [f"{name} ({label})" if "." in name else name for name, label in fields.items()]
            raise Stop(f"There is no field {field} for {column}; there are {_listed(known)}", Exit.USAGE)
    suggested, taken = preview["suggested_mapping"], changes.values()
    left = {column: field for column, field in suggested.items() if column not in changes and field not in taken}
    return {column: field for column, field in (left | changes).items() if field}


def _labels(preview: dict[str, Any]) -> dict[str, str]:
    return {field["value"]: field["label"] for field in preview["available_fields"]}


def _listed(names: list[str]) -> str:
    return ", ".join(map(output.cell, names))


def agree(preview: dict[str, Any], mapping: Mapping, model_type: str) -> None:
    """Show it, and ask; whoever says no ends the command."""
    table, labels = Table(box=None, pad_edge=False, header_style="bold"), _labels(preview)
    for name in ("Column", "becomes", "first row"):
        table.add_column(name, overflow="ellipsis", no_wrap=True)
    sample = [*(preview["sample_rows"] or [[]])[0]]
    for index, column in enumerate(preview["headers"]):
        field = mapping.get(column, "")
        shown = Text(labels.get(field, field)) if field else Text("left out", style="dim")
        table.add_row(Text(output.cell(column)), shown, Text(output.cell(sample[index] if index < len(sample) else "")))
    Console(stderr=True).print(table)
    if not can_ask():
        raise Stop("There is no terminal to ask on: --yes imports without asking", Exit.USAGE)
    with interruptions.at_question():
        agreed = typer.confirm(f"Import {preview['total_rows']:,} rows into {model_type}?", err=True)
    if not agreed:
        raise Stop("Nothing was imported. --map COLUMN=FIELD changes what a column becomes.", Exit.INTERRUPTED)
