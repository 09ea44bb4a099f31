"""Where are the rows that an import could not bring in? In a file that can be mended and imported."""

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
    """Save the rows that failed in a file; without one, show the address to get them from."""
    shell: Shell = ctx.obj
    with shell.client() as client:
        if to is None:
            output.show_record(client.call("imports-errors-file", {"id": id}), json_lines=json_)
        else:
            transfers.check(to)
            client.call("imports-get", {"id": id})  # that there is such an import, before anything is waited for
            save(shell, client, id, to)
            output.note(f"The rows that failed are in {to}")


def place(file: Path, given: Path | None) -> Path:
    """Where those of a file go, beside it unless a place is given. Nothing is overwritten: somebody may be mending
    what an earlier import left."""
    if given and given.exists():
        raise Stop(f"{given} is there already: move it away, or give another --errors", Exit.USAGE)
    to = given or _free(file)
    try:
        transfers.check(to)
    except OSError as error:
        raise Stop(f"Rows that fail cannot go to {to} ({error.strerror}): give --errors FILE", Exit.USAGE) from None
    return to


def _free(file: Path) -> Path:
    stem = re.sub(r"\.errors(-\d+)?$", "", file.stem)
    names = (f"{stem}.errors{f'-{number}' if number > 1 else ''}.csv" for number in itertools.count(1))
    return next(path for path in map(file.with_name, names) if not path.exists())


def save(shell: Shell, client: Keel, job_id: str, to: Path) -> None:
    signed = _made(client, job_id)
    with shell.files() as files:
        transfers.save(files, signed["signed_url"], to)


def _made(client: Keel, job_id: str) -> dict[str, Any]:
    """Where the file is; that of very many rows is made after the import has ended, which is waited for."""
    waited = 0
    while True:
        try:
            made: dict[str, Any] = client.call("imports-errors-file", {"id": job_id})
            return made
        except InvalidRequestError:
            if waited == _WAITS:
                raise
        if waited == 0:
            output.note("The file of the rows that failed is being made …")
        time.sleep(_PAUSE_SECONDS)
        waited += 1
