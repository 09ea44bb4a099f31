"""The template for MiniStack, which is made from template.yaml."""

from pathlib import Path
from typing import Any

import pytest

import building
import local_template
import template

ROOT = Path("/project")
ADAPTED = {"CodeUri", "ContentUri", "DefinitionBody", "Events", "Policies", "PolicyDocument"}


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


def test_every_path_has_every_method_of_the_function_that_handles_it(adapted: dict[str, Any]) -> None:
    paths = adapted["Resources"]["Api"]["Properties"]["DefinitionBody"]["paths"]
    assert paths.keys() == {path for _, path in template.routes()}
    for (_, path), folder in template.routes().items():
        assert paths[path].keys() == {"get", "post", "put", "patch", "delete", "head", "options"}
        for method in paths[path].values():
            uri = method["x-amazon-apigateway-integration"]["uri"]["Fn::Sub"]
            assert f"/${{{building.logical_id(folder)}.Alias}}/" in uri


def test_gateway_may_call_the_functions_of_the_api(adapted: dict[str, Any]) -> None:
    resources = adapted["Resources"].values()
    called = [each["Properties"] for each in resources if each["Type"] == "AWS::Lambda::Permission"]
    folders = set(template.routes().values())
    assert {each["FunctionName"]["Ref"] for each in called} == {
        f"{building.logical_id(each)}.Alias" for each in folders
    }
    assert {each["Principal"] for each in called} == {"apigateway.amazonaws.com"}


def test_events_other_than_routes_are_kept(adapted: dict[str, Any]) -> None:
    for name, function in template.resources("AWS::Serverless::Function").items():
        events = {event for event, each in function.get("Events", {}).items() if each["Type"] != "Api"}
        assert functions(adapted)[name]["Events"].keys() == events


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
    for name, resource in original["Resources"].items():
        if resource["Type"] != "AWS::S3::BucketPolicy":
            properties = adapted["Resources"][name]["Properties"]
            changed = {key for key, value in properties.items() if value != resource["Properties"].get(key)}
            assert changed <= ADAPTED, name
