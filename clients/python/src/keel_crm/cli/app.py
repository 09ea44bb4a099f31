"""The commands of `keel`, their shared options, and the handling of errors."""

from importlib.metadata import PackageNotFoundError, version
from typing import Annotated, Any

import typer
from typer.core import TyperGroup

from keel_crm.cli import output
from keel_crm.cli.commands import AsJson, Data, add_resources, read_data
from keel_crm.cli.exports import export
from keel_crm.cli.failed_rows import errors_file
from keel_crm.cli.failures import Exit, Stop, exit_code, format_error, format_os_error
from keel_crm.cli.imports import import_
from keel_crm.cli.listen import listen
from keel_crm.cli.session import login, logout, register, whoami
from keel_crm.cli.shell import Shell
from keel_crm.errors import KeelError
from keel_crm.operations import OPERATIONS


class _Keel(TyperGroup):
    """Turns every expected error into one line and an exit code."""

    def invoke(self, ctx: Any) -> Any:
        try:
            return super().invoke(ctx)
        except KeelError as error:
            raise _exit(_message(error, ctx.obj), exit_code(error)) from None
        except Stop as stop:
            raise _exit(stop.message, stop.code) from None
        except KeyboardInterrupt:
            raise _exit("Interrupted", Exit.INTERRUPTED) from None
        except BrokenPipeError:
            raise  # typer exits silently: the reader of the output has closed the pipe
        except OSError as error:
            raise _exit(format_os_error(error), Exit.USAGE) from None


def _message(error: KeelError, shell: Shell) -> str:
    return format_error(error, login=shell.login, sign_in=shell.sign_in)


def _exit(line: str, code: Exit) -> typer.Exit:
    output.note(f"keel: {line}")
    return typer.Exit(code)


app = typer.Typer(
    cls=_Keel,
    no_args_is_help=True,
    pretty_exceptions_show_locals=False,  # locals may hold secrets
    help="Work with a Keel CRM.",
    epilog="Exit codes: 0 success, 1 unexpected error, 2 usage or file, 3 not signed in, 4 not allowed, 5 not found, "
    "6 invalid field or id, 7 rate limit, 8 server or connection, 9 incomplete import or export, 130 interrupted.",
)


def _version(wanted: bool) -> None:
    if wanted:
        try:
            typer.echo(version("keel-crm"))
        except PackageNotFoundError:
            typer.echo("not installed (running from source)")
        raise typer.Exit


@app.callback()
def begin(
    ctx: typer.Context,
    url: Annotated[str, typer.Option(help="The URL of the API, without /api.", show_default=False)] = "",
    _: Annotated[bool, typer.Option("--version", callback=_version, is_eager=True)] = False,
) -> None:
    """Store the options that all commands share."""
    shell = ctx.obj if isinstance(ctx.obj, Shell) else Shell()
    ctx.obj = Shell(url or shell.url_option, shell.transport)


def call(ctx: typer.Context, operation: str, data: Data = "", json_: AsJson = False) -> None:
    """Call any operation by its name, for example contacts-get."""
    shell: Shell = ctx.obj
    if operation not in OPERATIONS:
        raise Stop(f"There is no operation {operation}", Exit.USAGE)
    with shell.client() as client:
        output.show_record(client.call(operation, read_data(OPERATIONS[operation], data)), json_lines=json_)


for _command in (login, register, logout, whoami, export, call):
    app.command()(_command)
app.command("import")(import_)
add_resources(app, {"webhooks": listen, "imports": errors_file})
