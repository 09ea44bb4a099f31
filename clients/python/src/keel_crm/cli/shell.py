"""What all commands share: the URL of the API, and a client that is signed in."""

import os
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import httpx

from keel_crm.cli import credentials
from keel_crm.cli.failures import Exit, Stop
from keel_crm.clients import Keel

_NO_URL: Final = "The URL of the API is not set: use --url, set KEEL_URL, or sign in with keel --url URL login"
_BY_TOKEN: Final = ("KEEL_TOKEN",)
_BY_APP: Final = ("KEEL_CLIENT_ID", "KEEL_CLIENT_SECRET")


@dataclass
class Shell:
    """One run of the command line. `transport` replaces the network in tests."""

    url_option: str = ""
    transport: httpx.BaseTransport | None = None

    @property
    def url(self) -> str:
        url = self.url_option or os.environ.get("KEEL_URL") or _url_of_checkout() or credentials.remembered_url()
        if not url:
            raise Stop(_NO_URL, Exit.USAGE)
        return url.rstrip("/")

    def client(self) -> Keel:
        """A client with KEEL_TOKEN, with KEEL_CLIENT_ID and KEEL_CLIENT_SECRET, or with the session of `keel login`."""
        token, app, secret = map(os.environ.get, (*_BY_TOKEN, *_BY_APP))
        if not token and bool(app) is not bool(secret):
            raise Stop(f"{' and '.join(_BY_APP)} must be set together", Exit.USAGE)
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
        """The command that signs in to the same URL."""
        unset = f"unset {' '.join(_credential_variables())}; " if _credential_variables() else ""
        return f"{unset}keel --url {self.url_option} login" if self.url_option else f"{unset}keel login"

    @property
    def sign_in(self) -> str:
        """How to get a valid session."""
        if variables := _credential_variables():
            return f"Check {' and '.join(variables)}. The environment takes precedence over a session."
        return f"Sign in: {self.login}"

    def files(self) -> httpx.Client:
        """A client for signed URLs, which take no token."""
        return httpx.Client(transport=self.transport, timeout=httpx.Timeout(60.0, connect=5.0))


def _credential_variables() -> tuple[str, ...]:
    """The environment variables with credentials that are set. They take precedence over a session."""
    return next((names for names in (_BY_TOKEN, _BY_APP) if os.environ.get(names[0])), ())


def _url_of_checkout() -> str:
    """The URL that `make dev` stores in a checkout of Keel, for any folder within it."""
    here = Path.cwd()
    for folder in (here, *here.parents):
        if (folder / ".keel/url").is_file():
            return (folder / ".keel/url").read_text().strip()
    return ""


def is_terminal() -> bool:
    return sys.stdout.isatty()


def can_ask() -> bool:
    return sys.stdin.isatty()
