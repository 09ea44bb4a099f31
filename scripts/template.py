"""What does template.yaml say? The one description of the system, read by the local stack and by the tests."""

from functools import lru_cache
from pathlib import Path
from typing import Any

import yaml

ROOT = Path(__file__).parent.parent

SCHEDULE = "ScheduleV2"


class _Loader(yaml.CSafeLoader):
    """Reads !Ref x as {"Ref": "x"} and !Sub x as {"Fn::Sub": "x"}, as CloudFormation does."""


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
    """The whole template; read-only, like all that the functions below give."""
    return _parse((ROOT / "template.yaml").read_text())


def resources(kind: str) -> dict[str, dict[str, Any]]:
    """Properties by logical id of every resource of a type."""
    found = load()["Resources"].items()
    return {name: resource.get("Properties", {}) for name, resource in found if resource["Type"] == kind}


def functions() -> dict[str, dict[str, Any]]:
    """Properties of every function by its folder."""
    found = resources("AWS::Serverless::Function").values()
    return {properties["CodeUri"].removeprefix("functions/").rstrip("/"): properties for properties in found}


def routes() -> dict[tuple[str, str], str]:
    """The folder of the function that answers a method and a path of the gateway."""
    return {
        (event["Properties"]["Method"], event["Properties"]["Path"]): folder
        for folder, properties in functions().items()
        for event in properties.get("Events", {}).values()
        if event["Type"] == "Api"
    }


def schedule(event: dict[str, Any]) -> str:
    """When a scheduled function runs: rate(…) or cron(…)."""
    return str(event["Properties"]["ScheduleExpression"])
