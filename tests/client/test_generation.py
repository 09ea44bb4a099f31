"""Test that the generated types match the OpenAPI document."""

import re
from typing import Any

import client


def operation(body: dict[str, Any], result: dict[str, Any], **more: Any) -> dict[str, Any]:
    envelope = {"type": "object", "properties": {"ok": {"const": True}, "result": result}}
    return {
        "post": {
            "summary": "Do it",
            "requestBody": {"content": {"application/json": {"schema": body}}},
            "responses": {"200": {"content": {"application/json": {"schema": envelope}}}},
            **more,
        }
    }


def made(paths: dict[str, Any], schemas: dict[str, Any] | None = None) -> dict[str, str]:
    """The modules made from these operations, by name, on one line each."""
    document = {"security": [{"user": []}], "paths": paths, "components": {"schemas": schemas or {}}}
    modules = client.generate(document).items()
    return {place.rpartition("/")[2]: re.sub(r"\s+", " ", text) for place, text in modules}


TEXT = {"type": "string"}
THING = {"type": "object", "required": ["id"], "properties": {"id": TEXT, "note": TEXT}}
NULLABLE = {"anyOf": [TEXT, {"type": "null"}]}


def test_fields_have_the_types_of_their_schemas() -> None:
    fields = {
        "name": TEXT,
        "count": {"type": ["integer", "null"]},
        "share": {"type": "number"},
        "tags": {"type": "array", "items": TEXT},
        "at": {"type": ["string", "null"], "format": "date-time"},
        "stage": {"type": "string", "enum": ["open", "done"]},
        "free": {"type": "object"},
        "counts": {"type": "object", "additionalProperties": {"type": "integer"}},
    }
    body = {"type": "object", "required": ["name"], "properties": fields}
    models = made({"/api/things-create": operation(body, {"type": "object"})})["models.py"]
    assert (
        "class ThingsCreateFields(TypedDict, total=False): name: Required[str] count: int | None share: float "
        'tags: list[str] at: datetime | str | None stage: Literal["open", "done"] '
        "free: dict[str, Any] counts: dict[str, int]"
    ) in models


def test_a_result_is_the_class_that_the_document_names() -> None:
    path = {"/api/things-get": operation({"type": "object"}, {"$ref": "#/components/schemas/Thing"})}
    modules = made(path, {"Thing": THING})
    assert "class Thing(TypedDict): id: str note: NotRequired[str]" in modules["models.py"]
    assert "def get(self) -> models.Thing:" in modules["resources.py"]
    assert "async def get(self) -> models.Thing:" in modules["resources.py"]


def test_an_id_comes_first_and_an_update_can_clear_every_field() -> None:
    body = {"type": "object", "properties": {"id": TEXT, "name": TEXT, "note": NULLABLE}}
    modules = made({"/api/things-update": operation(body, THING)})
    assert "name: str | None note: str | None" in modules["models.py"]
    assert "(self, id: str, **fields: Unpack[models." in modules["resources.py"]


def test_what_the_core_needs_to_know_is_told() -> None:
    key = {"name": "Idempotency-Key", "in": "header"}
    page = {"type": "object", "properties": {"items": {"type": "array", "items": THING}, "next_cursor": TEXT}}
    modules = made(
        {
            "/api/things-create": operation({}, THING, parameters=[key]),
            "/api/things-list": operation({"properties": {"cursor": TEXT}}, page),
            "/api/things-update": operation({}, THING),
            "/api/auth-login": operation({}, THING, security=[]),
            "/docs": {"get": {}},
        }
    )
    told = modules["operations.py"]
    assert '"things-create", "things", "create", "Do it.", idempotent=True, repeatable=True' in told
    assert '"things-list", "things", "list", "Do it.", repeatable=True, paged=True' in told
    assert 'Operation("things-update", "things", "update", "Do it.", fields=())' in told
    assert '"auth-login", "auth", "login", "Do it.", public=True' in told
    assert "docs" not in told
    assert "def iterate(self, **fields: Unpack[models.ThingsListFields]) -> Iterator[" in modules["resources.py"]


def test_names_of_more_than_one_word_are_split_after_the_resource() -> None:
    told = made({"/api/oauth-apps-rotate-secret": operation({}, THING)})["operations.py"]
    assert '"oauth-apps-rotate-secret", "oauth_apps", "rotate_secret"' in told
