"""How are a client's decisions carried out? Once with threads and once with asyncio."""

import asyncio
import time
from collections.abc import AsyncIterator, Iterator, Mapping
from typing import Any, Final, Self

import httpx

from keel_crm.flows import App, Flow, Flows, Outcome, Send
from keel_crm.resources import AsyncOperations, Operations
from keel_crm.retries import Retries
from keel_crm.tokens import MemoryTokens, Tokens, TokenStore

# The API's gateway gives up after 29 seconds.
TIMEOUT: Final = httpx.Timeout(30.0, connect=5.0)
_HEADERS: Final = {"Content-Type": "application/json", "User-Agent": "keel-crm-python"}


def _base(url: str) -> str:
    if not url.startswith(("https://", "http://")):
        raise ValueError(f"the URL of the API begins with https:// or http://, not {url!r}")
    return url.rstrip("/")


def _flows(
    token: str | None, client_id: str | None, client_secret: str | None, store: TokenStore | None, retries: Retries
) -> Flows:
    if (client_id is None) is not (client_secret is None):
        raise ValueError("client_id and client_secret come together")
    if sum(given is not None for given in (token, client_id, store)) > 1:
        raise ValueError("give one of token, store, and client_id with client_secret")
    app = App(client_id, client_secret) if client_id and client_secret else None
    return Flows(store or MemoryTokens(Tokens(token) if token else None), app, retries)


class Keel(Operations):
    """A client for one account, safe to share among threads.

    `url` is the API's, without `/api`. Sign in with `client.auth.login(...)`, or give a `token`, the
    credentials of an OAuth app, or a `store` that tokens are read from and renewed in.
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
        """Call any operation by its name; the methods of the resources do this, with types."""
        return self._carry_out(self._flows.call(operation, dict(body), idempotency_key))

    def pages(self, operation: str, body: Mapping[str, Any]) -> Iterator[Any]:
        """Every item of a list that comes in pages."""
        rest: dict[str, Any] | None = dict(body)
        while rest is not None:
            items, rest = self._carry_out(self._flows.pages(operation, rest))
            yield from items

    def _carry_out(self, flow: Flow) -> Any:
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
        except httpx.RequestError as fault:
            return fault

    def close(self) -> None:
        self._http.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def __repr__(self) -> str:
        return f"Keel({self.url!r})"


class AsyncKeel(AsyncOperations):
    """The same for asyncio; safe to share among tasks."""

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
        """Call any operation by its name; the methods of the resources do this, with types."""
        return await self._carry_out(self._flows.call(operation, dict(body), idempotency_key))

    async def pages(self, operation: str, body: Mapping[str, Any]) -> AsyncIterator[Any]:
        """Every item of a list that comes in pages."""
        rest: dict[str, Any] | None = dict(body)
        while rest is not None:
            items, rest = await self._carry_out(self._flows.pages(operation, rest))
            for item in items:
                yield item

    async def _carry_out(self, flow: Flow) -> Any:
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
        except httpx.RequestError as fault:
            return fault

    async def aclose(self) -> None:
        await self._http.aclose()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.aclose()

    def __repr__(self) -> str:
        return f"AsyncKeel({self.url!r})"
