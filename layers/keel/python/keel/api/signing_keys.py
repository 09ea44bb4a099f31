"""Fetch and refresh the signing keys of this deployment from Secrets Manager.

The secret is JSON: `{"active": "k1", "k1": "<at least 32 characters>"}`. To rotate, add `k2` beside `k1`,
make it active, and remove `k1` when nothing signed with it is of use any more. Environments that are
warm see a change within `_REFRESH`, and at once when they meet a key id that they do not know. What cannot be
fetched is asked for again soon, and the keys in hand go on until then.
"""

import hashlib
import hmac
import json
from dataclasses import dataclass, replace
from typing import Final

from botocore.exceptions import BotoCoreError, ClientError

from keel import clock
from keel.logs import describe, logger
from keel.settings import settings
from keel.storage import clients

_REFRESH: Final = 5 * clock.MINUTE
_AT_MOST_EVERY: Final = 10 * clock.SECOND  # or forged key ids would make a call each


@dataclass(frozen=True)
class KeyRing:
    active: str
    keys: dict[str, bytes]
    asked_at: int
    is_old: bool = False  # it could not be fetched when it was last asked for

    def derive(self, purpose: str) -> list[bytes]:
        """A key of its own for each purpose, from each key of the ring, the active one first."""
        order = sorted(self.keys, key=lambda kid: kid != self.active)
        return [hmac.digest(self.keys[kid], purpose.encode(), hashlib.sha256) for kid in order]


_ring: KeyRing | None = None


def ring(*, knowing: str | None = None) -> KeyRing:
    """The keys; fetched again when they are old, or when `knowing` names one that is not among them."""
    global _ring
    now = clock.now()
    if _ring is None:
        _ring = _fetch(now)
        return _ring
    age = now - _ring.asked_at
    wanted = _ring.is_old or (knowing is not None and knowing not in _ring.keys)
    if age >= _REFRESH or (wanted and age >= _AT_MOST_EVERY):
        try:
            _ring = _fetch(now)
        except (BotoCoreError, ClientError, ValueError) as error:
            logger.error("the keys could not be fetched", **describe(error))
            _ring = replace(_ring, asked_at=now, is_old=True)
    return _ring


def _fetch(now: int) -> KeyRing:
    secret = clients.client("secretsmanager").get_secret_value(SecretId=settings().token_keys_secret)
    entries: dict[str, str] = json.loads(secret["SecretString"])
    active = entries.pop("active", "")
    if active not in entries or any(len(key) < 32 for key in entries.values()):
        raise ValueError("the secret of the token keys lacks its active key, or has a short one")
    return KeyRing(active, {kid: key.encode() for kid, key in entries.items()}, now)
