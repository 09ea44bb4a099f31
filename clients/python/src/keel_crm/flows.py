"""The logic of the client without I/O: tokens, retries, and the interpretation of responses.

A flow is a generator. It yields the next step, `Send` or `Wait`, and receives the outcome. `Keel` and `AsyncKeel`
perform the steps, one with blocking calls and one with asyncio.
"""

import json
import logging
import uuid
from collections.abc import Generator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, Final

import httpx

from keel_crm import errors
from keel_crm.errors import AuthenticationError, KeelError, UnreachableError
from keel_crm.operations import OPERATIONS
from keel_crm.retries import Retries
from keel_crm.schema import Operation
from keel_crm.tokens import Tokens, TokenStore

log = logging.getLogger("keel_crm")

_POLL: Final = 0.02
_SIGNING_IN: Final = ("auth-register", "auth-login", "auth-refresh-token")


@dataclass(frozen=True)
class Send:
    """Send this request. The outcome is the response, or the exception that occurred."""

    operation: str
    content: bytes = field(repr=False)
    headers: dict[str, str] = field(repr=False)


@dataclass(frozen=True)
class Wait:
    """Wait for this many seconds."""

    seconds: float


Outcome = httpx.Response | httpx.RequestError | None
Flow = Generator[Send | Wait, Outcome, Any]


@dataclass(frozen=True)
class App:
    """The credentials of an OAuth app."""

    client_id: str
    client_secret: str = field(repr=False)


@dataclass(frozen=True)
class Flows:
    """The flows of one client. Tokens in `store` are renewed with `app`, or else with their refresh token."""

    store: TokenStore
    app: App | None
    retries: Retries

    def call(self, name: str, body: dict[str, Any], idempotency_key: str | None = None) -> Flow:
        """Call an operation and return its result.

        Raises:
            KeelError: if the call fails.
            ValueError: if the operation does not exist.
            TypeError: if the operation has no such field.
        """
        operation = OPERATIONS.get(name)
        if operation is None:
            raise ValueError(f"there is no operation {name!r}")
        if wrong := operation.unknown(body):
            raise TypeError(wrong)
        headers: dict[str, str] = {}
        if operation.idempotent:
            headers["Idempotency-Key"] = idempotency_key or str(uuid.uuid4())
        if operation.public:
            result = yield from self._send(operation, body, headers)
        else:
            result = yield from self._send_authenticated(operation, body, headers)
        if name in _SIGNING_IN:
            self.store.save(Tokens.of(result))
        elif name == "auth-logout":
            self.store.save(None)
        return result

    def pages(self, name: str, body: dict[str, Any]) -> Flow:
        """The items of a page, and the body that requests the next page, or `None` after the last page."""
        page = yield from self.call(name, body)
        cursor = page["next_cursor"]
        return page["items"], body | {"cursor": cursor} if cursor else None

    def _send_authenticated(self, operation: Operation, body: dict[str, Any], headers: dict[str, str]) -> Flow:
        tokens = self.store.load()
        if self._renewable(tokens) and (tokens is None or tokens.ending):
            tokens = yield from self._renew(tokens)
        try:
            return (yield from self._send(operation, body, headers | _bearer(tokens)))
        except AuthenticationError as error:
            if error.code != "auth.invalid_token" or not self._renewable(tokens):
                raise
        tokens = yield from self._renew(tokens)
        return (yield from self._send(operation, body, headers | _bearer(tokens)))

    def _send(self, operation: Operation, body: dict[str, Any], headers: dict[str, str]) -> Flow:
        """Send a request, and retry it where that is safe."""
        content = json.dumps(body, default=_plain).encode()
        attempt = 0
        while True:
            outcome = yield Send(operation.name, content, headers)
            try:
                return _read(operation.name, outcome)
            except KeelError as error:
                pause = self.retries.pause(error, attempt, repeatable=operation.repeatable)
                if pause is None:
                    raise
                attempt += 1
                log.info("%s failed (%s), retrying in %.1f s", operation.name, error.code, pause)
                yield Wait(pause)

    def _renewable(self, tokens: Tokens | None) -> bool:
        return self.app is not None or (tokens is not None and bool(tokens.refresh_token))

    def _renew(self, stale: Tokens | None) -> Generator[Send | Wait, Outcome, Tokens | None]:
        """Renew the tokens, unless another thread or process has replaced `stale` in the meantime."""
        while not self.store.acquire():
            yield Wait(_POLL)
        try:
            current = self.store.load()
            if current != stale:
                return current
            if self.app:
                name = "oauth-token"
                body = {"grant_type": "client_credentials", **vars(self.app)}
            else:
                name = "auth-refresh-token"
                body = {"refresh_token": current.refresh_token if current else ""}
            # Not retried once it may have arrived: using a refresh token twice ends its session.
            renewed = Tokens.of((yield from self._send(OPERATIONS[name], body, {})))
            self.store.save(renewed)
            return renewed
        finally:
            self.store.release()


def _plain(value: object) -> str:
    """A datetime as the API expects it."""
    if not isinstance(value, datetime):
        raise TypeError(f"cannot send a {type(value).__name__} as JSON: {value!r}")
    if value.utcoffset() is None:
        raise ValueError(f"a datetime must have a time zone, as in datetime.now(UTC): {value!r}")
    return value.astimezone(UTC).isoformat().replace("+00:00", "Z")


def _bearer(tokens: Tokens | None) -> dict[str, str]:
    if tokens is None:
        raise AuthenticationError(errors.SIGNED_OUT, "Not signed in: there is no session and no token.")
    return {"Authorization": f"Bearer {tokens.access_token}"}


def _read(operation: str, outcome: Outcome) -> Any:
    """The result in a response. Raises a `KeelError` unless the response is a success."""
    if not isinstance(outcome, httpx.Response):
        unsent = isinstance(outcome, httpx.ConnectError | httpx.ConnectTimeout | httpx.PoolTimeout)
        why = str(outcome) or type(outcome).__name__
        raise UnreachableError(f"{operation} got no response: {why}", sent=not unsent) from outcome
    log.debug("%s returned %d, request %s", operation, outcome.status_code, outcome.headers.get("X-Request-Id"))
    try:
        envelope = outcome.json()
    except ValueError:
        envelope = None
    if isinstance(envelope, dict) and envelope.get("ok") is True and "result" in envelope:
        return envelope["result"]
    error = envelope.get("error") if isinstance(envelope, dict) else None
    raise errors.from_response(outcome.status_code, outcome.headers, error)
