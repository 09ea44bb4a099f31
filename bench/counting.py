"""Count the DynamoDB calls and the items that they read, with botocore's events."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any


@dataclass
class Counted:
    calls: int = 0
    items: int = 0


_counted: list[Counted] = []


def attach() -> None:
    """Once, before anything is counted."""
    from keel.storage import clients

    clients.client("dynamodb").meta.events.register("after-call.dynamodb", _count)


def _count(parsed: dict[str, Any], **_rest: Any) -> None:
    for each in _counted:
        each.calls += 1
        each.items += len(parsed.get("Items", ())) + ("Item" in parsed)
        each.items += sum(len(found) for found in parsed.get("Responses", {}).values())


@contextmanager
def counting() -> Iterator[Counted]:
    counted = Counted()
    _counted.append(counted)
    try:
        yield counted
    finally:
        _counted.remove(counted)
