"""Which commands does `keel` have, and how do they all begin and end?"""

from importlib.metadata import PackageNotFoundError, version
from typing import Annotated, Any

import typer
from typer.core import TyperGroup

from keel_crm.cli import output
from keel_crm.cli.commands import AsJson, Data, add_resources, read_data
from keel_crm.cli.exports import export
from keel_crm.cli.failed_rows import errors_file
from keel_crm.cli.failures import Exit, Stop, exit_of, line_of, line_of_system
from keel_crm.cli.imports import import_
from keel_crm.cli.listen import listen
from keel_crm.cli.session import login, logout, register, whoami
from keel_crm.cli.shell import Shell
from keel_crm.errors import KeelError
from keel_crm.operations import OPERATIONS


class _Keel(TyperGroup):
    """Where every failure that is foreseen ends, as one line and an exit code."""

    def invoke(self, ctx: Any) -> Any:
        try:
            return super().invoke(ctx)
        except KeelError as error:
            raise _ended(_line_of(error, ctx.obj), exit_of(error)) from None
        except Stop as stop:
            raise _ended(stop.message, stop.code) from None
        except KeyboardInterrupt:
            raise _ended("Interrupted", Exit.INTERRUPTED) from None
        except BrokenPipeError:
            raise  # which typer ends in silence: whoever read the output has read enough
        except OSError as error:
            raise _ended(line_of_system(error), Exit.USAGE) from None


def _line_of(error: KeelError, shell: Shell) -> str:
    return line_of(error, login=shell.login, sign_in=shell.sign_in)


def _ended(line: str, code: Exit) -> typer.Exit:
    output.note(f"keel: {line}")
    return typer.Exit(code)


app = typer.Typer(
    cls=_Keel,
    no_args_is_help=True,
    pretty_exceptions_show_locals=False,  # they may hold secrets
    help="Work with a Keel CRM.",
    epilog="Exit codes: 0 done, 1 not foreseen, 2 usage or a file, 3 not signed in, 4 not allowed, 5 not found, "
    "6 invalid, 7 over the rate, 8 server or connection, 9 an import or export that is not whole, 130 interrupted.",
)


def _version(wanted: bool) -> None:
    if wanted:
        try:
            typer.echo(version("keel-crm"))
        except PackageNotFoundError:
            typer.echo("not installed: runs from its sources")
        raise typer.Exit


@app.callback()
def begin(
    ctx: typer.Context,
    url: Annotated[str, typer.Option(help="The API's URL, without /api.", show_default=False)] = "",
    _: Annotated[bool, typer.Option("--version", callback=_version, is_eager=True)] = False,
) -> None:
    """Note what all commands share."""
    given = ctx.obj if isinstance(ctx.obj, Shell) else Shell()
    ctx.obj = Shell(url or given.url_given, given.transport)


def call(ctx: typer.Context, operation: str, data: Data = "", json_: AsJson = False) -> None:
    """Call any operation by its name, such as contacts-get."""
    shell: Shell = ctx.obj
    if operation not in OPERATIONS:
        raise Stop(f"There is no operation {operation}", Exit.USAGE)
    with shell.client() as client:
        output.show_record(client.call(operation, read_data(OPERATIONS[operation], data)), json_lines=json_)


for _command in (login, register, logout, whoami, export, call):
    app.command()(_command)
app.command("import")(import_)
add_resources(app, {"webhooks": listen, "imports": errors_file})
