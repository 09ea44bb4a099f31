"""The clients `Keel` and `AsyncKeel`: they perform the steps of `flows` over HTTP."""

import asyncio
import time
from collections.abc import AsyncIterator, Iterator, Mapping
from typing import Any, Final, Self

import httpx

from keel_crm.flows import App, Flow, Flows, Outcome, Send
from keel_crm.resources import AsyncOperations, Operations
from keel_crm.retries import Retries
from keel_crm.tokens import MemoryTokens, Tokens, TokenStore

# API Gateway times out after 29 seconds.
TIMEOUT: Final = httpx.Timeout(30.0, connect=5.0)
_HEADERS: Final = {"Content-Type": "application/json", "User-Agent": "keel-crm-python"}


def _base(url: str) -> str:
    if not url.startswith(("https://", "http://")):
        raise ValueError(f"the URL of the API must begin with https:// or http://, not {url!r}")
    return url.rstrip("/")


def _flows(
    token: str | None, client_id: str | None, client_secret: str | None, store: TokenStore | None, retries: Retries
) -> Flows:
    if (client_id is None) is not (client_secret is None):
        raise ValueError("client_id and client_secret must be given together")
    if sum(option is not None for option in (token, client_id, store)) > 1:
        raise ValueError("give only one of token, store, and client_id with client_secret")
    app = App(client_id, client_secret) if client_id and client_secret else None
    return Flows(store or MemoryTokens(Tokens(token) if token else None), app, retries)


class Keel(Operations):
    """A client for one account. It can be shared between threads.

    Args:
        url: the URL of the API, without `/api`.
        token: an access token. The client does not renew it.
        client_id: with `client_secret`, the credentials of an OAuth app. The client renews its tokens.
        store: where to load tokens from and save renewed tokens to.
        retries: how often to retry, and how long to wait.

    Without `token`, credentials or `store`, sign in with `client.auth.login(...)`.

    Raises:
        ValueError: if the options contradict each other, or `url` is not a URL.
    """

    def __init__(
        self,
        url: str,
        *,
        token: str | None = None,
        client_id: str | None = None,
        client_secret: str | None = None,
        store: TokenStore | None = None,
        retries: Retries = Retries(),  # noqa: B008 - frozen
        timeout: httpx.Timeout = TIMEOUT,
        transport: httpx.BaseTransport | None = None,
    ) -> None:
        self.url = _base(url)
        self._flows = _flows(token, client_id, client_secret, store, retries)
        self._http = httpx.Client(headers=_HEADERS, timeout=timeout, transport=transport)
        super().__init__(self)

    def call(self, operation: str, body: Mapping[str, Any], *, idempotency_key: str | None = None) -> Any:
        """Call an operation by its name. The methods of the resources call this, with types."""
        return self._run(self._flows.call(operation, dict(body), idempotency_key))

    def pages(self, operation: str, body: Mapping[str, Any]) -> Iterator[Any]:
        """Iterate over all items of a paginated list."""
        next_body: dict[str, Any] | None = dict(body)
        while next_body is not None:
            items, next_body = self._run(self._flows.pages(operation, next_body))
            yield from items

    def _run(self, flow: Flow) -> Any:
        try:
            step = next(flow)
            while True:
                if isinstance(step, Send):
                    step = flow.send(self._send(step))
                else:
                    time.sleep(step.seconds)
                    step = flow.send(None)
        except StopIteration as end:
            return end.value
        finally:
            flow.close()

    def _send(self, step: Send) -> Outcome:
        try:
            return self._http.post(f"{self.url}/api/{step.operation}", content=step.content, headers=step.headers)
        except httpx.RequestError as error:
            return error

    def close(self) -> None:
        self._http.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def __repr__(self) -> str:
        return f"Keel({self.url!r})"


class AsyncKeel(AsyncOperations):
    """The same client for asyncio. It can be shared between tasks."""

    def __init__(
        self,
        url: str,
        *,
        token: str | None = None,
        client_id: str | None = None,
        client_secret: str | None = None,
        store: TokenStore | None = None,
        retries: Retries = Retries(),  # noqa: B008 - frozen
        timeout: httpx.Timeout = TIMEOUT,
        transport: httpx.AsyncBaseTransport | None = None,
    ) -> None:
        self.url = _base(url)
        self._flows = _flows(token, client_id, client_secret, store, retries)
        self._http = httpx.AsyncClient(headers=_HEADERS, timeout=timeout, transport=transport)
        super().__init__(self)

    async def call(self, operation: str, body: Mapping[str, Any], *, idempotency_key: str | None = None) -> Any:
        """Call an operation by its name. The methods of the resources call this, with types."""
        return await self._run(self._flows.call(operation, dict(body), idempotency_key))

    async def pages(self, operation: str, body: Mapping[str, Any]) -> AsyncIterator[Any]:
        """Iterate over all items of a paginated list."""
        next_body: dict[str, Any] | None = dict(body)
        while next_body is not None:
            items, next_body = await self._run(self._flows.pages(operation, next_body))
            for item in items:
                yield item

    async def _run(self, flow: Flow) -> Any:
        try:
            step = next(flow)
            while True:
                if isinstance(step, Send):
                    step = flow.send(await self._send(step))
                else:
                    await asyncio.sleep(step.seconds)
                    step = flow.send(None)
        except StopIteration as end:
            return end.value
        finally:
            flow.close()

    async def _send(self, step: Send) -> Outcome:
        url = f"{self.url}/api/{step.operation}"
        try:
            return await self._http.post(url, content=step.content, headers=step.headers)
        except httpx.RequestError as error:
            return error

    async def aclose(self) -> None:
        await self._http.aclose()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.aclose()

    def __repr__(self) -> str:
        return f"AsyncKeel({self.url!r})"
