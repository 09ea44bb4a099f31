"""How do records become a file? `keel export`: ask for it, wait, fetch it."""

import sys
from pathlib import Path
from typing import Annotated

import typer

from keel_crm.cli import output, transfers
from keel_crm.cli.failures import Exit, Stop
from keel_crm.cli.imports import states
from keel_crm.cli.shell import Shell


def export(
    ctx: typer.Context,
    model_type: Annotated[str, typer.Argument(help="contacts, companies, projects, activities or sources")],
    to: Annotated[
        Path | None, typer.Option("--to", "-o", help="The file to write; standard output by default.")
    ] = None,
    format_: Annotated[str, typer.Option("--format", help="csv or jsonl; the file's ending tells by default.")] = "",
) -> None:
    """Export all records of a kind."""
    shell: Shell = ctx.obj
    chosen = format_ or ("jsonl" if to and to.suffix in (".jsonl", ".ndjson") else "csv")
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
