"""Error messages and exit codes: one line that says what happened and what to do."""

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
    """The exit codes. 1 is for unexpected errors."""

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
    """The command cannot continue. `message` is the line to print."""

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
    "auth.invalid_credentials": "Check both and try again.",
    "auth.forbidden": "Sign in as an owner: {login}",
    "auth.email_taken": "To sign in: {login}",
    "api.not_found": "Check the URL, and that client and server have the same version.",
    "oauth.invalid_client": "Check KEEL_CLIENT_ID and KEEL_CLIENT_SECRET.",
    "client.unreachable": "Check the URL (keel whoami shows it), and that Keel is running there.",
    "client.unreadable_answer": "keel whoami shows the URL in use.",
    "client.transfer_failed": "Try again.",
}
_NEXT_BY_EXIT: Final = {
    Exit.SIGNED_OUT: "{sign_in}",
    Exit.NOT_FOUND: "List the records to find the right id.",
    Exit.INVALID: "See --help of the command.",
    Exit.RATE: "Make fewer calls at the same time.",
}


def exit_code(error: KeelError) -> Exit:
    return next((code for kind, code in _CODES if isinstance(error, kind)), Exit.SERVER)


def format_error(error: KeelError, *, login: str, sign_in: str) -> str:
    """What happened and what to do. `login` is the command that signs in; `sign_in` says how to get a valid session."""
    message = error.message if error.message.endswith((".", "!", "?")) else f"{error.message}."
    remedy = _NEXT.get(error.code) or _NEXT_BY_EXIT.get(exit_code(error), "")
    request = f"(request {error.request_id})" if error.request_id else ""
    return " ".join(filter(None, [f"{error.code}:", message, remedy.format(login=login, sign_in=sign_in), request]))


def format_os_error(error: OSError) -> str:
    """The error of the operating system, and the file that it is about."""
    reason = error.strerror or str(error)
    return f"{error.filename}: {reason}" if error.filename else reason
