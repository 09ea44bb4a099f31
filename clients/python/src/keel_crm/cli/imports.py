"""How does a file become records? `keel import`: upload, look, confirm, watch, sum up."""

import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
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
    TimeElapsedColumn,
    TimeRemainingColumn,
    TransferSpeedColumn,
)
from rich.text import Text

from keel_crm.cli import columns, failed_rows, interruptions, output, transfers
from keel_crm.cli.commands import AsJson
from keel_crm.cli.failures import Exit, Stop
from keel_crm.cli.shell import Shell, is_terminal
from keel_crm.clients import Keel
from keel_crm.errors import InvalidRequestError, KeelError
from keel_crm.operations import OPERATIONS

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
    errors: Annotated[
        Path | None,
        typer.Option(help="Where failed rows go, a file that is not there yet; FILE.errors.csv by default."),
    ] = None,
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Do not ask for confirmation.")] = False,
    json_: AsJson = False,
) -> None:
    """Import a file of records, and wait until all rows are done."""
    shell: Shell = ctx.obj
    wanted = _Wanted(to, columns.chosen(mapping), _settings(duplicates, date_format), yes)
    failed_rows.place(file, errors)  # told before anything is sent
    with shell.client() as client:
        job = _carry_out(shell, client, file, wanted)
        _sum_up(job, json_lines=json_)
        if job["failed_count"]:
            target = failed_rows.place(file, errors)
            failed_rows.save(shell, client, job["id"], target)
    if job["status"] != "completed":
        raise Stop(f"The import is {job['status']}: {job['error'] or 'not all rows are in'}", Exit.INCOMPLETE)
    if job["failed_count"]:
        failed = f"{job['failed_count']:,} row{'s' if job['failed_count'] > 1 else ''} failed"
        raise Stop(f"{failed}: mend what is in {target} and import that file", Exit.INCOMPLETE)


def _settings(duplicates: str, date_format: str) -> dict[str, str]:
    """What the operation is told of them; they are judged before a file is sent in vain."""
    given = {"duplicate_handling": ("--duplicates", duplicates), "date_format": ("--date-format", date_format)}
    for field, (option, value) in given.items():
        choices = OPERATIONS["imports-confirm"].choices(field)
        if value and value not in choices:
            raise Stop(f"{option} is one of {', '.join(choices)}, not {value}", Exit.USAGE)
    return {field: value for field, (_, value) in given.items() if value}


def _carry_out(shell: Shell, client: Keel, file: Path, wanted: _Wanted) -> Job:
    """The job when it has ended."""
    with _begun(client, file, wanted) as upload:
        job_id: str = upload["job_id"]
        _send(shell, file, upload)
        preview = _looked_through(client, job_id)
        mapping = columns.mapped(preview, wanted.mapping)
        if not wanted.yes:
            columns.agree(preview, mapping, wanted.model_type)
    try:
        with interruptions.deferred():
            _confirm(client, job_id, mapping, wanted)
        return _watch(client, job_id)
    except KeyboardInterrupt:
        after = (
            f"keel imports get {job_id} shows it, keel imports cancel {job_id} ends it, "
            f"keel imports errors-file {job_id} -o FILE saves the rows that failed."
        )
        raise Stop(f"The import goes on without this command: {after}", Exit.INTERRUPTED) from None


@contextmanager
def _begun(client: Keel, file: Path, wanted: _Wanted) -> Iterator[dict[str, Any]]:
    """A job, which is cancelled when the block is not finished, for whatever reason."""
    request = {
        "model_type": wanted.model_type,
        "file_name": file.name,
        "content_type": _TYPES.get(file.suffix.lower(), "text/csv"),
    }
    made: list[dict[str, Any]] = []
    try:
        with interruptions.deferred():
            made.append(client.call("imports-request-upload", request))
        yield made[0]
    except BaseException as reason:
        for upload in made:
            _cancel(client, upload["job_id"])
        if isinstance(reason, KeyboardInterrupt):
            raise Stop("Nothing was imported.", Exit.INTERRUPTED) from None
        raise


def _cancel(client: Keel, job_id: str) -> None:
    with suppress(KeelError):  # a job that nobody confirms ends by itself
        client.call("imports-cancel", {"id": job_id})


def _send(shell: Shell, file: Path, upload: dict[str, Any]) -> None:
    size = file.stat().st_size
    shown = (TextColumn("Uploading"), BarColumn(), DownloadColumn(), TransferSpeedColumn())
    with _progress(*shown) as progress, progress.open(file, "rb") as source, shell.files() as files:
        transfers.upload(files, upload["signed_url"], upload["headers"], source, size)


def _looked_through(client: Keel, job_id: str) -> dict[str, Any]:
    """The preview; of a large file it takes longer than an answer may."""
    try:
        found = client.call("imports-complete-upload", {"id": job_id})
    except InvalidRequestError:
        with _progress(TextColumn("Looking through the file"), BarColumn(), TimeElapsedColumn()) as progress:
            progress.add_task("", total=None)
            for _ in states(client, "imports-get", job_id, ("pending",)):
                pass
        found = client.call("imports-complete-upload", {"id": job_id})
    if found["preview"] is None:
        raise Stop(f"The file cannot be imported: {found['job']['error']}", Exit.INCOMPLETE)
    preview: dict[str, Any] = found["preview"]
    return preview


def _confirm(client: Keel, job_id: str, mapping: columns.Mapping, wanted: _Wanted) -> None:
    try:
        client.call("imports-confirm", {"id": job_id, "column_mapping": mapping, **wanted.confirm})
    except InvalidRequestError:  # of a mapping that does not fit: after any other failure it may have begun
        _cancel(client, job_id)
        raise


def _watch(client: Keel, job_id: str) -> Job:
    """Draw the job's progress until it has ended."""
    shown = (TextColumn("Importing"), BarColumn(), TaskProgressColumn(), MofNCompleteColumn(), _Rate())
    job: Job = {}
    with _progress(*shown, TimeRemainingColumn()) as progress:
        task = progress.add_task("", total=None)
        for job in states(client, "imports-get", job_id):
            progress.update(task, total=job["total_rows"], completed=job["processed_rows"])
    return job


def states(client: Keel, operation: str, job_id: str, running: tuple[str, ...] = _RUNNING) -> Iterator[Job]:
    """A job again and again until it is no longer running, at first often, then every two seconds."""
    pause, longest = _POLL
    while True:
        job: Job = client.call(operation, {"id": job_id})
        yield job
        if job["status"] not in running:
            return
        time.sleep(pause)
        pause = min(pause * 1.5, longest)


class _Rate(ProgressColumn):
    """Rows per second."""

    def render(self, task: Task) -> Text:
        speed = task.finished_speed or task.speed
        return Text(f"{speed:,.0f} rows/s" if speed else "")


def _progress(*shown: ProgressColumn) -> Progress:
    return Progress(*shown, console=Console(stderr=True), disable=not sys.stderr.isatty())


def _sum_up(job: Job, *, json_lines: bool) -> None:
    if json_lines or not is_terminal():
        typer.echo(output.as_json(job))
        return
    counts = ", ".join(f"{job[name]:,} {name.removesuffix('_count')}" for name in _COUNTS)
    typer.echo(f"{job['processed_rows']:,} rows: {counts}. To take it back: keel imports undo {job['id']}")
