"""Read template.yaml for the scripts and tests: resources, functions, routes and schedules."""

from functools import lru_cache
from pathlib import Path
from typing import Any

import yaml

ROOT = Path(__file__).parent.parent

SCHEDULE = "ScheduleV2"


class _Loader(yaml.CSafeLoader):
    """Read short forms as CloudFormation does: `!Ref x` is {"Ref": "x"}, `!Sub x` is {"Fn::Sub": "x"}."""


def _tag(loader: "_Loader", name: str, node: yaml.Node) -> dict[str, Any]:
    value: Any
    if isinstance(node, yaml.ScalarNode):
        value = loader.construct_scalar(node)
    elif isinstance(node, yaml.SequenceNode):
        value = loader.construct_sequence(node, deep=True)
    else:
        assert isinstance(node, yaml.MappingNode)
        value = loader.construct_mapping(node, deep=True)
    if name == "GetAtt" and isinstance(value, str):
        value = value.split(".", 1)
    return {name if name in ("Ref", "Condition") else f"Fn::{name}": value}


_Loader.add_multi_constructor("!", _tag)


@lru_cache(maxsize=1)
def _parse(text: str) -> dict[str, Any]:
    template: dict[str, Any] = yaml.load(text, _Loader)  # noqa: S506 - a SafeLoader
    return template


def load() -> dict[str, Any]:
    """The template. It is shared and must not be changed; the same holds for what the functions below return."""
    return _parse((ROOT / "template.yaml").read_text())


def resources(resource_type: str) -> dict[str, dict[str, Any]]:
    """The properties of every resource of a type, by logical id."""
    every = load()["Resources"].items()
    return {name: resource.get("Properties", {}) for name, resource in every if resource["Type"] == resource_type}


def functions() -> dict[str, dict[str, Any]]:
    """The properties of every function, by folder."""
    every = resources("AWS::Serverless::Function").values()
    return {properties["CodeUri"].removeprefix("functions/").rstrip("/"): properties for properties in every}


def routes() -> dict[tuple[str, str], str]:
    """The folder of the function that handles each route, by method ("ANY") and path."""
    return {
        (event["Properties"]["Method"], event["Properties"]["Path"]): folder
        for folder, properties in functions().items()
        for event in properties.get("Events", {}).values()
        if event["Type"] == "Api"
    }


def schedule(event: dict[str, Any]) -> str:
    """The expression of a schedule: rate(…) or cron(…)."""
    return str(event["Properties"]["ScheduleExpression"])
