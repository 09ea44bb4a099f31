"""The tokens of a client, and where they are stored."""

import time
from collections.abc import Callable
from dataclasses import dataclass, field
from threading import Lock
from typing import Any, Final, Protocol, Self

_EARLY: Final = 30.0  # seconds. A token that expires in transit would cost another request


@dataclass(frozen=True)
class Tokens:
    """An access token and the refresh token that renews it. A repr shows neither. `expires_at` is in Unix seconds."""

    access_token: str = field(repr=False)
    refresh_token: str = field(default="", repr=False)
    expires_at: float | None = None

    @classmethod
    def of(cls, result: dict[str, Any]) -> Self:
        """The tokens in the result of a sign-in."""
        expires_at = time.time() + result["expires_in"]
        return cls(result["access_token"], result.get("refresh_token", ""), expires_at)

    @property
    def ending(self) -> bool:
        return self.expires_at is not None and self.expires_at - _EARLY < time.time()


class TokenStore(Protocol):
    """Stores tokens. A refresh token works once, so all clients that share a session must share its store."""

    def load(self) -> Tokens | None:
        """The stored tokens."""

    def save(self, tokens: Tokens | None) -> None:
        """Replace the stored tokens; `None` after signing out."""

    def acquire(self) -> bool:
        """Take the lock for renewing, without waiting. False if another client holds it."""

    def release(self) -> None:
        """Release the lock."""


class MemoryTokens:
    """Tokens in memory. `saved` is called with the new tokens after each change, to store them elsewhere."""

    def __init__(self, tokens: Tokens | None = None, saved: Callable[[Tokens | None], None] | None = None) -> None:
        self._tokens = tokens
        self._saved = saved
        self._lock = Lock()

    def load(self) -> Tokens | None:
        return self._tokens

    def save(self, tokens: Tokens | None) -> None:
        self._tokens = tokens
        if self._saved:
            self._saved(tokens)

    def acquire(self) -> bool:
        return self._lock.acquire(blocking=False)

    def release(self) -> None:
        self._lock.release()
