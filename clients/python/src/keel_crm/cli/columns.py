"""The mapping of columns to fields: merge the suggestion with --map, show it, and ask for confirmation."""

from typing import Any

import typer
from rich.console import Console
from rich.table import Table
from rich.text import Text

from keel_crm.cli import interruptions, output
from keel_crm.cli.failures import Exit, Stop
from keel_crm.cli.shell import can_ask

Mapping = dict[str, str]


def parse_options(pairs: list[str]) -> Mapping:
    """The mapping in the options `--map`. A column with an empty field is not imported."""
    parsed = {}
    for pair in pairs:
        column, equals, field = pair.rpartition("=")
        if not equals:
            raise Stop(f"--map must be COLUMN=FIELD, not {pair}", Exit.USAGE)
        parsed[column] = field
    return parsed


def merge(preview: dict[str, Any], changes: Mapping) -> Mapping:
    """The suggested mapping with these changes. A field that a change uses is not suggested for another column."""
    columns, fields = preview["headers"], _labels(preview)
    for column, field in changes.items():
        if column not in columns:
            raise Stop(f"The file has no column {column}. Its columns are {_join(columns)}", Exit.USAGE)
        if field and field not in (*fields, "id"):
            # The name of a custom field is an id: show its label too.
            known = [f"{name} ({label})" if "." in name else name for name, label in fields.items()]
            raise Stop(f"There is no field {field} for the column {column}. The fields are {_join(known)}", Exit.USAGE)
    suggested, taken = preview["suggested_mapping"], changes.values()
    kept = {column: field for column, field in suggested.items() if column not in changes and field not in taken}
    return {column: field for column, field in (kept | changes).items() if field}


def _labels(preview: dict[str, Any]) -> dict[str, str]:
    return {field["value"]: field["label"] for field in preview["available_fields"]}


def _join(names: list[str]) -> str:
    return ", ".join(map(output.cell, names))


def confirm(preview: dict[str, Any], mapping: Mapping, model_type: str) -> None:
    """Show the mapping and ask for confirmation. Raises `Stop` if the answer is no."""
    table, labels = Table(box=None, pad_edge=False, header_style="bold"), _labels(preview)
    for name in ("Column", "Field", "First row"):
        table.add_column(name, overflow="ellipsis", no_wrap=True)
    sample = [*(preview["sample_rows"] or [[]])[0]]
    for index, column in enumerate(preview["headers"]):
        field = mapping.get(column, "")
        shown = Text(labels.get(field, field)) if field else Text("not imported", style="dim")
        table.add_row(Text(output.cell(column)), shown, Text(output.cell(sample[index] if index < len(sample) else "")))
    Console(stderr=True).print(table)
    if not can_ask():
        raise Stop("There is no terminal for the confirmation: use --yes to import without it", Exit.USAGE)
    with interruptions.prompt():
        confirmed = typer.confirm(f"Import {preview['total_rows']:,} rows into {model_type}?", err=True)
    if not confirmed:
        raise Stop("Nothing was imported. Use --map COLUMN=FIELD to change the mapping.", Exit.INTERRUPTED)
