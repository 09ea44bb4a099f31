"""`keel import`: upload a file, show the preview, confirm, follow the progress, and show the result."""

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
class _Options:
    """The options of the command."""

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
        typer.Option("--map", metavar="COLUMN=FIELD", help="Change the suggested mapping. COLUMN= ignores the column."),
    ] = [],  # noqa: B006 - typer copies it
    duplicates: Annotated[str, typer.Option(help="For rows that match a record: skip, update or create.")] = "skip",
    date_format: Annotated[str, typer.Option(help="The order of dates that are not ISO: ymd, mdy or dmy.")] = "",
    errors: Annotated[
        Path | None,
        typer.Option(help="A new file for rows that fail. Default: FILE.errors.csv."),
    ] = None,
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Do not ask for confirmation.")] = False,
    json_: AsJson = False,
) -> None:
    """Import a file of records and wait until it is done."""
    shell: Shell = ctx.obj
    options = _Options(to, columns.parse_options(mapping), _settings(duplicates, date_format), yes)
    failed_rows.choose_path(file, errors)  # fails before anything is sent
    with shell.client() as client:
        job = _run(shell, client, file, options)
        _show_result(job, json_lines=json_)
        if job["failed_count"]:
            target = failed_rows.choose_path(file, errors)
            failed_rows.save(shell, client, job["id"], target)
    if job["status"] != "completed":
        raise Stop(
            f"The import has the status {job['status']}: {job['error'] or 'not all rows were imported'}",
            Exit.INCOMPLETE,
        )
    if job["failed_count"]:
        failed = f"{job['failed_count']:,} row{'s' if job['failed_count'] > 1 else ''} failed"
        raise Stop(f"{failed}. Fix the rows in {target} and import that file", Exit.INCOMPLETE)


def _settings(duplicates: str, date_format: str) -> dict[str, str]:
    """The settings for `imports-confirm`. They are validated before the file is uploaded."""
    settings = {"duplicate_handling": ("--duplicates", duplicates), "date_format": ("--date-format", date_format)}
    for field, (option, value) in settings.items():
        choices = OPERATIONS["imports-confirm"].choices(field)
        if value and value not in choices:
            raise Stop(f"{option} must be one of {', '.join(choices)}, not {value}", Exit.USAGE)
    return {field: value for field, (_, value) in settings.items() if value}


def _run(shell: Shell, client: Keel, file: Path, options: _Options) -> Job:
    """Run the import; returns the job when it has ended."""
    with _job(client, file, options) as upload:
        job_id: str = upload["job_id"]
        _send(shell, file, upload)
        preview = _preview(client, job_id)
        mapping = columns.merge(preview, options.mapping)
        if not options.yes:
            columns.confirm(preview, mapping, options.model_type)
    try:
        with interruptions.deferred():
            _confirm(client, job_id, mapping, options)
        return _watch(client, job_id)
    except KeyboardInterrupt:
        after = (
            f"keel imports get {job_id} shows it, keel imports cancel {job_id} cancels it, "
            f"keel imports errors-file {job_id} -o FILE saves the rows that failed."
        )
        raise Stop(f"The import continues without this command: {after}", Exit.INTERRUPTED) from None


@contextmanager
def _job(client: Keel, file: Path, options: _Options) -> Iterator[dict[str, Any]]:
    """Create the job. It is cancelled if the block does not finish, for whatever reason."""
    request = {
        "model_type": options.model_type,
        "file_name": file.name,
        "content_type": _TYPES.get(file.suffix.lower(), "text/csv"),
    }
    uploads: list[dict[str, Any]] = []
    try:
        with interruptions.deferred():
            uploads.append(client.call("imports-request-upload", request))
        yield uploads[0]
    except BaseException as reason:
        for upload in uploads:
            _cancel(client, upload["job_id"])
        if isinstance(reason, KeyboardInterrupt):
            raise Stop("Nothing was imported.", Exit.INTERRUPTED) from None
        raise


def _cancel(client: Keel, job_id: str) -> None:
    with suppress(KeelError):  # a job that is not confirmed fails by itself
        client.call("imports-cancel", {"id": job_id})


def _send(shell: Shell, file: Path, upload: dict[str, Any]) -> None:
    size = file.stat().st_size
    shown = (TextColumn("Uploading"), BarColumn(), DownloadColumn(), TransferSpeedColumn())
    with _progress(*shown) as progress, progress.open(file, "rb") as source, shell.files() as files:
        transfers.upload(files, upload["signed_url"], upload["headers"], source, size)


def _preview(client: Keel, job_id: str) -> dict[str, Any]:
    """The preview. For a large file it takes longer than a response may."""
    try:
        uploaded = client.call("imports-complete-upload", {"id": job_id})
    except InvalidRequestError:
        with _progress(TextColumn("Reading the file"), BarColumn(), TimeElapsedColumn()) as progress:
            progress.add_task("", total=None)
            for _ in poll(client, "imports-get", job_id, ("pending",)):
                pass
        uploaded = client.call("imports-complete-upload", {"id": job_id})
    if uploaded["preview"] is None:
        raise Stop(f"The file cannot be imported: {uploaded['job']['error']}", Exit.INCOMPLETE)
    preview: dict[str, Any] = uploaded["preview"]
    return preview


def _confirm(client: Keel, job_id: str, mapping: columns.Mapping, options: _Options) -> None:
    try:
        client.call("imports-confirm", {"id": job_id, "column_mapping": mapping, **options.confirm})
    except InvalidRequestError:  # the mapping does not fit. After any other error, the import may have started
        _cancel(client, job_id)
        raise


def _watch(client: Keel, job_id: str) -> Job:
    """Show the progress of the job until it has ended."""
    shown = (TextColumn("Importing"), BarColumn(), TaskProgressColumn(), MofNCompleteColumn(), _Rate())
    job: Job = {}
    with _progress(*shown, TimeRemainingColumn()) as progress:
        task = progress.add_task("", total=None)
        for job in poll(client, "imports-get", job_id):
            progress.update(task, total=job["total_rows"], completed=job["processed_rows"])
    return job


def poll(client: Keel, operation: str, job_id: str, running: tuple[str, ...] = _RUNNING) -> Iterator[Job]:
    """Yield the job until it is no longer running, at first often, then every two seconds."""
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


def _show_result(job: Job, *, json_lines: bool) -> None:
    if json_lines or not is_terminal():
        typer.echo(output.as_json(job))
        return
    counts = ", ".join(f"{job[name]:,} {name.removesuffix('_count')}" for name in _COUNTS)
    typer.echo(f"{job['processed_rows']:,} rows: {counts}. To undo: keel imports undo {job['id']}")
