"""Idempotency keys: the response of a request is stored in the transaction of its change.

The change and its idempotency record exist together or not at all, wherever a function dies. A record holds the
response for 24 hours. Only successful responses are stored.
"""

import hashlib
import json
from dataclasses import dataclass
from typing import Any, Final

from pynamodb.attributes import UnicodeAttribute

from keel import clock
from keel.api.authorizer import Caller
from keel.errors import ApiError
from keel.storage import table
from keel.storage.attribute_types import IntegerAttribute
from keel.storage.models import Item, Key
from keel.storage.table import Write

_KEPT: Final = clock.DAY
KEY_LENGTH: Final = 255


class IdempotentReplay(Exception):
    """The request has been carried out before. `response` is its result."""

    def __init__(self, response: Any) -> None:
        self.response = response
        super().__init__("replay")


class IdempotencyRecord(Item, discriminator="idempotency"):
    """The result of a request: `<account>#idempotency`, `<caller>#<operation>#<hash of the key>`."""

    digest = UnicodeAttribute()  # of the body
    answer = UnicodeAttribute()  # the result, as JSON
    expires = IntegerAttribute()  # in milliseconds
    ttl = IntegerAttribute()


@dataclass(frozen=True)
class IdempotentRequest:
    """A request with an Idempotency-Key. It is carried out at most once for its caller and operation."""

    key: Key
    digest: str
    mismatch: ApiError

    @classmethod
    def of(cls, caller: Caller, operation: str, header: str, body: Any, mismatch: ApiError) -> "IdempotentRequest":
        """`body` is the parsed body. `mismatch` is the error for a key that was sent with another body before."""
        pk = table.partition(caller.account_id, "idempotency")
        hashed = hashlib.sha256(header.encode()).hexdigest()
        return cls(Key(pk, f"{caller.id}#{operation}#{hashed}"), _digest(body), mismatch)

    def raise_if_repeated(self) -> None:
        """Raise `IdempotentReplay` if the request has been carried out before, and `mismatch` for another body."""
        record = table.get(IdempotencyRecord, self.key)
        if record is not None and record.expires > clock.now():
            raise self._repeated(record)

    def record(self, result: Any) -> Write:
        """The write that stores the result. It must come first in the transaction of the change."""
        now = clock.now()
        record = IdempotencyRecord(
            *self.key,
            digest=self.digest,
            # Escaped, the text of a large record would be three times as long, and too long for an item.
            answer=json.dumps(result, ensure_ascii=False, separators=(",", ":")),
            expires=now + _KEPT,
            ttl=(now + _KEPT) // clock.SECOND + 1,
        )
        is_unused = IdempotencyRecord.pk.does_not_exist() | (IdempotencyRecord.expires <= now)
        return table.put(record, is_unused, on_failure=self._repeated)

    def _repeated(self, record: IdempotencyRecord | None) -> Exception:
        if record is None or record.digest != self.digest:
            return self.mismatch
        return IdempotentReplay(json.loads(record.answer))


def _digest(body: Any) -> str:
    """The same for all spellings of one JSON value."""
    canonical = json.dumps(_plain(body), sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(canonical.encode()).hexdigest()


def _plain(value: Any) -> Any:
    """The value with 1.0 as 1: they are the same JSON number."""
    if isinstance(value, dict):
        return {name: _plain(element) for name, element in value.items()}
    if isinstance(value, list):
        return [_plain(element) for element in value]
    if isinstance(value, float) and value.is_integer():
        return int(value)
    return value
