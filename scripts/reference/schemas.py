"""Convert the models of bodies and results to JSON Schemas for OpenAPI 3.1."""

import copy
import re
from typing import Any, Final

from pydantic import BaseModel

from keel.api.fields import Body

Schema = dict[str, Any]

REF: Final = "#/components/schemas/"
PRINTABLE_ASCII: Final = "^[ -~]*$"
BLANK_OR_EMAIL: Final = r"^\s*$|^\S+@\S+$"
# Null is rejected here: objects that an update merges, and a time that always has a value.
NEVER_CLEARED: Final = ("custom_fields", "metadata", "occurred_at")


class Schemas:
    """The component schemas, collected while the operations are described."""

    def __init__(self) -> None:
        self.components: dict[str, Schema] = {}
        self._originals: dict[str, Schema] = {}  # as they were before `limit`

    def result(self, model: type[BaseModel]) -> Schema:
        """A reference to the schema of a result."""
        schema = model.model_json_schema(mode="serialization", ref_template=REF + "{model}")
        for name, definition in schema.pop("$defs", {}).items():
            self._keep(name, _result(definition))
        name = re.sub(r"(\w+)\[(\w+)\]", r"\2\1", model.__name__)  # Page[Contact] is ContactPage
        self._keep(name, _result(schema))
        return {"$ref": REF + name}

    def body(self, name: str, model: type[Body], required: tuple[str, ...], create: tuple[str, ...]) -> Schema:
        """A reference to the schema of a body; `create` lists the fields that the create operation requires."""
        schema = model.model_json_schema(mode="validation", ref_template=REF + "{model}")
        for defined, definition in schema.pop("$defs", {}).items():
            self._keep(defined, _plain(definition))
        updates = name.endswith("-update")
        required = tuple(dict.fromkeys([*schema.get("required", []), *required]))
        properties = {}
        for field, field_schema in _plain(schema).get("properties", {}).items():
            properties[field] = _body_field(field, field_schema, updates, field in required, field in create)
        title = "".join(word.capitalize() for word in name.split("-")) + "Body"
        self._keep(
            title, {"type": "object", "properties": properties} | ({"required": list(required)} if required else {})
        )
        return {"$ref": REF + title}

    def explain(self, words: dict[str, str]) -> None:
        """Describe every field that has no description of its own by the text for its name."""
        for schema in self.components.values():
            for name, field in schema.get("properties", {}).items():
                if name in words and "description" not in field and "$ref" not in field:
                    field["description"] = words[name]

    def limit(self, schema: Schema, values: dict[str, list[str]]) -> None:
        """Restrict the fields with these names to their values, in a component and in those that it refers to."""
        target = self.components[schema["$ref"].removeprefix(REF)] if "$ref" in schema else schema
        for name, field in target.get("properties", {}).items():
            if name in values:
                target["properties"][name] = _one_of(field, values[name])
            elif "$ref" in field or "$ref" in field.get("items", {}):
                self.limit(field if "$ref" in field else field["items"], values)

    def _keep(self, name: str, schema: Schema) -> None:
        if self._originals.setdefault(name, schema) != schema:
            raise ValueError(f"two different models have the name {name}")
        self.components.setdefault(name, copy.deepcopy(schema))


def _plain(schema: Any) -> Any:
    """The schema without titles, and with `type: [X, "null"]` where pydantic writes `anyOf`."""
    if isinstance(schema, list):
        return [_plain(element) for element in schema]
    if not isinstance(schema, dict):
        return schema
    plain: Schema = {}
    for key, value in schema.items():
        if key == "properties":
            plain[key] = {name: _plain(element) for name, element in value.items()}
        elif key in ("default", "enum", "const", "examples", "example"):
            plain[key] = value
        elif key not in ("title", "description") or (key == "description" and "properties" not in schema):
            plain[key] = _plain(value)
    choice = plain.get("anyOf", [])
    if len(choice) == 2 and {"type": "null"} in choice:
        other = next(element for element in choice if element != {"type": "null"})
        if isinstance(other.get("type"), str):
            del plain["anyOf"]
            plain = plain | _nullable(other)
    return plain


def _one_of(schema: Schema, values: list[str]) -> Schema:
    if "items" in schema:
        return schema | {"items": {"type": "string", "enum": values}}
    rest = {name: value for name, value in schema.items() if name not in ("pattern", "maxLength", "default")}
    default = {"default": schema["default"]} if schema.get("default") in values else {}
    return rest | {"enum": [*values, None] if "null" in schema["type"] else values} | default


def _nullable(schema: Schema) -> Schema:
    if "const" in schema:
        schema = {key: value for key, value in schema.items() if key != "const"} | {"enum": [schema["const"]]}
    if "enum" in schema and None not in schema["enum"]:
        schema = schema | {"enum": [*schema["enum"], None]}
    kind = schema.get("type")
    if isinstance(kind, str):
        return schema | {"type": [kind, "null"]}
    if kind is None and ("$ref" in schema or "anyOf" in schema):
        rest = {key: value for key, value in schema.items() if key not in ("$ref", "anyOf")}
        choice = schema.get("anyOf") or [{"$ref": schema["$ref"]}]
        return rest | {"anyOf": [element for element in choice if element != {"type": "null"}] + [{"type": "null"}]}
    return schema


def _body_field(name: str, schema: Schema, updates: bool, required: bool, needed: bool) -> Schema:
    """A field of a body."""
    schema = _with_format(name, schema)
    if updates:
        schema.pop("default", None)
    if schema.get("format") == "email" and not required:
        schema.pop("format")
        schema |= {"pattern": BLANK_OR_EMAIL, "description": "An email address, or blank."}
    if required or needed:
        schema.pop("default", None)
        if schema.get("type") == "string" and "format" not in schema:
            schema |= {"pattern": r"\S"}
    rejects_null = required or (updates and (needed or name in NEVER_CLEARED or schema.get("type") == "boolean"))
    return schema if rejects_null else _nullable(schema)


def _result(schema: Schema) -> Schema:
    """The schema of a result: every field is present, and ids and times have a format."""
    schema = _plain(schema)
    if schema.get("type") == "object" and "properties" in schema:
        optional = set(schema.pop("optional", ()))
        properties = {name: _result_field(name, field) for name, field in schema["properties"].items()}
        return schema | {"properties": properties, "required": [name for name in properties if name not in optional]}
    return schema


def _result_field(name: str, schema: Schema) -> Schema:
    """A field of a result."""
    result = {key: value for key, value in schema.items() if key != "default"}
    if result.get("format") == "email":
        del result["format"]
        result |= {"pattern": BLANK_OR_EMAIL}
    if name in NEVER_CLEARED and isinstance(result.get("type"), list):
        result["type"] = result["type"][0]
    return _with_format(name, result)


def _with_format(name: str, schema: Schema) -> Schema:
    """The schema with the format that follows from the name of the field."""
    schema = dict(schema)
    kinds = schema.get("type")
    texts = kinds == "string" or (isinstance(kinds, list) and "string" in kinds)
    if texts and "format" not in schema and "enum" not in schema:
        if name != "client_id" and re.fullmatch(r"id|\w+_id|created_by|assigned_to", name):
            schema["format"] = "uuid"
        elif re.fullmatch(r"at|\w+_at", name):
            schema["format"] = "date-time"
        elif re.fullmatch(r"\w+_date", name):
            schema["format"] = "date"
    if name.endswith("_ids") and "items" in schema:
        schema["items"] = {"type": "string", "format": "uuid"}
    if name == "content_type":
        schema["pattern"] = PRINTABLE_ASCII
    return schema
