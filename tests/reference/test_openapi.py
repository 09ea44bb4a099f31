"""Is the reference true? The document that is made from the code, and what is said beside it."""

from functools import cache
from typing import Any

import pytest
from jsonschema import Draft202012Validator
from openapi_spec_validator import OpenAPIV31SpecValidator

from keel.errors import CODES
from reference.document import document
from reference.errors import advice, page
from reference.operations import operations


@cache
def openapi() -> dict[str, Any]:
    return document()


def names() -> list[str]:
    return [path for path in openapi()["paths"] if path.startswith("/api/")]


def check(schema: dict[str, Any], value: Any) -> None:
    whole = schema | {"components": openapi()["components"]}  # where the references in it lead
    Draft202012Validator(whole, format_checker=Draft202012Validator.FORMAT_CHECKER).validate(value)


def test_the_document_is_valid_openapi() -> None:
    errors = [error.message[:300] for error in OpenAPIV31SpecValidator(openapi()).iter_errors()]
    assert errors == []


def test_every_operation_of_the_functions_is_in_the_document() -> None:
    declared = {described.name for described in operations()}
    assert declared >= {"auth-register", "contacts-create"}
    assert {path.removeprefix("/api/") for path in names()} == declared


@pytest.mark.parametrize("path", names())
def test_examples_are_what_the_schemas_describe(path: str) -> None:
    operation = openapi()["paths"][path]["post"]
    for media in (
        operation["requestBody"]["content"]["application/json"],
        operation["responses"]["200"]["content"]["application/json"],
    ):
        check(media["schema"], media["example"])


def test_every_code_has_its_advice() -> None:
    assert [entry.code for entry in advice()] == list(CODES)
    assert all(entry.when.endswith(".") and entry.do.endswith(".") for entry in advice())
    assert all(f'<a id="{code}"></a>' in page() for code in CODES)
