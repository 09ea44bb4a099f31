"""How does a file become records? `keel import`: upload, look, confirm, watch, sum up."""

import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, Final

import typer
from rich.console import Console
from rich.progress import (
    BarColumn,
    DownloadColumn,
    MofNCompleteColumn,
    Progress,
    ProgressColumn,
    Task,
    TaskProgressColumn,
    TextColumn,
    TimeRemainingColumn,
    TransferSpeedColumn,
)
from rich.table import Table
from rich.text import Text

from keel_crm.cli import output, transfers
from keel_crm.cli.commands import AsJson
from keel_crm.cli.failures import Exit, Stop
from keel_crm.cli.shell import Shell, can_ask, is_terminal
from keel_crm.clients import Keel

_RUNNING: Final = ("pending", "uploaded", "processing", "undoing")
_POLL: Final = (0.3, 2.0)
_COUNTS: Final = ("created_count", "updated_count", "skipped_count", "failed_count")
_TYPES: Final = {".tsv": "text/tab-separated-values", ".txt": "text/plain"}

Job = dict[str, Any]


@dataclass(frozen=True)
class _Wanted:
    """What the command line said about the import."""

    model_type: str
    mapping: dict[str, str]
    confirm: dict[str, Any]
    yes: bool
    json_lines: bool


def import_(
    ctx: typer.Context,
    file: Annotated[Path, typer.Argument(exists=True, dir_okay=False, readable=True, help="A CSV file.")],
    to: Annotated[str, typer.Option("--to", help="contacts, companies or sources")],
    mapping: Annotated[
        list[str],
        typer.Option("--map", metavar="COLUMN=FIELD", help="Change the suggestion; COLUMN= leaves the column out."),
    ] = [],  # noqa: B006 - typer copies it
    duplicates: Annotated[str, typer.Option(help="What matches a record: skip, update or create.")] = "skip",
    date_format: Annotated[str, typer.Option(help="Dates that are not ISO: ymd, mdy or dmy.")] = "",
    errors: Annotated[Path | None, typer.Option(help="Where failed rows go; FILE.errors.csv by default.")] = None,
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Do not ask for confirmation.")] = False,
    json_: AsJson = False,
) -> None:
    """Import a file of records, and wait until all rows are done."""
    shell: Shell = ctx.obj
    settings = {"duplicate_handling": duplicates} | ({"date_format": date_format} if date_format else {})
    wanted = _Wanted(to, _parse(mapping), settings, yes, json_)
    with shell.client() as client:
        job_id = _upload(shell, client, file, wanted)
        _confirm(client, job_id, wanted)
        job = _watch(client, job_id)
        _sum_up(job, json_lines=json_)
        target = errors or file.with_suffix(".errors.csv")
        if job["failed_count"]:
            signed = client.call("imports-errors-file", {"id": job_id})
            with shell.files() as files:
                transfers.save(files, signed["signed_url"], target)
    if job["status"] != "completed":
        raise Stop(f"The import is {job['status']}: {job['error'] or 'not all rows are in'}", Exit.INCOMPLETE)
    if job["failed_count"]:
        failed = f"{job['failed_count']:,} row{'s' if job['failed_count'] > 1 else ''} failed"
        raise Stop(f"{failed}: mend what is in {target} and import that file", Exit.INCOMPLETE)


def _parse(pairs: list[str]) -> dict[str, str]:
    parsed = {}
    for pair in pairs:
        column, found, field = pair.rpartition("=")
        if not found:
            raise Stop(f"--map takes COLUMN=FIELD, not {pair}", Exit.USAGE)
        parsed[column] = field
    return parsed


def _upload(shell: Shell, client: Keel, file: Path, wanted: _Wanted) -> str:
    size = file.stat().st_size
    request = {
        "model_type": wanted.model_type,
        "file_name": file.name,
        "content_type": _TYPES.get(file.suffix.lower(), "text/csv"),
    }
    to = client.call("imports-request-upload", request)
    columns = (TextColumn("Uploading"), BarColumn(), DownloadColumn(), TransferSpeedColumn())
    with _progress(*columns) as progress, progress.open(file, "rb") as source, shell.files() as files:
        transfers.upload(files, to["signed_url"], to["headers"], source, size)
    return str(to["job_id"])


