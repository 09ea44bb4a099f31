"""Does template.yaml say what the code needs, and no more? Routes, permissions, what is kept, limits."""

import copy
import json
import re
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

import template

ROOT = template.ROOT
VERBS = ("GET", "POST", "PUT", "PATCH", "DELETE", "HEAD", "OPTIONS")
FOLDERS = sorted(template.functions())


def statements() -> Iterator[tuple[str, dict[str, Any]]]:
    """Every statement of every policy, with the resource that it stands in."""
    for name, properties in template.resources("AWS::IAM::ManagedPolicy").items():
        yield from ((name, each) for each in properties["PolicyDocument"]["Statement"])
    for folder, properties in template.functions().items():
        for policy in properties.get("Policies", []):
            yield from ((folder, each) for each in listed(policy.get("Statement", [])))


def listed(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [value]


# ---- Routes ---------------------------------------------------------------------------------------------------------


RESOURCES = [each for each in FOLDERS if each != "api" and "RestApiId" in str(template.functions()[each])]


@pytest.mark.parametrize("folder", RESOURCES)
def test_a_function_is_routed_exactly_the_operations_that_it_declares(function, folder):
    declared = {f"/api/{name}" for name in function(folder).api.operations}
    routed = {path for (method, path), to in template.routes().items() if to == folder and path.startswith("/api/")}
    assert declared
    assert routed == declared


def test_each_operation_is_reached_by_post_and_answers_every_other_method_itself() -> None:
    routes = template.routes()
    paths = {path for _, path in routes if path.startswith("/api/")}
    assert paths
    for path in paths:
        assert routes["POST", path] == routes["ANY", path]
    # MiniStack knows no ANY: there the catch-all answers these, and so it does wherever there is no operation.
    for path in ("/", "/{proxy+}"):
        assert {method for method, at in routes if at == path} == set(VERBS)


def test_no_answer_of_the_gateway_lacks_the_envelope() -> None:
    answers = template.resources("AWS::Serverless::Api")["Api"]["GatewayResponses"]
    assert {"DEFAULT_4XX", "DEFAULT_5XX", "REQUEST_TOO_LARGE", "MISSING_AUTHENTICATION_TOKEN"} <= answers.keys()
    from keel.errors import CODES

    for kind, answer in answers.items():
        body = json.loads(answer["ResponseTemplates"]["application/json"])
        assert body["ok"] is False
        status, _ = CODES[body["error"]["code"]]
        assert answer.get("StatusCode", status) == status, kind
        assert body["error"]["request_id"] == "$context.requestId"
        assert answer["ResponseParameters"]["Headers"]["X-Request-Id"] == "context.requestId"


# ---- Functions and permissions --------------------------------------------------------------------------------------


def test_each_function_folder_has_its_block() -> None:
    folders = {path.parent.name for path in (ROOT / "functions").glob("*/app.py")}
    assert folders == set(FOLDERS)


def test_logical_ids_are_the_folders_in_pascal_case() -> None:
    for logical, properties in template.resources("AWS::Serverless::Function").items():
        folder = properties["CodeUri"].removeprefix("functions/").rstrip("/")
        assert logical == "".join(word.capitalize() for word in folder.split("_")) + "Function"


def test_permissions_name_their_verbs_and_resources() -> None:
    found = list(statements())
    assert found
    for where, statement in found:
        assert statement["Effect"] == "Allow"
        assert not [action for action in listed(statement["Action"]) if "*" in action], where
        assert "*" not in listed(statement["Resource"]) or statement.get("Condition"), where


def test_no_function_may_read_the_whole_table_or_change_it() -> None:
    for where, statement in statements():
        actions = set(listed(statement["Action"]))
        assert not actions & {"dynamodb:DeleteTable", "dynamodb:UpdateTable", "dynamodb:CreateTable"}, where
        assert "dynamodb:Scan" not in actions or where == "sweep", where


# ---- What is kept ---------------------------------------------------------------------------------------------------


def test_what_customers_trust_us_with_outlives_the_stack() -> None:
    kept = {"AWS::DynamoDB::Table", "AWS::KMS::Key"}
    found = [each for each in template.load()["Resources"].values() if each["Type"] in kept]
    assert found
    for resource in found:
        assert resource["DeletionPolicy"] == "RetainExceptOnCreate"
        assert resource["UpdateReplacePolicy"] == "Retain"
    table = template.resources("AWS::DynamoDB::Table")["Table"]
    assert table["PointInTimeRecoverySpecification"]["PointInTimeRecoveryEnabled"] is True
    assert table["TimeToLiveSpecification"] == {"AttributeName": "ttl", "Enabled": True}
    assert table["StreamSpecification"]["StreamViewType"] == "NEW_AND_OLD_IMAGES"
    assert table["BillingMode"] == "PAY_PER_REQUEST"
    assert table["DeletionProtectionEnabled"] is True


def test_a_restored_table_takes_the_place_of_the_own_one_everywhere() -> None:
    names = {
        "TableName": ("Ref", "Table", {"Ref": "ExistingTable"}),
        "Arn": ("Fn::GetAtt", ["Table", "Arn"], None),
        "StreamArn": ("Fn::GetAtt", ["Table", "StreamArn"], {"Ref": "ExistingTableStream"}),
    }
    whole = json.dumps(template.load())
    for how, what, instead in names.values():
        own = json.dumps({how: what})
        choice = f'"OwnTable", {own}, {json.dumps(instead) if instead else ""}'
        assert whole.count(own) == whole.count(choice) > 0, own


def test_logs_are_kept_as_long_as_the_operator_decides() -> None:
    groups = template.resources("AWS::Logs::LogGroup")
    assert groups
    assert all(group["RetentionInDays"] == {"Ref": "LogRetentionDays"} for group in groups.values())
    assert template.load()["Globals"]["Function"]["LoggingConfig"]["LogGroup"] == {"Ref": "Logs"}


def test_no_bucket_is_public() -> None:
    buckets = template.resources("AWS::S3::Bucket")
    assert buckets
    for name, bucket in buckets.items():
        blocked = bucket["PublicAccessBlockConfiguration"]
        assert len(blocked) == 4, name
        assert all(blocked.values()), name


@pytest.mark.parametrize(
    ("origins", "right"),
    [
        ("*", True),
        ("https://a.example.com", True),
        ("https://a.example.com,https://b.example.com", True),
        ("https://a.example.com, https://b.example.com", False),
        ("https://a.example.com,", False),
        ("", False),
    ],
)
def test_the_bucket_and_the_api_read_the_same_origins(origins: str, right: bool) -> None:
    assert bool(re.search(template.load()["Parameters"]["AllowedOrigins"]["AllowedPattern"], origins)) is right
    if right:  # the bucket's are split in the template, which trims nothing
        [rule] = template.resources("AWS::S3::Bucket")["Files"]["CorsConfiguration"]["CorsRules"]
        assert rule["AllowedOrigins"] == {"Fn::Split": [",", {"Ref": "AllowedOrigins"}]}


# ---- Queues and streams ---------------------------------------------------------------------------------------------


def test_a_message_is_tried_five_times_and_then_kept_aside_with_an_alarm() -> None:
    queues = template.resources("AWS::SQS::Queue")
    dead = {
        queue["RedrivePolicy"]["deadLetterTargetArn"]["Fn::GetAtt"][0]
        for queue in queues.values()
        if "RedrivePolicy" in queue
    }
    alarms = json.dumps(template.resources("AWS::CloudWatch::Alarm"))
    for name, queue in queues.items():
        if name in dead:
            assert f'["{name}", "QueueName"]' in alarms, f"{name} has no alarm"
        else:
            assert queue["RedrivePolicy"]["maxReceiveCount"] >= 5, name


def test_a_message_stays_hidden_six_times_as_long_as_its_worker_may_run() -> None:
    queues = template.resources("AWS::SQS::Queue")
    default = template.load()["Globals"]["Function"]["Timeout"]
    for folder, properties in template.functions().items():
        for event in properties.get("Events", {}).values():
            if event["Type"] == "SQS":
                queue = queues[event["Properties"]["Queue"]["Fn::GetAtt"][0]]
                assert queue["VisibilityTimeout"] >= 6 * properties.get("Timeout", default), folder
                assert event["Properties"]["FunctionResponseTypes"] == ["ReportBatchItemFailures"], folder


def test_references_are_cleared_once_no_import_can_still_write_what_it_read_before_the_deletion() -> None:
    worker = template.functions()["import_worker"]["Timeout"]
    assert template.resources("AWS::SQS::Queue")["CascadeQueue"]["DelaySeconds"] >= worker + 60


def test_a_stream_record_that_no_retry_helps_is_kept_whole() -> None:
    events = [event for each in template.functions().values() for event in each.get("Events", {}).values()]
    streams = [event["Properties"] for event in events if event["Type"] == "DynamoDB"]
    assert streams
    for stream in streams:
        assert stream["DestinationConfig"]["OnFailure"]["Destination"] == {"Fn::GetAtt": ["StreamFailures", "Arn"]}
        assert stream["BisectBatchOnFunctionError"] is True
        assert stream["MaximumRecordAgeInSeconds"] == {"Ref": "StreamRecordAge"}


def test_the_stream_hands_on_what_is_told_and_what_is_cleared_after_a_deletion() -> None:
    from keel import entity_types
    from keel.events import names

    stream = template.functions()["event_publisher"]["Events"]["Change"]["Properties"]
    written, deleted = [json.loads(each["Pattern"])["dynamodb"] for each in stream["FilterCriteria"]["Filters"]]
    pointed_to = {name for name in entity_types.ENTITY_TYPES if entity_types.pointing_to(name)}
    assert set(written["NewImage"]["kind"]["S"]) == set(names.KINDS)
    assert set(deleted["OldImage"]["kind"]["S"]) == {*names.KINDS, *pointed_to}


# ---- Limits ---------------------------------------------------------------------------------------------------------


EXPAND = """
import json, sys
from samtranslator.translator.transform import transform

class Policies:
    def load(self):
        return {}

source, values = json.load(sys.stdin)
print(json.dumps(transform(source, values, Policies())))
"""


def expanded() -> dict[str, Any]:
    """The template as CloudFormation deploys it."""
    source = copy.deepcopy(template.load())
    for resource in source["Resources"].values():
        for name in ("CodeUri", "ContentUri"):
            if name in resource.get("Properties", {}):
                resource["Properties"][name] = "s3://bucket/key"
    values = {name: str(each.get("Default", "x")) for name, each in source["Parameters"].items()}
    command: list[str | Path] = [ROOT / ".keel/sam/bin/python", "-c", EXPAND]
    done = subprocess.run(
        command,
        input=json.dumps([source, values]),
        env={"AWS_DEFAULT_REGION": "us-east-1"},
        stdout=subprocess.PIPE,
        text=True,
        check=True,
    )
    whole: dict[str, Any] = json.loads(done.stdout)
    return whole


def test_the_stack_stays_well_below_the_limits_of_cloudformation() -> None:
    whole = expanded()
    assert len(whole["Resources"]) < 450  # of 500
    assert len(json.dumps(whole)) < 900_000  # of 1 MB
    assert len(whole["Parameters"]) < 200
    assert len({path for _, path in template.routes()}) < 250  # of 300 resources of an API


def test_each_parameter_says_what_it_is_for() -> None:
    for name, parameter in template.load()["Parameters"].items():
        assert "Description" in parameter or "AllowedValues" in parameter, name
    local = (ROOT / "samconfig.toml").read_text()
    without_default = {name for name, each in template.load()["Parameters"].items() if "Default" not in each}
    assert without_default == {"MailSender", "LinkSite"}
    assert all(f'"{name}=' in local for name in without_default)


def test_the_template_is_plain_yaml_that_tools_read() -> None:
    yaml.compose((ROOT / "template.yaml").read_text())
