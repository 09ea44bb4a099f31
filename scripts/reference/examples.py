"""Example values for schemas."""

from typing import Any, Final

from reference.schemas import REF, Schema

ID: Final = "019aab3e-7a00-7c3e-9d5b-2f1c8e4a6b01"

# By field name. Other fields get a value of their type.
VALUES: Final[dict[str, Any]] = {
    "id": ID,
    "account_id": "019aab3e-79ff-7a10-8c4d-5e6f70819202",
    "created_by": "019aab3e-79ff-7b21-9d5e-6f7081920303",
    "company_id": "019aab3d-1c00-7e42-8b6a-7a8b9c0d1e04",
    "contact_id": "019aab3d-5e00-7f53-9c7b-8b9c0d1e2f05",
    "project_id": "019aab3d-9a00-7064-8d8c-9c0d1e2f3006",
    "endpoint_id": "019aab3c-4400-7175-9e9d-0d1e2f304107",
    "job_id": ID,
    "source_id": None,
    "assigned_to": None,
    "first_name": "Ada",
    "last_name": "Lovelace",
    "name": "Analytical Engines",
    "email": "ada@example.com",
    "phone": "+44 20 7946 0000",
    "company_name": "Analytical Engines",
    "domain": "engines.example",
    "website": "https://engines.example",
    "url": "https://hooks.example.com/keel",
    "signed_url": "https://…",
    "tags": ["vip"],
    "events": ["contact.created"],
    "event": "contact.created",
    "access_token": "eyJ…",
    "refresh_token": "kl_rt_…",
    "token_type": "Bearer",
    "client_id": "kl_ci_…",
    "client_secret": "kl_cs_…",
    "client_secret_prefix": "kl_cs_9f2",
    "secret": "whsec_…",
    "secret_prefix": "whsec_9f2",
    "next_cursor": "",
    "expires_in": 900,
    "file_name": "contacts.csv",
    "content_type": "text/csv",
    "custom_fields": {},
    "deactivated_at": None,
    "archived_at": None,
    "revoked_at": None,
    "error": None,
    "disabled_reason": None,
    "next_attempt_at": None,
    "completed_at": None,
    "status_code": 200,
    "duration_ms": 84,
    "contact_name": "Ada Lovelace",
    "project_name": "Difference engine",
}


def example(schema: Schema, components: dict[str, Schema], name: str = "") -> Any:
    """A plausible value that the schema allows."""
    if "$ref" in schema:
        return example(components[schema["$ref"].removeprefix(REF)], components, name)
    if "anyOf" in schema:
        return example(schema["anyOf"][0], components, name)
    if "const" in schema:
        return schema["const"]
    kinds = schema.get("type", "object")
    kind = kinds if isinstance(kinds, str) else kinds[0]
    if "enum" in schema:
        return schema["enum"][0]
    if name in VALUES and (VALUES[name] is not None or "null" in kinds):
        return VALUES[name]
    if kind == "object":
        return {field: example(value, components, field) for field, value in schema.get("properties", {}).items()}
    if kind == "array":
        return [example(schema["items"], components)] if "$ref" in schema.get("items", {}) else []
    return _scalar(schema, kind)


def _scalar(schema: Schema, kind: str) -> Any:
    if kind == "string":
        formats = {
            "uuid": ID,
            "date-time": "2026-06-01T12:00:00.000Z",
            "date": "2026-06-01",
            "email": "ada@example.com",
        }
        return formats.get(schema.get("format", ""), "")
    return {"integer": schema.get("minimum", 0), "number": 0, "boolean": True, "null": None}[kind]
