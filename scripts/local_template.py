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

METHODS: Final = ("get", "post", "put", "patch", "delete", "head", "options")
SECRETS: Final = "arn:${AWS::Partition}:secretsmanager:${AWS::Region}:${AWS::AccountId}:secret"


def adapted(template: Template, root: Path) -> Template:
    """A copy of the template that MiniStack can deploy, with absolute paths of the sources below `root`."""
    result = copy.deepcopy(template)
    _list_methods(result)
    _map_numbers(result)
    _drop_bucket_policies(result)
    _permit_any_email(result)
    _name_secrets(result)
    _make_paths_absolute(result, root)
    return result


def _list_methods(template: Template) -> None:
    """Describe the API in OpenAPI, with every method of every path.

    SAM would make a permission of each method, which are more resources than a stack may have.
    """
    paths: dict[str, Any] = {}
    for name, resource in list(template["Resources"].items()):
        if resource["Type"] == "AWS::Serverless::Function":
            events = resource["Properties"].get("Events", {}).items()
            routes = [event["Properties"]["Path"] for _, event in events if event["Type"] == "Api"]
            paths |= {path: dict.fromkeys(METHODS, _integration(name)) for path in routes}
            resource["Properties"]["Events"] = {key: event for key, event in events if event["Type"] != "Api"}
            if routes:
                template["Resources"][f"{name}Permission"] = _permission(name)
    definition = {"openapi": "3.0.1", "info": {"title": "Keel", "version": "1"}, "paths": paths}
    template["Resources"]["Api"]["Properties"]["DefinitionBody"] = definition


def _integration(function: str) -> dict[str, Any]:
    uri = f"arn:aws:apigateway:${{AWS::Region}}:lambda:path/2015-03-31/functions/${{{function}.Alias}}/invocations"
    return {
        "x-amazon-apigateway-integration": {"type": "aws_proxy", "httpMethod": "POST", "uri": {"Fn::Sub": uri}},
        "responses": {},
    }


def _permission(function: str) -> dict[str, Any]:
    return {
        "Type": "AWS::Lambda::Permission",
        "Properties": {
            "Action": "lambda:InvokeFunction",
            "FunctionName": {"Ref": f"{function}.Alias"},
            "Principal": "apigateway.amazonaws.com",
            "SourceArn": {"Fn::Sub": "arn:aws:execute-api:${AWS::Region}:${AWS::AccountId}:${Api}/*"},
        },
    }


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
