"""`keel login`, `register`, `logout` and `whoami`."""

import sys
from typing import Annotated

import typer

from keel_crm.cli import credentials, interruptions, output
from keel_crm.cli.commands import AsJson
from keel_crm.cli.failures import Exit, Stop
from keel_crm.cli.shell import Shell, can_ask
from keel_crm.clients import Keel
from keel_crm.errors import AuthenticationError

Email = Annotated[str, typer.Option(help="Your email. Default: asked for.")]
PasswordStdin = Annotated[bool, typer.Option("--password-stdin", help="Read the password from standard input.")]


def login(ctx: typer.Context, email: Email = "", password_stdin: PasswordStdin = False) -> None:
    """Sign in, and store the session for later commands."""
    shell: Shell = ctx.obj
    with _signing_in(shell) as client:
        email = email or _ask("Email")
        password = _password(from_stdin=password_stdin, confirm=False)
        user = client.auth.login(email=email, password=password)["user"]
    _signed_in(shell, user["email"])


def register(
    ctx: typer.Context,
    email: Email = "",
    name: Annotated[str, typer.Option(help="Your name. Default: asked for.")] = "",
    account_name: Annotated[str, typer.Option(help="The name of the account.")] = "",
    password_stdin: PasswordStdin = False,
) -> None:
    """Open an account and sign in to it."""
    shell: Shell = ctx.obj
    with _signing_in(shell) as client:
        email, name = email or _ask("Email"), name or _ask("Name")
        password = _password(from_stdin=password_stdin, confirm=True)
        client.auth.register(email=email, name=name, account_name=account_name, password=password)
    _signed_in(shell, email)


def logout(ctx: typer.Context) -> None:
    """End the session, here and on the server."""
    shell: Shell = ctx.obj
    store = credentials.FileTokens(shell.url)
    if store.load() is None:
        output.note(f"Not signed in at {shell.url}")
        return
    try:
        with Keel(shell.url, store=store, transport=shell.transport) as client:
            client.auth.logout()
    except AuthenticationError:
        store.save(None)  # the session had already ended
    output.note(f"Signed out of {shell.url}")


def whoami(ctx: typer.Context, json_: AsJson = False) -> None:
    """Show the user, the account and the URL in use."""
    shell: Shell = ctx.obj
    output.note(shell.url)
    with shell.client() as client:
        output.show_record(dict(client.auth.me()), json_lines=json_)


def _signing_in(shell: Shell) -> Keel:
    return Keel(shell.url, store=credentials.FileTokens(shell.url), transport=shell.transport)


def _signed_in(shell: Shell, email: str) -> None:
    credentials.remember_url(shell.url)
    output.note(f"Signed in at {shell.url} as {email}")


def _ask(what: str) -> str:
    if not can_ask():
        raise Stop(f"There is no terminal to ask on: use --{what.lower()}", Exit.USAGE)
    with interruptions.prompt():
        return str(typer.prompt(what, err=True))


def _password(*, from_stdin: bool, confirm: bool) -> str:
    if from_stdin:
        return sys.stdin.readline().rstrip("\r\n")
    if not can_ask():
        raise Stop("There is no terminal to ask on: use --password-stdin", Exit.USAGE)
    with interruptions.prompt():
        return str(typer.prompt("Password", hide_input=True, confirmation_prompt=confirm, err=True))
