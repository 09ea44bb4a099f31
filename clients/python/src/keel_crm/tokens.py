"""Which tokens does a client hold, and where are they kept?"""

import time
from collections.abc import Callable
from dataclasses import dataclass, field
from threading import Lock
from typing import Any, Final, Protocol, Self

_EARLY: Final = 30.0  # a token that ends while the request is on its way would cost another one


@dataclass(frozen=True)
class Tokens:
    """An access token, and what renews it; neither shows in a repr. `expires_at` is in Unix seconds."""

    access_token: str = field(repr=False)
    refresh_token: str = field(default="", repr=False)
    expires_at: float | None = None

    @classmethod
    def of(cls, result: dict[str, Any]) -> Self:
        """The tokens in what a sign-in answers."""
        expires_at = time.time() + result["expires_in"]
        return cls(result["access_token"], result.get("refresh_token", ""), expires_at)

    @property
    def ending(self) -> bool:
        return self.expires_at is not None and self.expires_at - _EARLY < time.time()


class TokenStore(Protocol):
    """Where tokens are kept. A refresh token works once, so all who share it must share the store."""

    def load(self) -> Tokens | None:
        """What is kept now."""

    def save(self, tokens: Tokens | None) -> None:
        """Keep these instead; `None` after signing out."""

    def acquire(self) -> bool:
        """Take the right to renew, without waiting; false while another has it."""

    def release(self) -> None:
        """Give it back."""


class MemoryTokens:
    """Tokens kept in this process; `saved` is called with each new state, to keep them elsewhere too."""

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
