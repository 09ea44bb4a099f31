"""Test the two pages outside the envelope."""

import hashlib
import json
import re

import pytest

import vendor
from template import ROOT
from tests.harness.gateway import fresh_address, request_event

ASSETS = re.findall(r"docs\?asset=([\w.-]+)", (ROOT / "functions/api/pages/docs.html").read_text())


@pytest.fixture
def get(invoke):
    """What a GET of a path answers, as the handler gives it to the gateway."""

    def get(path, query=None):
        event = request_event(path, method="GET", address=fresh_address())
        return invoke("api", event | {"body": None, "queryStringParameters": query})

    return get


def header(answer, name):
    [value] = answer["multiValueHeaders"][name]
    return value


def test_the_document_is_served_outside_the_envelope(get):
    answer = get("/openapi.json")
    assert answer["statusCode"] == 200
    assert header(answer, "Content-Type") == "application/json"
    assert json.loads(answer["body"]) == json.loads((ROOT / "openapi.json").read_text())


def test_the_reference_loads_nothing_but_its_own_assets(get):
    answer = get("/docs")
    assert header(answer, "Content-Type").startswith("text/html")
    assert len(ASSETS) == 4
    assert "unsafe" not in header(answer, "Content-Security-Policy")
    assert header(answer, "Content-Security-Policy").startswith("default-src 'none'; script-src 'self'")
    assert not re.search(r"""(src|href)="(https?:|//|/)""", answer["body"])


@pytest.mark.parametrize("name", ASSETS)
def test_assets_are_served_as_what_they_are(get, name):
    answer = get("/docs", {"asset": name})
    assert answer["statusCode"] == 200
    assert header(answer, "Content-Type").startswith({"js": "text/javascript", "css": "text/css"}[name.split(".")[-1]])
    assert header(answer, "X-Content-Type-Options") == "nosniff"
    assert len(answer["body"].encode()) < 3_000_000  # the gateway takes 6 MB


@pytest.mark.parametrize("name", ["../app.py", "app.py", "/etc/passwd", "", "swagger-ui/LICENSE"])
def test_what_is_no_asset_is_not_found(get, name):
    answer = get("/docs", {"asset": name})
    assert answer["statusCode"] == 404
    assert json.loads(answer["body"])["error"]["code"] == "api.not_found"


@pytest.mark.parametrize("path", ["/docs", "/openapi.json"])
def test_pages_carry_the_request_id_and_are_there_for_get_alone(get, call, path):
    assert header(get(path), "X-Request-Id")
    for method in ("POST", "PUT", "DELETE", "HEAD"):
        assert call(path, method=method).code == "api.not_found"
    assert call(path, method="OPTIONS").body == {"ok": True, "result": {}}


@pytest.mark.parametrize("name", vendor.FILES)
def test_the_bundled_renderer_is_the_published_one(name):
    assert hashlib.sha256((vendor.FOLDER / name).read_bytes()).hexdigest() == vendor.FILES[name]
