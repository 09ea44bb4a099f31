"""Fixtures for tests of lists: one account to fill and query."""

from collections.abc import Callable
from typing import Any

import pytest


@pytest.fixture
def ask(call: Any, owner: Any) -> Callable[..., Any]:
    """`ask("contacts-list", limit=5)` as the owner of an account of this test; fails where the call does."""
    ada = owner()

    def ask(operation: str, **body: Any) -> Any:
        answer = call(operation, body, token=ada.token)
        assert answer.status == 200, answer.body
        return answer.result

    return ask
