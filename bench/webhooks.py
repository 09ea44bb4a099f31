"""Measure the time from a change to the first attempt of its webhook, on a local stack, over HTTP.

The commit is taken to be at the record's `updated_at`, which is minted before it: what is measured is a little more
than what is promised. The bursts of the tests, in a time of their own, say what AWS would make of them; these
figures are those of one machine that has to play AWS, Lambda's processes and the receivers at once.
"""

import json
import tempfile
import threading
import time
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

import urllib3

from keel import clock
from stack import Stack
from tests.conftest import GENEROUS
from tests.harness.dynamodb_local import free_port
from tests.webhooks.receivers import Receiver, running_receiver

CHANGES: Final = 200
WAITING: Final = 1_000

_WARMING: Final = 30
_PATIENCE_SECONDS: Final = 120


class _Account:
    """An account over HTTP."""

    def __init__(self, stack: Stack) -> None:
        self._pool, self._url, self._token = urllib3.PoolManager(retries=False, timeout=60), stack.url(), ""
        who = {"email": f"{uuid.uuid4().hex}@example.com", "password": "correct horse battery", "name": "Ada"}
        self._token = self.does("auth-register", **who)["access_token"]

    def does(self, operation: str, **body: Any) -> Any:
        headers = {"Authorization": f"Bearer {self._token}"} if self._token else {}
        response = self._pool.request("POST", f"{self._url}/api/{operation}", body=json.dumps(body), headers=headers)
        if response.status == 429:  # MiniStack is at its limit of functions
            time.sleep(0.1)
            return self.does(operation, **body)
        if response.status != 200:
            raise RuntimeError(response.data)
        return json.loads(response.data)["result"]

    def register(self, receiver: Receiver) -> None:
        self.does("webhooks-create", url=receiver.url, events=["contact.created", "contact.updated"])


def measure() -> list[dict[str, Any]]:
    with tempfile.TemporaryDirectory(prefix="keel-bench-") as folder, running_receiver() as receiver:
        stack = Stack(Path(folder), free_port(), GENEROUS)
        try:
            stack.start()
            stack.deploy()
            stack.warm()
            account = _Account(stack)
            account.register(receiver)
            _delays(account, receiver, _WARMING)
            rows = [
                _row("two changes at a time, the next after both arrived", _delays(account, receiver, CHANGES)),
                _row("as fast as one client writes", _delays(account, receiver, CHANGES, wait=False)),
            ]
            with _slow_receiver(stack):
                rows.append(_row(f"{WAITING:,} waiting at a receiver of 10 s", _delays(account, receiver, CHANGES)))
            return rows
        finally:
            stack.kill()


def _row(what: str, delays: list[float]) -> dict[str, Any]:
    ordered = sorted(delays)

    def at(part: float) -> float:
        return round(ordered[min(int(part * len(ordered)), len(ordered) - 1)], 2)

    figures = {"median": at(0.5), "95th percentile": at(0.95), "longest": at(1)}
    return {"seconds to the first attempt": what, "changes": len(ordered), **figures}


def _delays(account: _Account, receiver: Receiver, changes: int, *, wait: bool = True) -> list[float]:
    """Create and update contacts in turn. Returns the seconds from each change to its first attempt."""
    receiver.received.clear()
    for made in range(0, changes, 2):
        contact = account.does("contacts-create", first_name="Ann")
        account.does("contacts-update", id=contact["id"], last_name="Lee")
        if wait:
            _until(receiver, made + 2)
    _until(receiver, changes)
    payloads = [(json.loads(each.body), each.at) for each in receiver.received]
    return [at - clock.milliseconds(payload["timestamp"]) / 1_000 for payload, at in payloads]


def _until(receiver: Receiver, count: int) -> None:
    deadline = time.monotonic() + _PATIENCE_SECONDS
    while len(receiver.received) < count:
        if time.monotonic() > deadline:
            raise TimeoutError(f"{count - len(receiver.received)} changes did not arrive")
        time.sleep(0.005)


@contextmanager
def _slow_receiver(stack: Stack) -> Iterator[None]:
    """Give another account this many events at a receiver that takes ten seconds for each."""
    over = threading.Event()
    with running_receiver() as slow:
        slow.before_answer = lambda: over.wait(10)
        account = _Account(stack)
        account.register(slow)
        for _ in range(WAITING):
            account.does("contacts-create", first_name="Ann")
        yield
        over.set()
        for endpoint in account.does("webhooks-list")["items"]:
            account.does("webhooks-delete", id=endpoint["id"])
