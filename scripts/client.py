"""What are the Python client's types and methods? Made from the OpenAPI document by scripts/openapi.py."""

import re
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, Final

ROOT = Path(__file__).parent.parent
PACKAGE = "clients/python/src/keel_crm"

Schema = dict[str, Any]

# Resources of more than one word: the rest of an operation's name is the method.
COMPOUND: Final = ("activity-schemas", "custom-fields", "oauth-apps", "projects-contacts")
READS: Final = ("list", "get", "me", "errors", "errors_file", "deliveries")
HEADER: Final = "Made by make openapi; not to be edited."
KINDS: Final = {"string": "text", "integer": "integer", "number": "number", "boolean": "boolean"}
PLAIN: Final = {"string": "str", "integer": "int", "number": "float", "boolean": "bool", "null": "None"}


class Document:
    """An OpenAPI document."""

    def __init__(self, content: dict[str, Any]) -> None:
        self.content = content

    def resolve(self, found: Schema) -> Schema:
        while "$ref" in found:
            target: Any = self.content
            for part in found["$ref"].removeprefix("#/").split("/"):
                target = target[part]
            found = target
        return found

    @cached_property
    def operations(self) -> list["Source"]:
        return [
            Source(self, path.removeprefix("/api/"), methods["post"])
            for path, methods in self.content["paths"].items()
            if path.startswith("/api/")
        ]


@dataclass(frozen=True)
class Source:
    """One operation as the document describes it."""

    document: Document
    name: str
    content: dict[str, Any]

    @property
    def resource(self) -> str:
        compound = next((each for each in COMPOUND if self.name.startswith(f"{each}-")), None)
        return (compound or self.name.partition("-")[0]).replace("-", "_")

    @property
    def method(self) -> str:
        return self.name.replace("-", "_").removeprefix(f"{self.resource}_")

    @cached_property
    def body(self) -> dict[str, Schema]:
        """Its fields, each with its schema."""
        found: dict[str, Schema] = self._body.get("properties", {})
        return found

    @property
    def required(self) -> list[str]:
        found: list[str] = self._body.get("required", [])
        return found

    @property
    def _body(self) -> Schema:
        content = self.document.resolve(self.content.get("requestBody", {})).get("content", {})
        return self.document.resolve(content.get("application/json", {}).get("schema", {}))

    @cached_property
    def result(self) -> Schema:
        answer = self.document.resolve(self.content["responses"]["200"])
        envelope = self.document.resolve(answer["content"]["application/json"]["schema"])
        found: Schema = envelope["properties"]["result"]
        return found

    @property
    def public(self) -> bool:
        return self.content.get("security", self.document.content.get("security")) in ([], [{}])

    @property
    def idempotent(self) -> bool:
        parameters = [self.document.resolve(each) for each in self.content.get("parameters", [])]
        return any(each["name"].lower() == "idempotency-key" for each in parameters)

    @property
    def paged(self) -> bool:
        return "cursor" in self.body

    @property
    def item(self) -> Schema:
        """What a list is a list of."""
        found: Schema = self.document.resolve(self.result)["properties"]["items"]["items"]
        return found

    @property
    def takes(self) -> str:
        """The name of the type of its fields, all but the id."""
        return "".join(word.capitalize() for word in re.split("[-_]", self.name)) + "Fields"

    @property
    def summary(self) -> str:
        text = str(self.content.get("summary") or self.name)
        return text.rstrip(".") + "."


