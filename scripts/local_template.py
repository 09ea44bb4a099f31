"""Adapt template.yaml to MiniStack, the local AWS.

template.yaml is written for AWS. MiniStack 1.5 differs in five points, and each has a function below:

- It ignores routes for any method.
- It passes a parameter on as text where a number is required.
- It is called by plain HTTP, which the bucket policies deny.
- It does not tell the identity and the sender of an email when it checks permissions.
- It resolves a reference to a secret to the secret's name instead of its ARN.
"""

import copy
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

Template = dict[str, Any]

METHODS: Final = ("GET", "POST", "PUT", "PATCH", "DELETE", "HEAD", "OPTIONS")
CATCH_ALL: Final = ("/", "/{proxy+}")
SECRETS: Final = "arn:${AWS::Partition}:secretsmanager:${AWS::Region}:${AWS::AccountId}:secret"


def adapted(template: Template, root: Path) -> Template:
    """A copy of the template that MiniStack can deploy, with absolute paths of the sources below `root`."""
    result = copy.deepcopy(template)
    for function in _of_type(result, "AWS::Serverless::Function"):
        function["Events"] = dict(_routes_by_method(function.get("Events", {})))
    _map_numbers(result)
    _drop_bucket_policies(result)
    _permit_any_email(result)
    _name_secrets(result)
    _make_paths_absolute(result, root)
    return result


def _routes_by_method(events: dict[str, Any]) -> Iterator[tuple[str, Any]]:
    """One route per method, and only the method that is in use for operations and pages.

    The catch-all function answers other methods, in the same way as the operation's own function does on AWS.
    """
    for name, event in events.items():
        if event["Type"] == "Api":
            for method in _methods(event["Properties"]["Path"]):
                yield f"{name}{method.title()}", {**event, "Properties": {**event["Properties"], "Method": method}}
        else:
            yield name, event


def _methods(path: str) -> tuple[str, ...]:
    if path in CATCH_ALL:
        return METHODS
    return ("POST",) if path.startswith("/api/") else ("GET",)


def _map_numbers(template: Template) -> None:
    """Take the concurrency of queues from a mapping, whose values stay numbers."""
    for function in _of_type(template, "AWS::Serverless::Function"):
        for event in function["Events"].values():
            limit = event["Properties"].get("ScalingConfig", {}).get("MaximumConcurrency")
            if isinstance(limit, dict):
                name = limit["Ref"]
                values = template["Parameters"][name]["AllowedValues"]
                template.setdefault("Mappings", {})[name] = {str(value): {"Number": value} for value in values}
                number = {"Fn::FindInMap": [name, {"Ref": name}, "Number"]}
                event["Properties"]["ScalingConfig"] = {"MaximumConcurrency": number}


def _drop_bucket_policies(template: Template) -> None:
    resources = template["Resources"]
    template["Resources"] = {name: each for name, each in resources.items() if each["Type"] != "AWS::S3::BucketPolicy"}


def _permit_any_email(template: Template) -> None:
    for statement in _statements(template):
        if statement["Action"] == "ses:SendEmail":
            statement["Resource"] = "*"
            del statement["Condition"]


def _name_secrets(template: Template) -> None:
    """Permit access to a secret by its name and the six characters that AWS appends to it."""
    for statement in _statements(template):
        if statement["Action"] == "secretsmanager:GetSecretValue":
            secret = template["Resources"][statement["Resource"]["Ref"]]
            statement["Resource"] = {"Fn::Sub": f"{SECRETS}:{secret['Properties']['Name']['Fn::Sub']}-??????"}


def _make_paths_absolute(template: Template, root: Path) -> None:
    for function in _of_type(template, "AWS::Serverless::Function"):
        function["CodeUri"] = str(root / function["CodeUri"])
    for resource in template["Resources"].values():
        if resource["Type"] == "AWS::Serverless::LayerVersion":
            resource["Properties"]["ContentUri"] = str(root / resource["Properties"]["ContentUri"])
            resource["Metadata"]["WorkingDirectory"] = str(root / resource["Metadata"]["WorkingDirectory"])


def _of_type(template: Template, resource_type: str) -> list[dict[str, Any]]:
    """The properties of every resource of a type."""
    return [each["Properties"] for each in template["Resources"].values() if each["Type"] == resource_type]


def _statements(node: Any) -> Iterator[dict[str, Any]]:
    """Every statement of every policy below a node."""
    if isinstance(node, dict):
        if "Effect" in node:
            yield node
        for value in node.values():
            yield from _statements(value)
    elif isinstance(node, list):
        for value in node:
            yield from _statements(value)
