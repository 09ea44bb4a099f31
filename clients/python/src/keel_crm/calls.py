"""What do the methods of a resource rest on? One call, and one walk through pages."""

from collections.abc import AsyncIterator, Iterator, Mapping
from typing import Any, Protocol


class Calls(Protocol):
    def call(self, operation: str, body: Mapping[str, Any], *, idempotency_key: str | None = None) -> Any: ...

    def pages(self, operation: str, body: Mapping[str, Any]) -> Iterator[Any]: ...


class AsyncCalls(Protocol):
    async def call(self, operation: str, body: Mapping[str, Any], *, idempotency_key: str | None = None) -> Any: ...

    def pages(self, operation: str, body: Mapping[str, Any]) -> AsyncIterator[Any]: ...


class Resource:
    """Operations that belong together."""

    def __init__(self, calls: Calls) -> None:
        self._calls = calls


class AsyncResource:
    """Operations that belong together, for asyncio."""

    def __init__(self, calls: AsyncCalls) -> None:
        self._calls = calls
