"""Does the API keep to its document, whatever is sent? Schemathesis makes the requests and judges the answers."""

import json
from collections.abc import Callable
from typing import Any

import schemathesis
from hypothesis import HealthCheck, Phase, given, settings
from schemathesis import GenerationMode
from schemathesis.core.result import Ok
from schemathesis.specs.openapi import checks

import template

SCHEMA = schemathesis.openapi.from_dict(json.loads((template.ROOT / "openapi.json").read_text()))
OPERATIONS = {found.ok().path: found.ok() for found in SCHEMA.get_all_operations() if isinstance(found, Ok)}
# What the API does on purpose, by its contract: a method that is not POST is 404, not 405; and a reference to a
# record that does not exist is 400 with a code of its own, which no schema can tell beforehand.
EXCLUDED: list[Any] = [checks.positive_data_acceptance, checks.unsupported_method]
SECONDS = 120  # the machine may have much else to do
ENDS_SESSIONS = ("/api/auth-logout", "/api/users-change-password")


def attempt(path: str, url: str, token: Callable[[], str], examples: int, mode: GenerationMode) -> None:
    """Try an operation with bodies that the document allows, or that it does not; raises what it finds."""
    usual = token()

    @settings(
        max_examples=examples,
        deadline=None,
        suppress_health_check=list(HealthCheck),
        phases=[Phase.generate],
        derandomize=True,
        database=None,
    )
    @given(case=OPERATIONS[path].as_strategy(generation_mode=mode))
    def one(case: Any) -> None:
        headers = {"Authorization": f"Bearer {token() if path in ENDS_SESSIONS else usual}"}
        response = case.call(base_url=url, headers=headers, timeout=SECONDS)
        case.validate_response(response, excluded_checks=EXCLUDED, transport_kwargs={"timeout": SECONDS})

    one()
