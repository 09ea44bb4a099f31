"""Should a failed request be sent again, and when?"""

from dataclasses import dataclass
from secrets import SystemRandom
from typing import Final

from keel_crm.errors import KeelError, RateLimitError, ServerError, UnreachableError

_RANDOM: Final = SystemRandom()


@dataclass(frozen=True)
class Retries:
    """At most `attempts` further tries; a pause grows from `first_pause` and is never over `longest_pause`,
    in seconds. A server that asks for a longer one is not asked again."""

    attempts: int = 4
    first_pause: float = 0.5
    longest_pause: float = 30.0

    def pause(self, error: KeelError, attempt: int, *, repeatable: bool) -> float | None:
        """Seconds to wait before the next try; `None` when there must be none.

        `repeatable` tells that carrying the request out twice is as good as once. What was refused for its
        rate, or never sent, was not carried out at all.
        """
        if attempt >= self.attempts:
            return None
        if isinstance(error, RateLimitError):
            return self._told(error.retry_after, attempt)
        unsent = isinstance(error, UnreachableError) and not error.sent
        if unsent or (repeatable and isinstance(error, ServerError | UnreachableError)):
            return self._growing(attempt)
        return None

    def _told(self, retry_after: float | None, attempt: int) -> float | None:
        if retry_after is None:
            return self._growing(attempt)
        if retry_after > self.longest_pause:
            return None
        # Later by a part at random: those who were refused together do not all come back together.
        return retry_after + _RANDOM.uniform(0, max(retry_after, self.first_pause) / 2)

    def _growing(self, attempt: int) -> float:
        limit: float = min(self.longest_pause, self.first_pause * 2**attempt)
        return _RANDOM.uniform(limit / 2, limit)
