"""Call every operation of the deployed system as the OpenAPI document describes it."""

import json

import pytest
from schemathesis import GenerationMode

import template
from tests.harness.fuzz import OPERATIONS, attempt

pytestmark = pytest.mark.e2e


@pytest.mark.parametrize("path", OPERATIONS)
def test_a_deployed_operation_answers_as_its_document_says(path, stack, owner):
    attempt(path, stack.url(), lambda: owner().token, examples=1, mode=GenerationMode.POSITIVE)


def test_the_deployed_document_is_the_one_that_is_kept(call):
    answer = call("/openapi.json", method="GET")
    assert answer.body == json.loads((template.ROOT / "openapi.json").read_text())


def test_the_deployed_reference_is_whole(call):
    page = call("/docs", method="GET")
    assert page.headers["Content-Security-Policy"].startswith("default-src 'none'; script-src 'self'")
    bundle = (template.ROOT / "functions/api/pages/swagger-ui/swagger-ui-bundle.js").read_bytes()
    assert call("/docs?asset=swagger-ui-bundle.js", method="GET").body == bundle