class Types:
    """Python's types for the document's schemas; the classes that they need are collected by name."""

    def __init__(self, document: Document) -> None:
        self.document = document
        self.classes: dict[str, str] = {}

    def of(self, found: Schema, name: str) -> str:
        """`name` is for an object that the document gives none."""
        if "$ref" in found:
            return self.of(self.document.resolve(found), found["$ref"].rpartition("/")[2])
        if "const" in found:
            return f"Literal[{found['const']!r}]"
        if "enum" in found:
            options = ", ".join(repr(each) for each in found["enum"])
            return f"Literal[{options}]"
        choices = found.get("anyOf") or found.get("oneOf") or found.get("allOf")
        if choices:
            return _union(self.of(each, name) for each in choices)
        kind = found.get("type")
        if isinstance(kind, list):
            return _union(self.of(found | {"type": each}, name) for each in kind)
        if kind == "array":
            return f"list[{self.of(found.get('items', {}), f'{name}Item')}]"
        if kind == "object":
            return self._object(found, name)
        return PLAIN.get(kind or "", "Any")

    def _object(self, found: Schema, name: str) -> str:
        if not found.get("properties"):
            values = found.get("additionalProperties")
            inner = self.of(values, f"{name}Value") if isinstance(values, dict) and values else "Any"
            return f"dict[str, {inner}]"
        if name not in self.classes:
            required = found.get("required", [])
            lines = [f"class {name}(TypedDict):"]
            for field, schema in found["properties"].items():
                of_field = self.of(schema, name + "".join(word.capitalize() for word in field.split("_")))
                lines.append(f"    {field}: {of_field if field in required else f'NotRequired[{of_field}]'}")
            self.classes[name] = "\n".join(lines)  # after those that its fields name
        return name

    def qualified(self, text: str) -> str:
        """A type as another module names it."""
        return re.sub(r"\w+", lambda word: f"models.{word[0]}" if word[0] in self.classes else word[0], text)

    def fields(self, source: Source) -> str | None:
        """The class of an operation's fields but the id; `None` when there is none."""
        lines = [f"class {source.takes}(TypedDict, total=False):"]
        for field, schema in source.body.items():
            if field == "id":
                continue
            of_field = self.of(schema, source.takes + "".join(word.capitalize() for word in field.split("_")))
            if schema.get("format") == "date-time":
                of_field = _union(["datetime", of_field])  # which is sent as the API has it
            if source.method == "update":
                of_field = _union([of_field, "None"])
            lines.append(f"    {field}: {f'Required[{of_field}]' if field in source.required else of_field}")
        if len(lines) == 1:
            return None
        self.classes[source.takes] = "\n".join(lines)
        return source.takes


def _union(types: Iterator[str] | list[str]) -> str:
    parts = dict.fromkeys(part for each in types for part in each.split(" | "))
    return "Any" if "Any" in parts else " | ".join(parts)


def operation_line(source: Source) -> str:
    flags = {
        "public": source.public,
        "idempotent": source.idempotent,
        "repeatable": source.idempotent or source.method in READS,
        "paged": source.paged,
    }
    given = "".join(f", {name}=True" for name, holds in flags.items() if holds)
    fields = "".join(field_line(source, name, schema) + ", " for name, schema in source.body.items())
    named = f"{source.name!r}, {source.resource!r}, {source.method!r}, {source.summary!r}"
    return f"Operation({named}{given}, fields=({fields})),"


def field_line(source: Source, name: str, schema: Schema) -> str:
    kind, choices = kind_of(source.document, schema)
    given = f", choices={choices!r}" if choices else ""
    required = ", required=True" if name in source.required or name == "id" else ""
    return f"Field({name!r}, {kind!r}{given}{required})"


def kind_of(document: Document, schema: Schema) -> tuple[str, tuple[str, ...]]:
    """How a shell would give a value: the kind of a field, and its choices."""
    found = document.resolve(schema)
    options = found.get("anyOf") or found.get("oneOf") or []
    solid = [each for each in map(document.resolve, options) if each.get("type") != "null"]
    if len(solid) == 1:
        return kind_of(document, solid[0])
    kinds = found.get("type")
    kind = next((each for each in kinds if each != "null"), "") if isinstance(kinds, list) else kinds
    if kind == "array":
        inner, choices = kind_of(document, found.get("items", {}))
        return ("texts", choices) if inner == "text" else ("json", ())
    choices = tuple(each for each in found.get("enum", ()) if each)
    return KINDS.get(kind or "", "json"), choices


