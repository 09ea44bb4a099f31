"""Decide whether and when to retry a failed request."""

from dataclasses import dataclass
from secrets import SystemRandom
from typing import Final

from keel_crm.errors import KeelError, RateLimitError, ServerError, UnreachableError

_RANDOM: Final = SystemRandom()


@dataclass(frozen=True)
class Retries:
    """Exponential backoff with jitter.

    Attributes:
        attempts: how often to retry. 0 turns retries off.
        first_pause: seconds to wait before the first retry. The pause doubles with each retry.
        longest_pause: the longest pause. If the server asks for a longer one, the request is not retried.
    """

    attempts: int = 4
    first_pause: float = 0.5
    longest_pause: float = 30.0

    def pause(self, error: KeelError, attempt: int, *, repeatable: bool) -> float | None:
        """Seconds to wait before the next attempt, or `None` if the request must not be retried.

        `repeatable` means that executing the request twice is the same as executing it once. A request that was
        never sent, or that exceeded the rate limit, was not executed at all.
        """
        if attempt >= self.attempts:
            return None
        if isinstance(error, RateLimitError):
            return self._requested(error.retry_after, attempt)
        unsent = isinstance(error, UnreachableError) and not error.sent
        if unsent or (repeatable and isinstance(error, ServerError | UnreachableError)):
            return self._backoff(attempt)
        return None

    def _requested(self, retry_after: float | None, attempt: int) -> float | None:
        if retry_after is None:
            return self._backoff(attempt)
        if retry_after > self.longest_pause:
            return None
        # With jitter, so that clients that were rejected together do not all return together.
        return retry_after + _RANDOM.uniform(0, max(retry_after, self.first_pause) / 2)

    def _backoff(self, attempt: int) -> float:
        limit: float = min(self.longest_pause, self.first_pause * 2**attempt)
        return _RANDOM.uniform(limit / 2, limit)
