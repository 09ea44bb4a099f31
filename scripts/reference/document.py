"""Build the OpenAPI document: paths, security schemes, headers and error responses around the schemas."""

import itertools
import tomllib
from typing import Any, Final

import yaml

from keel.api.authorizer import Access
from reference.errors import Advice, advice
from reference.examples import example
from reference.operations import NOTES, Described, notes, operations
from reference.schemas import Schema, Schemas
from template import ROOT

PAGES: Final = {"name": "Reference", "description": "The two pages outside the envelope."}
JSON: Final = "application/json"
ALLOWANCE: Final = ("RateLimit-Limit", "RateLimit-Remaining", "RateLimit-Reset")

SECURITY: Final[dict[Access, list[dict[str, list[str]]]]] = {
    Access.PUBLIC: [],
    Access.ANYONE: [{"user": []}, {"app": []}],
    Access.USER: [{"user": []}],
    Access.OWNER: [{"user": []}],
}

HEADERS: Final = {
    "X-Request-Id": ("string", "Identifies the request in the logs."),
    "RateLimit-Limit": ("integer", "The burst: how many calls may be made at once."),
    "RateLimit-Remaining": ("integer", "The number of whole calls left."),
    "RateLimit-Reset": ("integer", "Seconds until the full burst is available again."),
    "Retry-After": ("integer", "Seconds to wait before the next call."),
}

FAILURE: Final[Schema] = {
    "type": "object",
    "required": ["ok", "error"],
    "properties": {
        "ok": {"const": False},
        "error": {
            "type": "object",
            "required": ["code", "message", "request_id"],
            "properties": {
                "code": {"type": "string"},
                "message": {"type": "string", "description": "For people. It may change."},
                "request_id": {"type": "string"},
                "details": {
                    "type": "array",
                    "description": "The invalid fields, if the error is about fields.",
                    "items": {
                        "type": "object",
                        "required": ["field", "message"],
                        "properties": {"field": {"type": "string"}, "message": {"type": "string"}},
                    },
                },
            },
        },
    },
}

KEY: Final = {
    "name": "Idempotency-Key",
    "in": "header",
    "required": False,
    "description": "Within 24 hours, a repeat with the same key and body returns the first response.",
    "schema": {"type": "string", "minLength": 1, "maxLength": 255},
}

SCHEMES: Final = {
    "user": {
        "type": "http",
        "scheme": "bearer",
        "description": "A user's access token, from auth-register, auth-login or auth-refresh-token.",
    },
    "app": {"type": "http", "scheme": "bearer", "description": "An app's access token, from oauth-token."},
}


class Failures:
    """The error responses. Operations that share one refer to the same component."""

    def __init__(self, errors: dict[str, Advice]) -> None:
        self.errors = errors
        self.responses: dict[str, dict[str, Any]] = {}

    def of(self, codes: list[str]) -> dict[str, Any]:
        """The error responses of an operation by status."""
        by_status: dict[int, list[str]] = {}
        for code in codes:
            by_status.setdefault(self.errors[code].status, []).append(code)
        return {
            str(status): {"$ref": f"#/components/responses/{self._kept(status, alike)}"}
            for status, alike in sorted(by_status.items())
        }

    def _kept(self, status: int, codes: list[str]) -> str:
        response = self._response(status, codes)
        for number in itertools.count(1):
            name = f"{status}-{codes[0]}" + (f"-{number}" if number > 1 else "")
            if self.responses.setdefault(name, response) == response:
                return name
        raise AssertionError

    def _response(self, status: int, codes: list[str]) -> dict[str, Any]:
        only = {"properties": {"error": {"properties": {"code": {"enum": codes}}}}}
        headers = {429: (*ALLOWANCE, "Retry-After"), 401: ()}.get(status, ALLOWANCE)
        return {
            "description": "\n".join(f"- [`{code}`](docs#error-{code}): {self.errors[code].when}" for code in codes),
            "headers": _headers(*headers),
            "content": {
                JSON: {
                    "schema": {"allOf": [{"$ref": "#/components/schemas/Failure"}, only]},
                    "examples": {code: {"$ref": f"#/components/examples/{code}"} for code in codes},
                }
            },
        }


