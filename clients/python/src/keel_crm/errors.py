"""What went wrong? One family of exceptions, told apart by what a program can do about them.

KeelError                  anything below; `code` says exactly what
├── InvalidRequestError    400: the request is wrong and will stay wrong
├── AuthenticationError    401: sign in again
├── ForbiddenError         403: this user or app may not
├── NotFoundError          404: no such record in this account, or no such operation
├── RateLimitError         429: still over the rate after the client waited as long as it may
├── ServerError            500, or an answer that is not Keel's
├── UnreachableError       no answer: the connection failed or took too long
└── SignatureError         a webhook that is not from Keel, or too old
"""

from collections.abc import Mapping, Sequence
from typing import Any, Final, TypedDict

UNREADABLE: Final = "client.unreadable_answer"
UNREACHABLE: Final = "client.unreachable"
SIGNED_OUT: Final = "client.signed_out"
BAD_SIGNATURE: Final = "client.bad_signature"


class Detail(TypedDict):
    """A field at fault, and why."""

    field: str
    message: str


class KeelError(Exception):
    """A call that failed.

    `code` is one of the API's codes, or one of the client's own, which begin with `client.`; `status` is
    the HTTP status, `None` when there was no answer; `retry_after` is in seconds, where the server says.
    """

    def __init__(
        self,
        code: str,
        message: str,
        *,
        status: int | None = None,
        request_id: str = "",
        details: Sequence[Detail] = (),
        retry_after: float | None = None,
    ) -> None:
        self.code = code
        self.message = message
        self.status = status
        self.request_id = request_id
        self.details = list(details)
        self.retry_after = retry_after
        super().__init__(code, message)

    def __str__(self) -> str:
        request = f" (request {self.request_id})" if self.request_id else ""
        return f"{self.code}: {self.message}{request}"


class InvalidRequestError(KeelError):
    """The request is wrong: `code` and `details` say where."""


class AuthenticationError(KeelError):
    """There is no live token, or the credentials are wrong."""


class ForbiddenError(KeelError):
    """The role or the kind of token does not allow this, or the user has been deactivated."""


class NotFoundError(KeelError):
    """The account has no such record."""


class RateLimitError(KeelError):
    """Over the rate, longer than the client was told to wait."""


class ServerError(KeelError):
    """A fault of the server, or of something between."""


class UnreachableError(KeelError):
    """No answer came; whether the request was carried out is not known, unless `sent` is false."""

    def __init__(self, message: str, *, sent: bool) -> None:
        self.sent = sent
        super().__init__(UNREACHABLE, message)


class SignatureError(KeelError):
    """This delivery must not be trusted."""

    def __init__(self, message: str) -> None:
        super().__init__(BAD_SIGNATURE, message)


_BY_STATUS: Final[dict[int, type[KeelError]]] = {
    400: InvalidRequestError,
    401: AuthenticationError,
    403: ForbiddenError,
    404: NotFoundError,
    429: RateLimitError,
}


def of_answer(status: int, headers: Mapping[str, str], error: Any) -> KeelError:
    """The exception for an answer; `error` is what stands under that name in its body, if anything does."""
    told = error if isinstance(error, dict) else {}
    return _BY_STATUS.get(status, ServerError)(
        str(told.get("code") or UNREADABLE),
        str(told.get("message") or f"The answer, status {status}, is not Keel's: is this the URL of its API?"),
        status=status,
        request_id=str(told.get("request_id") or headers.get("X-Request-Id", "")),
        details=told.get("details") or (),
        retry_after=_seconds(headers.get("Retry-After")),
    )


def _seconds(text: str | None) -> float | None:
    # Keel sends whole seconds; the other form, a date, comes only from something between.
    return float(text) if text and text.isascii() and text.isdigit() else None
