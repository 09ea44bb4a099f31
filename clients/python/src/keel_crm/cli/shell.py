"""What does every command find? The URL, a client that is signed in, and the way to print."""

import os
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import httpx

from keel_crm.cli import credentials
from keel_crm.cli.failures import Exit, Stop
from keel_crm.clients import Keel

_NO_URL: Final = "No URL is known: give --url, set KEEL_URL, or sign in with keel --url URL login"
_BY_TOKEN: Final = ("KEEL_TOKEN",)
_BY_APP: Final = ("KEEL_CLIENT_ID", "KEEL_CLIENT_SECRET")


@dataclass
class Shell:
    """One run of the command line; `transport` stands in for the network in tests."""

    url_given: str = ""
    transport: httpx.BaseTransport | None = None

    @property
    def url(self) -> str:
        found = self.url_given or os.environ.get("KEEL_URL") or _url_of_checkout() or credentials.remembered_url()
        if not found:
            raise Stop(_NO_URL, Exit.USAGE)
        return found.rstrip("/")

    def client(self) -> Keel:
        """Signed in by KEEL_TOKEN, by the app KEEL_CLIENT_ID and KEEL_CLIENT_SECRET, or by `keel login`."""
        token, app, secret = map(os.environ.get, (*_BY_TOKEN, *_BY_APP))
        if not token and bool(app) is not bool(secret):
            raise Stop(f"{' and '.join(_BY_APP)} come together: set both or neither", Exit.USAGE)
        try:
            if token:
                return Keel(self.url, token=token, transport=self.transport)
            if app and secret:
                return Keel(self.url, client_id=app, client_secret=secret, transport=self.transport)
            return Keel(self.url, store=credentials.FileTokens(self.url), transport=self.transport)
        except ValueError as error:
            raise Stop(f"{error}", Exit.USAGE) from None

    @property
    def login(self) -> str:
        """The command that signs in to where this one works."""
        unset = f"unset {' '.join(_given())}; " if _given() else ""
        return f"{unset}keel --url {self.url_given} login" if self.url_given else f"{unset}keel login"

    @property
    def sign_in(self) -> str:
        """What somebody does who is not signed in, or no longer."""
        return f"Check {' and '.join(_given())}, which go before a session." if _given() else f"Sign in: {self.login}"

    def files(self) -> httpx.Client:
        """For signed URLs: they take no token."""
        return httpx.Client(transport=self.transport, timeout=httpx.Timeout(60.0, connect=5.0))


def _given() -> tuple[str, ...]:
    """The variables that go before a session, if they are set."""
    return next((names for names in (_BY_TOKEN, _BY_APP) if os.environ.get(names[0])), ())


def _url_of_checkout() -> str:
    """What `make dev` notes in a checkout of Keel, from anywhere within it."""
    here = Path.cwd()
    for folder in (here, *here.parents):
        if (folder / ".keel/url").is_file():
            return (folder / ".keel/url").read_text().strip()
    return ""


def is_terminal() -> bool:
    return sys.stdout.isatty()


def can_ask() -> bool:
    return sys.stdin.isatty()
