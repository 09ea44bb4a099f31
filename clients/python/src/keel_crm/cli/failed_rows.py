"""Save the rows of an import that failed to a file, to fix and import again."""

import itertools
import re
import time
from pathlib import Path
from typing import Annotated, Any, Final

import typer

from keel_crm.cli import output, transfers
from keel_crm.cli.commands import AsJson
from keel_crm.cli.failures import Exit, Stop
from keel_crm.cli.shell import Shell
from keel_crm.clients import Keel
from keel_crm.errors import InvalidRequestError

_PAUSE_SECONDS: Final = 10
_WAITS: Final = 90


def errors_file(
    ctx: typer.Context,
    id: Annotated[str, typer.Argument(show_default=False)],  # noqa: A002 - as in the command of any operation
    to: Annotated[Path | None, typer.Option("--to", "-o", dir_okay=False, help="The file to write.")] = None,
    json_: AsJson = False,
) -> None:
    """Save the rows that failed to a file. Without --to, show the URL of the file."""
    shell: Shell = ctx.obj
    with shell.client() as client:
        if to is None:
            output.show_record(client.call("imports-errors-file", {"id": id}), json_lines=json_)
        else:
            transfers.check(to)
            client.call("imports-get", {"id": id})  # fails if there is no such import, instead of waiting
            save(shell, client, id, to)
            output.note(f"Saved the rows that failed to {to}")


def choose_path(file: Path, option: Path | None) -> Path:
    """Where to save the rows of `file` that fail: the path in the option, or one beside the file. Existing files are
    never overwritten: they may hold rows of an earlier import that somebody is fixing."""
    if option and option.exists():
        raise Stop(f"{option} already exists: move it, or choose another file with --errors", Exit.USAGE)
    to = option or _unused(file)
    try:
        transfers.check(to)
    except OSError as error:
        raise Stop(
            f"Cannot save failed rows to {to} ({error.strerror}): choose a file with --errors", Exit.USAGE
        ) from None
    return to


def _unused(file: Path) -> Path:
    stem = re.sub(r"\.errors(-\d+)?$", "", file.stem)
    names = (f"{stem}.errors{f'-{number}' if number > 1 else ''}.csv" for number in itertools.count(1))
    return next(path for path in map(file.with_name, names) if not path.exists())


def save(shell: Shell, client: Keel, job_id: str, to: Path) -> None:
    signed = _wait_for_file(client, job_id)
    with shell.files() as files:
        transfers.save(files, signed["signed_url"], to)


def _wait_for_file(client: Keel, job_id: str) -> dict[str, Any]:
    """The signed URL of the file. For very many rows, the file is written after the import has ended."""
    waited = 0
    while True:
        try:
            signed: dict[str, Any] = client.call("imports-errors-file", {"id": job_id})
            return signed
        except InvalidRequestError:
            if waited == _WAITS:
                raise
        if waited == 0:
            output.note("Waiting for the file of the rows that failed …")
        time.sleep(_PAUSE_SECONDS)
        waited += 1
