"""Validate every response in the tests against openapi.json."""

import json
from functools import cache
from typing import Any

import jsonschema_rs

import template

ADVICE = "either the answer is wrong, or its model, or the codes in docs/reference; then run scripts/openapi.py"


@cache
def openapi() -> dict[str, Any]:
    document: dict[str, Any] = json.loads((template.ROOT / "openapi.json").read_text())
    return document


@cache
def validator(operation: str, status: int) -> jsonschema_rs.Draft202012Validator:
    whole = openapi()
    response = whole["paths"][f"/api/{operation}"]["post"]["responses"].get(str(status))
    assert response is not None, f"{operation} is not said to answer {status}: {ADVICE}"
    if "$ref" in response:
        response = whole["components"]["responses"][response["$ref"].rpartition("/")[2]]
    schema = response["content"]["application/json"]["schema"] | {"components": whole["components"]}
    return jsonschema_rs.Draft202012Validator(schema, validate_formats=True)


def hold(operation: str, status: int, body: Any) -> None:
    """Raise where an answer of an operation is not what the reference says."""
    if f"/api/{operation}" not in openapi()["paths"]:
        return
    errors = validator(operation, status).iter_errors(body)
    found = [f"{list(error.instance_path)}: {error.message[:200]}" for error in errors]
    assert not found, f"{operation} answered {status}, against openapi.json: {found}; {ADVICE}"
