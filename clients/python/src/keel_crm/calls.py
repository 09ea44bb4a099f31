"""What the generated resource classes call: one operation, or all pages of a list."""

from collections.abc import AsyncIterator, Iterator, Mapping
from typing import Any, Protocol


class Calls(Protocol):
    def call(self, operation: str, body: Mapping[str, Any], *, idempotency_key: str | None = None) -> Any: ...

    def pages(self, operation: str, body: Mapping[str, Any]) -> Iterator[Any]: ...


class AsyncCalls(Protocol):
    async def call(self, operation: str, body: Mapping[str, Any], *, idempotency_key: str | None = None) -> Any: ...

    def pages(self, operation: str, body: Mapping[str, Any]) -> AsyncIterator[Any]: ...


class Resource:
    """The operations of one resource."""

    def __init__(self, calls: Calls) -> None:
        self._calls = calls


class AsyncResource:
    """The operations of one resource, for asyncio."""

    def __init__(self, calls: AsyncCalls) -> None:
        self._calls = calls
