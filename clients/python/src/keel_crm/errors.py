"""The exceptions of the client.

KeelError                  any failed call; `code` identifies the error
├── InvalidRequestError    400: the request is invalid and stays invalid
├── AuthenticationError    401: sign in again
├── ForbiddenError         403: the user or app is not allowed to do this
├── NotFoundError          404: the record or the operation does not exist in this account
├── RateLimitError         429: still over the rate limit after all retries
├── ServerError            500, or a response that is not from Keel
├── UnreachableError       no response: the connection failed or timed out
└── SignatureError         a webhook whose signature is invalid or too old
"""

from collections.abc import Mapping, Sequence
from typing import Any, Final, TypedDict

UNREADABLE: Final = "client.unreadable_answer"
UNREACHABLE: Final = "client.unreachable"
SIGNED_OUT: Final = "client.signed_out"
BAD_SIGNATURE: Final = "client.bad_signature"


class Detail(TypedDict):
    """An invalid field, and what is wrong with it."""

    field: str
    message: str


class KeelError(Exception):
    """A failed call.

    Attributes:
        code: an error code of the API, or one of the client, which begins with `client.`.
        message: for people. It may change.
        status: the HTTP status, or `None` if there was no response.
        request_id: identifies the request in the logs of the server.
        details: the invalid fields.
        retry_after: seconds to wait, if the server sent them.
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
    """The request is invalid. `code` and `details` say why."""


class AuthenticationError(KeelError):
    """The token is missing, invalid or expired, or the credentials are incorrect."""


class ForbiddenError(KeelError):
    """The role or the type of token does not allow this, or the user is deactivated."""


class NotFoundError(KeelError):
    """The record or the operation does not exist in this account."""


class RateLimitError(KeelError):
    """The rate limit is still exceeded after all retries, or `Retry-After` is longer than the client waits."""


class ServerError(KeelError):
    """The server failed, or the response is not from Keel."""


class UnreachableError(KeelError):
    """There was no response. If `sent` is true, the server may have executed the request."""

    def __init__(self, message: str, *, sent: bool) -> None:
        self.sent = sent
        super().__init__(UNREACHABLE, message)


class SignatureError(KeelError):
    """The delivery could not be verified. Do not trust it."""

    def __init__(self, message: str) -> None:
        super().__init__(BAD_SIGNATURE, message)


_BY_STATUS: Final[dict[int, type[KeelError]]] = {
    400: InvalidRequestError,
    401: AuthenticationError,
    403: ForbiddenError,
    404: NotFoundError,
    429: RateLimitError,
}


def from_response(status: int, headers: Mapping[str, str], error: Any) -> KeelError:
    """The exception for a failed response. `error` is the value of `error` in its body, if there is one."""
    fields = error if isinstance(error, dict) else {}
    return _BY_STATUS.get(status, ServerError)(
        str(fields.get("code") or UNREADABLE),
        str(fields.get("message") or f"The response with status {status} is not from Keel. Check the URL of the API."),
        status=status,
        request_id=str(fields.get("request_id") or headers.get("X-Request-Id", "")),
        details=fields.get("details") or (),
        retry_after=_seconds(headers.get("Retry-After")),
    )


def _seconds(text: str | None) -> float | None:
    # Keel sends whole seconds. A date can only come from a proxy.
    return float(text) if text and text.isascii() and text.isdigit() else None
