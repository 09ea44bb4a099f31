"""Test the OpenAPI document that is generated from the code."""

from functools import cache
from typing import Any

import pytest
import yaml
from jsonschema import Draft202012Validator
from openapi_spec_validator import OpenAPIV31SpecValidator

from keel.errors import CODES
from openapi import stale
from reference.document import document
from reference.errors import advice, page
from reference.operations import NOTES, operations


@cache
def written() -> dict[str, Any]:
    return document()


def names() -> list[str]:
    return [path for path in written()["paths"] if path.startswith("/api/")]


def check(schema: dict[str, Any], value: Any) -> None:
    whole = schema | {"components": written()["components"]}  # where the references in it lead
    Draft202012Validator(whole, format_checker=Draft202012Validator.FORMAT_CHECKER).validate(value)


def test_the_document_is_valid_openapi() -> None:
    errors = [error.message[:300] for error in OpenAPIV31SpecValidator(written()).iter_errors()]
    assert errors == []


def test_every_operation_of_the_functions_is_in_the_document() -> None:
    declared = {described.name for described in operations()}
    assert declared >= {"auth-register", "contacts-create"}
    assert {path.removeprefix("/api/") for path in names()} == declared


@pytest.mark.parametrize("path", names())
def test_examples_are_what_the_schemas_describe(path: str) -> None:
    operation = written()["paths"][path]["post"]
    for media in (
        operation["requestBody"]["content"]["application/json"],
        operation["responses"]["200"]["content"]["application/json"],
    ):
        check(media["schema"], media["example"])


def test_what_is_kept_is_what_the_code_says() -> None:
    assert stale() == [], "run make openapi"


def test_every_operation_says_what_it_takes_and_answers() -> None:
    for described in operations():
        assert described.notes.get("summary"), described.name
        assert described.operation.result is not None, described.name


def test_nothing_is_said_of_operations_that_are_not_there() -> None:
    declared = {described.name for described in operations()}
    said = [name for path in NOTES.glob("*.yaml") for name in yaml.safe_load(path.read_text()).get("operations", ())]
    assert set(said) == declared


def test_every_code_has_its_advice() -> None:
    assert [entry.code for entry in advice()] == list(CODES)
    assert all(entry.when.endswith(".") and entry.do.endswith(".") for entry in advice())
    assert all(f'<a id="{code}"></a>' in page() for code in CODES)
