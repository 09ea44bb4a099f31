"""Was this command carried out before? The record behind `Idempotency-Key`.

The record is written in the transaction that carries the command out: there is no instant at which one
exists without the other, whatever dies. It keeps the answer for 24 hours, and only successes are kept.
"""

import hashlib
import json
from dataclasses import dataclass
from typing import Any, Final

from keel import clock
from keel.api.authorizer import Caller
from keel.errors import ApiError
from keel.storage import legacy_table as table
from keel.storage.legacy_table import Item, Key, Write

_KEPT: Final = clock.DAY
KEY_LENGTH: Final = 255


class IdempotentReplay(Exception):
    """The command was carried out already; `answer` is what it answered."""

    def __init__(self, answer: Any) -> None:
        self.answer = answer
        super().__init__("replay")


@dataclass(frozen=True)
class IdempotencyRecord:
    """A command under its key: at most one by this caller is ever carried out."""

    key: Key
    digest: str
    mismatch: ApiError

    @classmethod
    def of(cls, caller: Caller, operation: str, header: str, body: Any, mismatch: ApiError) -> "IdempotencyRecord":
        """`body` is the parsed body; `mismatch` answers a key that came with another one."""
        pk = table.partition(caller.account_id, "idempotency")
        hashed = hashlib.sha256(header.encode()).hexdigest()
        return cls(Key(pk, f"{caller.id}#{operation}#{hashed}"), _digest(body), mismatch)

    def replay(self) -> None:
        """Raise `IdempotentReplay` when the command was carried out already."""
        item = table.get(self.key)
        if item is not None and item["expires"] > clock.now():
            raise self._repeated(item)

    def keep(self, answer: Any) -> Write:
        """The write, first in the command's transaction, that makes it happen at most once."""
        now = clock.now()
        item = {
            "pk": self.key.pk,
            "sk": self.key.sk,
            "kind": "idempotency",
            "digest": self.digest,
            # Escaped, a large record's text would be three times as long and too much for an item.
            "answer": json.dumps(answer, ensure_ascii=False, separators=(",", ":")),
            "expires": now + _KEPT,
            "ttl": (now + _KEPT) // 1_000 + 1,
        }
        unused = "attribute_not_exists(pk) OR #expires <= :now"
        return table.put(item, unused, failed=self._repeated, now=now)

    def _repeated(self, item: Item | None) -> Exception:
        if item is None or item["digest"] != self.digest:
            return self.mismatch
        return IdempotentReplay(json.loads(item["answer"]))


def _digest(body: Any) -> str:
    """The same for bodies that are the same JSON value, however they were written."""
    canonical = json.dumps(_plain(body), sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(canonical.encode()).hexdigest()


def _plain(value: Any) -> Any:
    """1.0 and 1 are the same JSON number."""
    if isinstance(value, dict):
        return {name: _plain(element) for name, element in value.items()}
    if isinstance(value, list):
        return [_plain(element) for element in value]
    if isinstance(value, float) and value.is_integer():
        return int(value)
    return value
