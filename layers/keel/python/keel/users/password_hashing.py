"""Hash and verify passwords with argon2id, with the same work whether or not there is a hash to compare with."""

from functools import cache
from typing import Final

from argon2 import PasswordHasher
from argon2.exceptions import VerifyMismatchError

LONGEST: Final = 128

# What stands in for the hash of a user that does not exist; made with the same costs.
_NOBODYS: Final = "$argon2id$v=19$m=19456,t=2,p=1$StXuCX2RmEup8cTyB4ld4g$RWyfz8UpwzwfdAMRrPCQtTjZsy0NlG3bkY6gUHvJljY"


@cache
def hasher() -> PasswordHasher:
    # The least that OWASP's Password Storage Cheat Sheet asks of argon2id: 19 MiB, two passes, one lane.
    return PasswordHasher(time_cost=2, memory_cost=19_456, parallelism=1)


def hashed(password: str) -> str:
    return hasher().hash(password)


def verify(stored: str | None, password: str) -> bool:
    """Whether this is the password behind the hash; takes as long without a hash, and says no.

    A password longer than any is not hashed, so that nobody can send work of their choice.
    """
    fits = len(password) <= LONGEST
    try:
        hasher().verify(stored or _NOBODYS, password if fits else "")
    except VerifyMismatchError:
        return False
    return fits and stored is not None
