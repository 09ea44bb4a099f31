"""`keel export`: start an export, wait for it, and download the file."""

import sys
from pathlib import Path
from typing import Annotated, Final

import typer

from keel_crm.cli import output, transfers
from keel_crm.cli.failures import Exit, Stop
from keel_crm.cli.imports import poll
from keel_crm.cli.shell import Shell

_FORMATS: Final = {"": "csv", ".csv": "csv", ".jsonl": "jsonl", ".ndjson": "jsonl"}


def export(
    ctx: typer.Context,
    model_type: Annotated[str, typer.Argument(help="contacts, companies, projects, activities or sources")],
    to: Annotated[
        Path | None,
        typer.Option("--to", "-o", dir_okay=False, help="The file to write. Default: standard output."),
    ] = None,
    format_: Annotated[
        str, typer.Option("--format", help="csv or jsonl. Default: by the file extension, else csv.")
    ] = "",
) -> None:
    """Export all records of one type."""
    shell: Shell = ctx.obj
    file_format = format_ or _format_of(to)
    if to:
        transfers.check(to)
    with shell.client() as client, shell.files() as files:
        started = client.call("exports-create", {"model_type": model_type, "format": file_format})
        *_, job = poll(client, "exports-get", started["id"])
        if job["status"] != "completed":
            raise Stop(f"The export failed: {job.get('error') or 'try again'}", Exit.INCOMPLETE)
        if to is None:
            transfers.download(files, job["signed_url"], sys.stdout.buffer)
            sys.stdout.buffer.flush()
        else:
            transfers.save(files, job["signed_url"], to)
            output.note(f"Exported {job['row_count']:,} {model_type} to {to}")


def _format_of(to: Path | None) -> str:
    extension = to.suffix.lower() if to else ""
    if extension not in _FORMATS:
        raise Stop(f"{to} does not end in .csv or .jsonl: use --format csv or --format jsonl", Exit.USAGE)
    return _FORMATS[extension]
