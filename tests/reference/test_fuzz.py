"""Fuzz the real handlers on this machine."""

from typing import Any

import pytest
from schemathesis import GenerationMode

from keel.webhooks import url_policy
from tests.harness.fuzz import OPERATIONS, attempt


def _no_such_name(*_: Any, **__: Any) -> list[Any]:
    raise OSError


@pytest.mark.parametrize("path", [path for path in OPERATIONS if path.startswith("/api/")])
@pytest.mark.parametrize("mode", GenerationMode, ids=lambda mode: mode.value)
def test_an_operation_answers_as_its_document_says(path, mode, site, owner, monkeypatch):
    monkeypatch.setattr(url_policy, "resolver", _no_such_name)  # the tests ask no name server
    attempt(path, site, lambda: owner().token, examples=3, mode=mode)
