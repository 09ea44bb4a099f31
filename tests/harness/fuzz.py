"""Fuzz the API with Schemathesis, from the OpenAPI document."""

import json
import re
from collections.abc import Callable
from typing import Any, Final

import schemathesis
from hypothesis import HealthCheck, Phase, given, settings
from schemathesis import GenerationMode
from schemathesis.core.result import Ok
from schemathesis.specs.openapi import checks

import template

SCHEMA = schemathesis.openapi.from_dict(json.loads((template.ROOT / "openapi.json").read_text()))
OPERATIONS = {found.ok().path: found.ok() for found in SCHEMA.get_all_operations() if isinstance(found, Ok)}
# What the API does on purpose, by its contract: a method that is not POST is 404, not 405.
EXCLUDED: list[Any] = [checks.unsupported_method]
# Why it may refuse what the schema allows: for what is stored, and for what JSON Schema has no words for.
BEYOND_SCHEMAS: Final = re.compile(
    r"email_taken|invalid_company_id|invalid_source_id|invalid_assigned_to|invalid_custom_fields|missing_credentials"
    r"|entity_required|options_required|invalid_metadata|invalid_url|must be the id of|must be an email address"
    r"|must not contain the NUL|lone surrogate|form is malformed|Idempotency-Key was already used|cursor"
)
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
        beyond = [checks.positive_data_acceptance] if BEYOND_SCHEMAS.search(response.text) else []
        case.validate_response(response, excluded_checks=EXCLUDED + beyond, transport_kwargs={"timeout": SECONDS})

    one()