def document() -> dict[str, Any]:
    """The content of openapi.json."""
    described, schemas = operations(), Schemas()
    errors = {entry.code: entry for entry in advice()}
    failures = Failures(errors)
    paths: dict[str, Any] = {}
    for operation in described:
        paths[f"/api/{operation.name}"] = {"post": _operation(operation, described, schemas, failures)}
    schemas.explain(yaml.safe_load((NOTES / "fields.yaml").read_text()))
    version = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["version"]
    resources = dict.fromkeys(operation.resource for operation in described)
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "Keel",
            "version": version,
            "summary": "The API of a CRM",
            "description": (NOTES / "guide.md").read_text(),
            "license": {"name": "MIT", "identifier": "MIT"},
        },
        "servers": [{"url": ".", "description": "The deployment that serves this document"}],
        "tags": [*(_tag(resource) for resource in resources), PAGES],
        "paths": paths | _pages(),
        "components": {
            "schemas": {"Failure": FAILURE} | dict(sorted(schemas.components.items())),
            "responses": dict(sorted(failures.responses.items())),
            "parameters": {"IdempotencyKey": KEY},
            "headers": {
                name: {"description": text, "schema": {"type": kind}} for name, (kind, text) in HEADERS.items()
            },
            "examples": {entry.code: _failed(entry) for entry in errors.values()},
            "securitySchemes": SCHEMES,
        },
        "x-errors": [vars(entry) for entry in errors.values()],
    }


def _tag(resource: str) -> dict[str, str]:
    said = notes(resource)
    return {"name": said["title"]} | ({"description": said["description"]} if "description" in said else {})


def _operation(
    described: Described, everything: list[Described], schemas: Schemas, failures: Failures
) -> dict[str, Any]:
    operation, said = described.operation, described.notes
    create = next((other.required for other in everything if _creates(other, described)), ())
    body = schemas.body(operation.name, operation.schema, described.required, create)
    result = schemas.result(operation.result) if operation.result else {"type": "object"}
    for schema in (body, result):
        schemas.limit(schema, notes(described.resource).get("values", {}))
    media = {
        "schema": body,
        "example": said.get("example") or example(_required_part(body, schemas), schemas.components),
    }
    described_operation = {
        "operationId": operation.name,
        "tags": [notes(described.resource)["title"]],
        "summary": said.get("summary", operation.name),
        "description": "\n\n".join(filter(None, [said.get("description", ""), _order(described)])),
        "security": SECURITY[operation.access],
        "requestBody": {
            "required": bool(described.required),
            "content": {JSON: media} | ({"application/x-www-form-urlencoded": media} if described.form else {}),
        },
        "responses": {"200": _success(described, result, schemas)} | failures.of(described.codes),
    }
    if operation.idempotent:
        described_operation["parameters"] = [{"$ref": "#/components/parameters/IdempotencyKey"}]
    return described_operation


def _creates(other: Described, described: Described) -> bool:
    return other.name == described.name.removesuffix("-update") + "-create"


def _required_part(body: Schema, schemas: Schemas) -> Schema:
    """The schema of the required fields of a body."""
    schema = schemas.components[body["$ref"].rpartition("/")[2]]
    required = schema.get("required", [])
    return {"type": "object", "properties": {name: schema["properties"][name] for name in required}}


def _order(described: Described) -> str:
    own = described.notes.get("codes", [])
    return "Checked in this order: " + ", ".join(f"`{code}`" for code in own) + "." if own else ""


def _headers(*names: str) -> dict[str, Any]:
    return {name: {"$ref": f"#/components/headers/{name}"} for name in ("X-Request-Id", *names)}


def _success(described: Described, result: Schema, schemas: Schemas) -> dict[str, Any]:
    schema = {"type": "object", "required": ["ok", "result"], "properties": {"ok": {"const": True}, "result": result}}
    example_response = {"ok": True, "result": example(result, schemas.components) | described.notes.get("response", {})}
    content = {JSON: {"schema": schema, "example": example_response}}
    return {"description": "Success.", "headers": _headers(*ALLOWANCE), "content": content}


def _failed(entry: Advice) -> dict[str, Any]:
    error = {"code": entry.code, "message": entry.message, "request_id": "4f7c1f0e-7d0e-4a54-9a53-0c6e6f1a2b3c"}
    return {"summary": entry.when, "value": {"ok": False, "error": error}}


def _pages() -> dict[str, Any]:
    """The two pages outside the envelope."""
    shown = {
        "/openapi.json": ("This document", JSON, {"type": "object"}),
        "/docs": ("The API reference", "text/html", {"type": "string"}),
    }
    return {
        path: {
            "get": {
                "operationId": path.strip("/"),
                "tags": [PAGES["name"]],
                "summary": summary,
                "description": "This response has no envelope.",
                "security": [],
                "responses": {
                    "200": {"description": summary, "headers": _headers(), "content": {media: {"schema": schema}}}
                },
            }
        }
        for path, (summary, media, schema) in shown.items()
    }