def _confirm(client: Keel, job_id: str, wanted: _Wanted) -> None:
    """Show what will become of each column, and begin when it is agreed to."""
    found = client.call("imports-complete-upload", {"id": job_id})
    job, preview = found["job"], found["preview"]
    if preview is None:
        raise Stop(f"The file cannot be imported: {job['error']}", Exit.INCOMPLETE)
    unknown = wanted.mapping.keys() - set(preview["headers"])
    if unknown:
        raise Stop(f"The file has no column {', '.join(sorted(unknown))}", Exit.USAGE)
    mapping = _mapping(preview["suggested_mapping"], wanted.mapping)
    if not wanted.yes:
        _ask(client, job_id, preview, mapping, wanted)
    client.call("imports-confirm", {"id": job_id, "column_mapping": mapping, **wanted.confirm})


def _mapping(suggested: dict[str, str], chosen: dict[str, str]) -> dict[str, str]:
    """What was chosen, and what is suggested for the other columns unless its field was chosen for one."""
    taken = chosen.values()
    left = {column: field for column, field in suggested.items() if column not in chosen and field not in taken}
    return {column: field for column, field in (left | chosen).items() if field}


def _ask(client: Keel, job_id: str, preview: dict[str, Any], mapping: dict[str, str], wanted: _Wanted) -> None:
    labels = {field["value"]: field["label"] for field in preview["available_fields"]}
    table = Table(box=None, pad_edge=False, header_style="bold")
    for name in ("Column", "becomes", "first row"):
        table.add_column(name, overflow="ellipsis", no_wrap=True)
    sample = [*(preview["sample_rows"] or [[]])[0]]
    for index, column in enumerate(preview["headers"]):
        field = mapping.get(column, "")
        shown = Text(labels.get(field, field)) if field else Text("left out", style="dim")
        table.add_row(Text(output.cell(column)), shown, Text(output.cell(sample[index] if index < len(sample) else "")))
    Console(stderr=True).print(table)
    if not can_ask():
        client.call("imports-cancel", {"id": job_id})
        raise Stop("There is no terminal to ask on: --yes imports without asking", Exit.USAGE)
    question = f"Import {preview['total_rows']:,} rows into {wanted.model_type}?"
    if not typer.confirm(question, err=True):
        client.call("imports-cancel", {"id": job_id})
        raise Stop("Nothing was imported. --map COLUMN=FIELD changes what a column becomes.", Exit.INTERRUPTED)


def _watch(client: Keel, job_id: str) -> Job:
    """Draw the job's progress until it has ended."""
    columns = (TextColumn("Importing"), BarColumn(), TaskProgressColumn(), MofNCompleteColumn(), _Rate())
    job: Job = {}
    try:
        with _progress(*columns, TimeRemainingColumn()) as progress:
            task = progress.add_task("", total=None)
            for job in states(client, "imports-get", job_id):
                progress.update(task, total=job["total_rows"], completed=job["processed_rows"])
    except KeyboardInterrupt:
        after = f"keel imports get {job_id} shows it, keel imports cancel {job_id} ends it."
        raise Stop(f"The import goes on without this command: {after}", Exit.INTERRUPTED) from None
    return job


def states(client: Keel, operation: str, job_id: str) -> Iterator[Job]:
    """A job again and again until it has ended, at first often, then every two seconds."""
    pause, longest = _POLL
    while True:
        job: Job = client.call(operation, {"id": job_id})
        yield job
        if job["status"] not in _RUNNING:
            return
        time.sleep(pause)
        pause = min(pause * 1.5, longest)


class _Rate(ProgressColumn):
    """Rows per second."""

    def render(self, task: Task) -> Text:
        speed = task.finished_speed or task.speed
        return Text(f"{speed:,.0f} rows/s" if speed else "")


def _progress(*columns: ProgressColumn) -> Progress:
    return Progress(*columns, console=Console(stderr=True), disable=not sys.stderr.isatty())


def _sum_up(job: Job, *, json_lines: bool) -> None:
    if json_lines or not is_terminal():
        typer.echo(output.as_json(job))
        return
    counts = ", ".join(f"{job[name]:,} {name.removesuffix('_count')}" for name in _COUNTS)
    typer.echo(f"{job['processed_rows']:,} rows: {counts}. To take it back: keel imports undo {job['id']}")
