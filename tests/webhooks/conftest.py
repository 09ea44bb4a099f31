"""What do the tests of webhooks find besides? Receivers, and an account with an endpoint."""

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from typing import Any

import pytest

from tests.conftest import Call
from tests.harness.gateway import Session
from tests.webhooks.receivers import Receiver, receiver


@pytest.fixture(autouse=True)
def _exempt(setting: Callable[..., None]) -> None:
    setting(WEBHOOK_EXEMPT_HOSTS="127.0.0.1,localhost")


@pytest.fixture
def new_receiver() -> Iterator[Callable[[], Receiver]]:
    with ExitStack() as stack:
        yield lambda: stack.enter_context(receiver())


@pytest.fixture
def listening(new_receiver: Callable[[], Receiver]) -> Receiver:
    return new_receiver()


@pytest.fixture
def user(owner: Callable[..., Session]) -> Session:
    return owner()


class Registered:
    """An endpoint and its secret."""

    def __init__(self, answered: dict[str, Any]) -> None:
        self.secret: str = answered["secret"]
        self.shown: dict[str, Any] = answered["endpoint"]
        self.id: str = self.shown["id"]


@pytest.fixture
def register(call: Call, user: Session) -> Callable[..., Registered]:
    """`register(url, events=[…], session=…)`: an endpoint, by default for contact events."""

    def register(url: str, session: Session | None = None, **fields: Any) -> Registered:
        body = {"url": url, "events": ["contact.created", "contact.updated", "contact.deleted"], **fields}
        return Registered(call("webhooks-create", body, token=(session or user).token).result)

    return register
