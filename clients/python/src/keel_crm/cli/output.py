"""Print results: as a table on a terminal, as JSON Lines in a pipe or with --json."""

import json
import re
from collections.abc import Iterable, Sequence
from contextlib import suppress
from typing import Any, Final

import typer
from rich.console import Console
from rich.table import Table
from rich.text import Text

from keel_crm.cli.shell import is_terminal

# The columns of a table for each resource. --json prints all fields.
COLUMNS: Final[dict[str, tuple[str, ...]]] = {
    "contacts": ("id", "first_name", "last_name", "email", "phone", "company_name", "tags"),
    "companies": ("id", "name", "domain", "industry", "phone", "tags"),
    "projects": ("id", "name", "stage", "company_name", "assigned_name", "value", "tags"),
    "projects_contacts": ("contact_id", "contact_name", "role", "created_at"),
    "activities": ("id", "activity_type", "occurred_at", "contact_name", "company_name", "project_name"),
    "activity_schemas": ("activity_type",),
    "sources": ("id", "name", "archived_at"),
    "custom_fields": ("id", "entity_type", "label", "field_type", "required", "options"),
    "users": ("id", "name", "email", "role", "deactivated_at"),
    "oauth_apps": ("id", "name", "client_id", "client_secret_prefix", "last_used_at", "revoked_at"),
    "webhooks": ("id", "url", "events", "is_active", "last_success_at", "last_failure_at"),
    "webhooks_deliveries": ("id", "event", "status", "created_at", "next_attempt_at"),
    "imports": ("id", "model_type", "file_name", "status", "processed_rows", "total_rows", "failed_count"),
    "imports_errors": ("row", "field", "code", "message"),
}

_SHORT: Final = 9

# Text from the API can contain control sequences for the terminal.
_CONTROL: Final = re.compile(r"[\x00-\x1f\x7f-\x9f]")


def as_json(record: Any) -> str:
    text = json.dumps(record, ensure_ascii=False)
    return _CONTROL.sub(lambda found: f"\\u{ord(found[0]):04x}", text)


def cell(value: Any) -> str:
    """A value as text for a table."""
    if value is None or value in ([], {}):
        return ""
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, list) and all(isinstance(each, str) for each in value):
        value = ", ".join(value)
    text = value if isinstance(value, str) else as_json(value) if isinstance(value, dict | list) else str(value)
    return _CONTROL.sub(" ", text)


def show_records(records: Iterable[dict[str, Any]], columns: Sequence[str], *, json_lines: bool) -> None:
    """Print records: one by one into a pipe, as one table on a terminal."""
    if json_lines or not is_terminal():
        for record in records:
            typer.echo(as_json(record))
        return
    rows = [{name: cell(record.get(name)) for name in columns} for record in records]
    if not rows:
        note("Nothing found.")
        return
    table = Table(box=None, pad_edge=False, header_style="bold")
    used = [name for name in columns if any(row[name] for row in rows)]
    for name in used:
        longest = max(len(row[name]) for row in rows)
        # Ids are there to be copied, so they are never cut. Neither are short texts.
        min_width = longest if name.endswith("id") else min(longest, _SHORT)
        table.add_column(name, no_wrap=True, overflow="ellipsis", min_width=min_width)
    for row in rows:
        table.add_row(*(Text(row[name]) for name in used))
    Console().print(table)


def show_record(record: dict[str, Any], *, json_lines: bool) -> None:
    if json_lines or not is_terminal():
        typer.echo(as_json(record))
        return
    table = Table(box=None, pad_edge=False, show_header=False)
    table.add_column(style="bold", no_wrap=True)
    table.add_column(overflow="fold")
    for name, value in _flat(record):
        table.add_row(name, Text(cell(value)))
    Console().print(table)


def _flat(record: dict[str, Any], prefix: str = "") -> Iterable[tuple[str, Any]]:
    """The fields of a record, and of the records that it contains."""
    for name, value in record.items():
        if isinstance(value, dict) and "id" in value:
            yield from _flat(value, f"{name}.")
        else:
            yield f"{prefix}{name}", value


def note(text: str) -> None:
    """Print a message for people on standard error. It is lost if the terminal is closed."""
    with suppress(OSError):
        typer.echo(text, err=True)