def methods(source: Source, types: Types, *, is_async: bool) -> Iterator[str]:
    name = "".join(word.capitalize() for word in source.name.split("-"))
    takes = types.fields(source)
    result = types.qualified(types.of(source.result, f"{name}Result"))
    by_id = ", id: str" if "id" in source.body else ""
    named = ", *, idempotency_key: str | None = None" if source.idempotent else ""
    rest = f", **fields: Unpack[models.{takes}]" if takes else ""
    parts = (['"id": id'] if by_id else []) + (["**fields"] if takes else [])
    key = ", idempotency_key=idempotency_key" if source.idempotent else ""
    call = f"self._calls.call({source.name!r}, {{{', '.join(parts)}}}{key})"
    yield f"""
    {"async " if is_async else ""}def {source.method}(self{by_id}{named}{rest}) -> {result}:
        \"\"\"{source.summary}\"\"\"
        result: {result} = {"await " if is_async else ""}{call}
        return result
"""
    if source.paged:
        walk = "iterate" if source.method == "list" else f"iterate_{source.method}"
        iterator = "AsyncIterator" if is_async else "Iterator"
        item = types.qualified(types.of(source.item, f"{name}ResultItemsItem"))
        yield f"""
    def {walk}(self{by_id}{rest}) -> {iterator}[{item}]:
        \"\"\"Every item of `{source.name}`, page by page.\"\"\"
        return self._calls.pages({source.name!r}, {{{", ".join(parts)}}})
"""


def resources(document: Document, types: Types, *, is_async: bool) -> Iterator[str]:
    prefix = "Async" if is_async else ""
    grouped: dict[str, list[Source]] = {}
    for source in document.operations:
        grouped.setdefault(source.resource, []).append(source)
    names = {resource: prefix + "".join(word.capitalize() for word in resource.split("_")) for resource in grouped}
    for resource, sources in grouped.items():
        yield f"class {names[resource]}({prefix}Resource):"
        yield f'    """The operations of {resource.replace("_", " ")}."""\n'
        for source in sources:
            yield from methods(source, types, is_async=is_async)
    yield f"class {prefix}Operations:"
    yield '    """Every operation of the API, by resource."""\n'
    yield f"    def __init__(self, calls: {prefix}Calls) -> None:"
    yield from (f"        self.{resource} = {name}(calls)" for resource, name in names.items())


def generate(content: dict[str, Any]) -> dict[str, str]:
    """The text of each module that is made, by its place."""
    document = Document(content)
    types = Types(document)
    both = [*resources(document, types, is_async=False), *resources(document, types, is_async=True)]
    return {
        f"{PACKAGE}/models.py": _formatted(
            f'"""What do operations take and answer? {HEADER}"""',
            "from datetime import datetime",
            "from typing import Any, Literal, NotRequired, Required, TypedDict",
            *types.classes.values(),
        ),
        f"{PACKAGE}/operations.py": _formatted(
            f'"""Which operations are there? {HEADER}"""',
            "from typing import Final",
            "from keel_crm.schema import Field, Operation",
            "_ALL: Final = (",
            *map(operation_line, document.operations),
            ")",
            "OPERATIONS: Final = {operation.name: operation for operation in _ALL}",
        ),
        f"{PACKAGE}/resources.py": _formatted(
            f'"""How are the operations called from Python? {HEADER}"""',
            "from collections.abc import AsyncIterator, Iterator",
            "from typing import Any, Unpack",
            "from keel_crm.calls import AsyncCalls, AsyncResource, Calls, Resource",
            "from keel_crm import models",
            *both,
        ),
    }


def _formatted(*lines: str) -> str:
    text = "\n".join(lines)
    for command in (["check", "--fix-only", "--select=I,F401"], ["format"]):
        ruff = [sys.executable, "-m", "ruff", *command, "--quiet", f"--config={ROOT / 'pyproject.toml'}"]
        done = subprocess.run(
            [*ruff, "--stdin-filename=module.py", "-"], input=text, text=True, capture_output=True, check=True
        )
        text = done.stdout
    return text
