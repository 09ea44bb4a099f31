"""Collect the operations that the functions declare, with their texts from docs/reference."""

import importlib.util
import os
import sys
from dataclasses import dataclass
from functools import cache
from types import ModuleType
from typing import Any

import yaml

import template
from keel.api import request_body
from keel.api.authorizer import Access
from keel.api.resolver import Api, Operation
from keel.errors import CODES
from template import ROOT

NOTES = ROOT / "docs/reference"
GATEWAY = ("api.invalid_request", "api.internal")  # what API Gateway may return by itself


@dataclass(frozen=True)
class Described:
    """An operation with its texts."""

    resource: str
    operation: Operation
    form: bool
    notes: dict[str, Any]

    @property
    def name(self) -> str:
        return self.operation.name

    @property
    def required(self) -> tuple[str, ...]:
        return tuple(self.notes.get("required", ()))

    @property
    def codes(self) -> list[str]:
        """Every code that it can return, in the order of its checks."""
        entering = []
        if self.operation.access is not Access.PUBLIC:
            entering = ["auth.required", "auth.invalid_token", "auth.deactivated"]
        permission = ["auth.forbidden"] if self.operation.access in (Access.USER, Access.OWNER) else []
        malformed = [f"{self.resource}.invalid_request"]
        own = self.notes.get("codes", [])
        found = [*entering, "rate_limit.exceeded", *permission, *malformed, *own, f"{self.resource}.internal", *GATEWAY]
        if unknown := set(found) - CODES.keys():
            raise ValueError(f"{self.name}: unknown codes: {unknown}")
        return list(dict.fromkeys(found))


@cache
def notes(resource: str) -> dict[str, Any]:
    """The texts of a resource from docs/reference."""
    path = NOTES / f"{resource}.yaml"
    found: dict[str, Any] = yaml.safe_load(path.read_text()) if path.exists() else {"title": resource, "operations": {}}
    return found


def operations() -> list[Described]:
    """Every operation, by resource in the order of the template."""
    found = []
    for folder in template.functions():
        if not (ROOT / "functions" / folder / "app.py").exists():
            continue
        api = getattr(load(folder), "api", None)
        if not isinstance(api, Api):
            continue
        for operation in api.operations.values():
            said = notes(api.resource)["operations"].get(operation.name, {})
            form = operation.read_body is not request_body.read_json
            found.append(Described(api.resource, operation, form, said))
    return found


def load(folder: str) -> ModuleType:
    """Import the app of a function, with the environment that the template gives it."""
    path = ROOT / "functions" / folder / "app.py"
    for name, value in environment(folder).items():
        os.environ.setdefault(name, value)
    spec = importlib.util.spec_from_file_location(f"reference_{folder}", path)
    if spec is None or spec.loader is None:
        raise ImportError(str(path))
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module  # pydantic looks up the module in which a generic model gets its parameters
    spec.loader.exec_module(module)
    return module


def environment(folder: str) -> dict[str, str]:
    """The environment of a function: the default of each parameter that it refers to, or a placeholder."""
    whole = template.load()
    parameters = whole["Parameters"]
    shared = whole["Globals"]["Function"]["Environment"]["Variables"]
    own = template.functions()[folder].get("Environment", {}).get("Variables", {})
    found = {"AWS_DEFAULT_REGION": "us-east-1"}
    for name, value in {**shared, **own}.items():
        if isinstance(value, dict):
            value = parameters.get(value.get("Ref", ""), {}).get("Default", "placeholder")
        found[name] = str(value)
    return found
