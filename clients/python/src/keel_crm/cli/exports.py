"""How do records become a file? `keel export`: ask for it, wait, fetch it."""

import sys
from pathlib import Path
from typing import Annotated, Final

import typer

from keel_crm.cli import output, transfers
from keel_crm.cli.failures import Exit, Stop
from keel_crm.cli.imports import states
from keel_crm.cli.shell import Shell

_FORMATS: Final = {"": "csv", ".csv": "csv", ".jsonl": "jsonl", ".ndjson": "jsonl"}


def export(
    ctx: typer.Context,
    model_type: Annotated[str, typer.Argument(help="contacts, companies, projects, activities or sources")],
    to: Annotated[
        Path | None,
        typer.Option("--to", "-o", dir_okay=False, help="The file to write; standard output by default."),
    ] = None,
    format_: Annotated[str, typer.Option("--format", help="csv or jsonl; the file's ending tells by default.")] = "",
) -> None:
    """Export all records of a kind."""
    shell: Shell = ctx.obj
    chosen = format_ or _format_of(to)
    if to:
        transfers.check(to)
    with shell.client() as client, shell.files() as files:
        started = client.call("exports-create", {"model_type": model_type, "format": chosen})
        *_, job = states(client, "exports-get", started["id"])
        if job["status"] != "completed":
            raise Stop(f"The export is {job['status']}: {job.get('error') or 'try again'}", Exit.INCOMPLETE)
        if to is None:
            transfers.download(files, job["signed_url"], sys.stdout.buffer)
            sys.stdout.buffer.flush()
        else:
            transfers.save(files, job["signed_url"], to)
            output.note(f"{job['row_count']:,} {model_type} are in {to}")


def _format_of(to: Path | None) -> str:
    ending = to.suffix.lower() if to else ""
    if ending not in _FORMATS:
        raise Stop(f"{to} ends in neither .csv nor .jsonl: give it --format csv or --format jsonl", Exit.USAGE)
    return _FORMATS[ending]
