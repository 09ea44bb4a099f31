"""`keel webhooks listen`: receive, verify and print the events of the account."""

from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from queue import SimpleQueue
from threading import Thread
from typing import Annotated, Any, Final

import typer

from keel_crm.cli import interruptions, output
from keel_crm.cli.commands import AsJson
from keel_crm.cli.failures import Exit, Stop
from keel_crm.cli.shell import Shell, is_terminal
from keel_crm.errors import SignatureError
from keel_crm.operations import OPERATIONS
from keel_crm.webhooks import Event, verify

_LARGEST: Final = 10 * 1024 * 1024
_EVENTS: Final = OPERATIONS["webhooks-create"].choices("events")


def listen(
    ctx: typer.Context,
    events: Annotated[
        list[str], typer.Option("--events", help="For example contact.created. Default: all events.")
    ] = [],  # noqa: B006
    port: Annotated[int, typer.Option(min=0, max=65535, help="The port to listen on. Default: a free port.")] = 0,
    count: Annotated[int | None, typer.Option(min=1, help="Stop after this many events.")] = None,
    json_: AsJson = False,
) -> None:
    """Print events as they happen. Works only with a stack on this machine."""
    shell: Shell = ctx.obj
    secret: list[str] = []
    received: SimpleQueue[Event | None] = SimpleQueue()
    with (
        _server(port, _receiver(secret, received.put)) as server,
        shell.client() as client,
        interruptions.on_interrupt(lambda: received.put(None)),
    ):
        Thread(target=server.serve_forever, daemon=True).start()
        url = f"http://127.0.0.1:{server.server_port}/"
        endpoint = {"url": url, "events": events or [*_EVENTS], "description": "keel listen"}
        try:
            created = client.call("webhooks-create", endpoint)
            secret.append(created["secret"])
            output.note(f"Listening at {url}. Press Ctrl-C to stop.")
            try:
                _print(received, count, json_lines=json_)
            finally:
                client.call("webhooks-delete", {"id": created["endpoint"]["id"]})
        finally:
            server.shutdown()


def _server(port: int, receiver: type[BaseHTTPRequestHandler]) -> ThreadingHTTPServer:
    try:
        return ThreadingHTTPServer(("127.0.0.1", port), receiver)
    except OSError as error:
        raise Stop(f"Cannot listen on port {port}: {error.strerror}", Exit.USAGE) from None


def _print(received: "SimpleQueue[Event | None]", count: int | None, *, json_lines: bool) -> None:
    """Print events until there are `count`, or until None is received."""
    printed = 0
    while printed != count:
        event = received.get()
        if event is None:
            return
        printed += 1
        if json_lines or not is_terminal():
            typer.echo(output.as_json(event))
        else:
            data = event["data"]
            name = data.get("name") or f"{data.get('first_name', '')} {data.get('last_name', '')}"
            shown = (event["timestamp"], event["event"], data.get("id", ""), name.strip())
            typer.echo("  ".join(map(output.cell, shown)))


def _receiver(secret: list[str], received: Callable[[Event], None]) -> type[BaseHTTPRequestHandler]:
    class Receiver(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            length = int(self.headers.get("Content-Length") or 0)
            body = self.rfile.read(min(length, _LARGEST))
            try:
                # Reject everything until the secret is known. Keel delivers it again.
                event = verify(secret[0], dict(self.headers), body) if secret else None
            except SignatureError as error:
                output.note(str(error))
                event = None
            if event is not None:
                received(event)
            self.send_response(400 if event is None else 204)
            self.end_headers()

        def log_message(self, *_: Any) -> None:
            """Print events, not requests."""

    return Receiver
