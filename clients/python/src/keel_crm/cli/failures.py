"""How does a command end when it fails? One line that says what happened and what to do next, and an exit code."""

from enum import IntEnum
from typing import Final

from keel_crm.errors import (
    AuthenticationError,
    ForbiddenError,
    InvalidRequestError,
    KeelError,
    NotFoundError,
    RateLimitError,
)


class Exit(IntEnum):
    """The exit codes; 1 is left to what nobody foresaw."""

    USAGE = 2
    SIGNED_OUT = 3
    FORBIDDEN = 4
    NOT_FOUND = 5
    INVALID = 6
    RATE = 7
    SERVER = 8
    INCOMPLETE = 9
    INTERRUPTED = 130


class Stop(Exception):
    """The command cannot go on, for a reason of its own: `message` is the line to print."""

    def __init__(self, message: str, code: Exit) -> None:
        self.message = message
        self.code = code
        super().__init__(message)


_CODES: Final = (
    (AuthenticationError, Exit.SIGNED_OUT),
    (ForbiddenError, Exit.FORBIDDEN),
    (NotFoundError, Exit.NOT_FOUND),
    (InvalidRequestError, Exit.INVALID),
    (RateLimitError, Exit.RATE),
)

_NEXT: Final = {
    "auth.invalid_credentials": "Check the email and the password.",
    "auth.deactivated": "An owner of the account can activate the user again.",
    "auth.forbidden": "Sign in as an owner: {login}",
    "auth.email_taken": "Sign in instead: {login}",
    "api.not_found": "Is this the URL of Keel's API, and of this client's version?",
    "oauth.invalid_client": "Check KEEL_CLIENT_ID and KEEL_CLIENT_SECRET.",
    "client.unreachable": "Check the URL (keel whoami shows it) and that Keel runs there.",
    "client.unreadable_answer": "Check the URL: keel whoami shows it.",
}
_NEXT_BY_EXIT: Final = {
    Exit.SIGNED_OUT: "{sign_in}",
    Exit.NOT_FOUND: "Look for it with the resource's list command.",
    Exit.INVALID: "The command's --help tells what it takes.",
    Exit.RATE: "Wait, and try again with fewer calls at once.",
    Exit.SERVER: "Try again; if it stays, tell the operator the request.",
}


def exit_of(error: KeelError) -> Exit:
    return next((code for kind, code in _CODES if isinstance(error, kind)), Exit.SERVER)


def line_of(error: KeelError, *, login: str, sign_in: str) -> str:
    """What happened, and what to do next; `login` is the command that signs in, `sign_in` what to do without it."""
    after = _NEXT.get(error.code) or _NEXT_BY_EXIT.get(exit_of(error), "")
    message = error.message if error.message.endswith((".", "!", "?")) else f"{error.message}."
    request = f" (request {error.request_id})" if error.request_id else ""
    return f"{error.code}: {message} {after.format(login=login, sign_in=sign_in)}{request}"


def line_of_system(error: OSError) -> str:
    """What the system refused, and of which file."""
    told = error.strerror or str(error)
    return f"{error.filename}: {told}" if error.filename else told
