"""The template for MiniStack, which is made from template.yaml."""

from pathlib import Path
from typing import Any

import pytest

import local_template
import template

ROOT = Path("/project")


@pytest.fixture
def adapted() -> dict[str, Any]:
    return local_template.adapted(template.load(), ROOT)


def functions(adapted: dict[str, Any]) -> dict[str, dict[str, Any]]:
    resources = adapted["Resources"].items()
    return {name: each["Properties"] for name, each in resources if each["Type"] == "AWS::Serverless::Function"}


def statements(adapted: dict[str, Any], action: str) -> list[dict[str, Any]]:
    every = [
        statement
        for resource in adapted["Resources"].values()
        for policy in [resource["Properties"].get("PolicyDocument", {}), *resource["Properties"].get("Policies", [])]
        for statement in policy.get("Statement", [])
    ]
    return [each for each in every if each["Action"] == action]


def test_routes_name_their_methods(adapted: dict[str, Any]) -> None:
    methods: dict[str, list[str]] = {}
    for function in functions(adapted).values():
        for event in function["Events"].values():
            if event["Type"] == "Api":
                methods.setdefault(event["Properties"]["Path"], []).append(event["Properties"]["Method"])
    assert methods.keys() == {path for _, path in template.routes()}
    for path in ("/", "/{proxy+}"):
        assert methods.pop(path) == ["GET", "POST", "PUT", "PATCH", "DELETE", "HEAD", "OPTIONS"]
    for path in ("/docs", "/openapi.json"):
        assert methods.pop(path) == ["GET"]
    assert all(path.startswith("/api/") for path in methods)
    assert all(each == ["POST"] for each in methods.values())


def test_events_other_than_routes_keep_their_names(adapted: dict[str, Any]) -> None:
    for name, function in template.resources("AWS::Serverless::Function").items():
        events = {event for event, each in function.get("Events", {}).items() if each["Type"] != "Api"}
        assert events <= functions(adapted)[name]["Events"].keys()


def test_concurrency_comes_from_a_mapping_of_numbers(adapted: dict[str, Any]) -> None:
    event = functions(adapted)["WebhookDeliveryFunction"]["Events"]["Deliveries"]
    [(function, [mapping, key, name])] = event["Properties"]["ScalingConfig"]["MaximumConcurrency"].items()
    assert (function, key) == ("Fn::FindInMap", {"Ref": "WebhookWorkers"})
    allowed = template.load()["Parameters"]["WebhookWorkers"]["AllowedValues"]
    assert adapted["Mappings"][mapping] == {str(number): {name: number} for number in allowed}


def test_buckets_accept_plain_http(adapted: dict[str, Any]) -> None:
    assert "AWS::S3::BucketPolicy" not in {each["Type"] for each in adapted["Resources"].values()}


def test_email_is_permitted_without_identity_and_sender(adapted: dict[str, Any]) -> None:
    assert statements(adapted, "ses:SendEmail") == [{"Effect": "Allow", "Action": "ses:SendEmail", "Resource": "*"}]


def test_secret_is_permitted_by_name(adapted: dict[str, Any]) -> None:
    [statement] = statements(adapted, "secretsmanager:GetSecretValue")
    assert statement["Resource"]["Fn::Sub"].endswith(":secret:${AWS::StackName}/token-keys-??????")


def test_paths_of_sources_are_absolute(adapted: dict[str, Any]) -> None:
    assert functions(adapted)["ContactsFunction"]["CodeUri"] == "/project/functions/contacts"
    layer = adapted["Resources"]["KeelLayer"]
    assert layer["Properties"]["ContentUri"] == "/project/layers/keel"
    assert layer["Metadata"]["WorkingDirectory"] == "/project"


def test_nothing_else_differs(adapted: dict[str, Any]) -> None:
    original = template.load()
    assert adapted.keys() - original.keys() == {"Mappings"}
    for section in ("Parameters", "Conditions", "Globals", "Outputs"):
        assert adapted[section] == original[section]
    for name, resource in adapted["Resources"].items():
        changed = {key for key, value in resource["Properties"].items() if value != own(name)[key]}
        assert changed <= {"CodeUri", "ContentUri", "Events", "Policies", "PolicyDocument"}, name


def own(name: str) -> dict[str, Any]:
    properties: dict[str, Any] = template.load()["Resources"][name]["Properties"]
    return properties
