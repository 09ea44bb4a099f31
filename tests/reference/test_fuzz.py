"""Does the API keep to its document, whatever is sent? Schemathesis tries every operation."""

import json
from typing import Any

import pytest
import schemathesis
from hypothesis import HealthCheck, Phase, given, settings
from schemathesis.core.result import Ok
from schemathesis.specs.openapi import checks

import template
from keel.webhooks import targets

SCHEMA = schemathesis.openapi.from_dict(json.loads((template.ROOT / "openapi.json").read_text()))
OPERATIONS = {found.ok().path: found.ok() for found in SCHEMA.get_all_operations() if isinstance(found, Ok)}
# What the API does on purpose. A reference to nothing is 400 and bears its own code; a method that is not POST is
# 404; and a body is judged by more than its schema can say, an email by its parts and a limit by being cut.
EXAMPLES = 8
EXCLUDED: list[Any] = [checks.positive_data_acceptance, checks.unsupported_method, checks.negative_data_rejection]


def _no_such_name(*_: Any, **__: Any) -> list[Any]:
    raise OSError


@pytest.mark.parametrize("path", OPERATIONS)
def test_an_operation_answers_as_its_document_says(path, site, owner, monkeypatch):
    monkeypatch.setattr(targets, "resolver", _no_such_name)  # the tests ask no name server
    token = owner().token
    ends_session = path in ("/api/auth-logout", "/api/users-change-password")

    @settings(
        max_examples=EXAMPLES,
        deadline=None,
        suppress_health_check=list(HealthCheck),
        phases=[Phase.generate],
        derandomize=True,
        database=None,
    )
    @given(case=OPERATIONS[path].as_strategy())
    def attempt(case):
        headers = {"Authorization": f"Bearer {owner().token if ends_session else token}"}
        response = case.call(base_url=site, headers=headers)
        case.validate_response(response, excluded_checks=EXCLUDED)

    attempt()
