"""The template against the code: routes, permissions, storage, queues, limits, layout and tracing."""

import copy
import json
import re
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from yaml import FlowMappingStartToken as FlowMapping

import template
from tests.harness.stand_ins import StandIns

ROOT = template.ROOT
FOLDERS = sorted(template.functions())


def statements() -> Iterator[tuple[str, dict[str, Any]]]:
    """Every statement of every policy of a function, with the policy's logical id or the function's folder."""
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
def test_routes_of_a_function_are_its_operations(function, folder):
    declared = {f"/api/{name}" for name in function(folder).api.operations}
    routed = {path for (method, path), to in template.routes().items() if to == folder and path.startswith("/api/")}
    assert declared
    assert routed == declared


def test_every_path_has_one_route_for_any_method() -> None:
    routes = [
        (event["Properties"]["Path"], event["Properties"]["Method"])
        for function in template.functions().values()
        for event in function.get("Events", {}).values()
        if event["Type"] == "Api"
    ]
    assert {method for _, method in routes} == {"ANY"}
    assert len(routes) == len(template.routes())
    assert {("ANY", "/"), ("ANY", "/{proxy+}")} <= template.routes().keys()


def test_gateway_responses_are_those_that_a_client_can_cause() -> None:
    assert template.resources("AWS::Serverless::Api")["Api"]["GatewayResponses"].keys() == {
        "DEFAULT_4XX",
        "DEFAULT_5XX",
        "REQUEST_TOO_LARGE",
        "INTEGRATION_TIMEOUT",
        "THROTTLED",
        # for methods without a route, such as TRACE
        "MISSING_AUTHENTICATION_TOKEN",
        "INVALID_SIGNATURE",
        "EXPIRED_TOKEN",
    }


def test_gateway_responses_have_the_format_of_the_api() -> None:
    from keel.errors import CODES

    for response_type, response in template.resources("AWS::Serverless::Api")["Api"]["GatewayResponses"].items():
        body = json.loads(response["ResponseTemplates"]["application/json"])
        assert body["ok"] is False
        assert response["StatusCode"] == CODES[body["error"]["code"]][0], response_type
        assert body["error"]["message"]
        assert body["error"]["request_id"] == "$context.requestId"
        assert response["ResponseParameters"]["Headers"]["X-Request-Id"] == "context.requestId"


# ---- Functions and permissions --------------------------------------------------------------------------------------


def test_every_function_folder_is_in_the_template() -> None:
    folders = {path.parent.name for path in (ROOT / "functions").glob("*/app.py")}
    assert folders == set(FOLDERS)


def test_logical_ids_are_the_folders_in_pascal_case() -> None:
    for logical, properties in template.resources("AWS::Serverless::Function").items():
        folder = properties["CodeUri"].removeprefix("functions/").rstrip("/")
        assert logical == "".join(word.capitalize() for word in folder.split("_")) + "Function"


def test_permissions_name_actions_and_resources() -> None:
    every = list(statements())
    assert every
    for where, statement in every:
        assert statement["Effect"] == "Allow"
        assert not [action for action in listed(statement["Action"]) if "*" in action], where
        assert "*" not in listed(statement["Resource"]), where


def test_email_is_sent_from_the_configured_sender_alone() -> None:
    [(where, statement)] = [each for each in statements() if "ses:SendEmail" in listed(each[1]["Action"])]
    assert where == "mailer"
    assert statement["Condition"] == {"StringEquals": {"ses:FromAddress": {"Ref": "MailSender"}}}
    stand_ins = StandIns({"MailSender": "keel@mail.example.com"})
    identities = [str(each).rpartition("identity/")[2] for each in stand_ins.value(statement["Resource"])]
    assert identities == ["keel@mail.example.com", "mail.example.com", "*@*"]


def test_only_the_sweep_may_scan_and_no_function_may_change_the_table() -> None:
    for where, statement in statements():
        actions = set(listed(statement["Action"]))
        assert not actions & {"dynamodb:DeleteTable", "dynamodb:UpdateTable", "dynamodb:CreateTable"}, where
        assert "dynamodb:Scan" not in actions or where == "sweep", where


# ---- Storage ---------------------------------------------------------------------------------------------------------


def test_table_buckets_and_key_outlive_the_stack() -> None:
    kept = {"AWS::DynamoDB::Table", "AWS::KMS::Key", "AWS::S3::Bucket"}
    resources = [each for each in template.load()["Resources"].values() if each["Type"] in kept]
    assert {each["Type"] for each in resources} == kept
    for resource in resources:
        assert resource["DeletionPolicy"] == "RetainExceptOnCreate"
        assert resource["UpdateReplacePolicy"] == "Retain"
    table = template.resources("AWS::DynamoDB::Table")["Table"]
    assert table["PointInTimeRecoverySpecification"]["PointInTimeRecoveryEnabled"] is True
    assert table["TimeToLiveSpecification"] == {"AttributeName": "ttl", "Enabled": True}
    assert table["StreamSpecification"]["StreamViewType"] == "NEW_AND_OLD_IMAGES"
    assert table["BillingMode"] == "PAY_PER_REQUEST"
    assert table["DeletionProtectionEnabled"] is True


def test_existing_table_replaces_the_table_of_the_stack_everywhere() -> None:
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


def test_log_retention_is_a_parameter() -> None:
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


def test_buckets_reject_requests_without_tls() -> None:
    policies = {
        policy["Bucket"]["Ref"]: policy["PolicyDocument"]["Statement"]
        for policy in template.resources("AWS::S3::BucketPolicy").values()
    }
    assert policies.keys() == template.resources("AWS::S3::Bucket").keys()
    for name, [statement] in policies.items():
        assert statement == {
            "Sid": "DenyInsecureTransport",
            "Effect": "Deny",
            "Principal": "*",
            "Action": "s3:*",
            "Resource": [{"Fn::GetAtt": [name, "Arn"]}, {"Fn::Sub": f"${{{name}.Arn}}/*"}],
            "Condition": {"Bool": {"aws:SecureTransport": "false"}},
        }


@pytest.mark.parametrize(
    ("origins", "valid"),
    [
        ("*", True),
        ("https://a.example.com", True),
        ("https://a.example.com,https://b.example.com", True),
        ("https://a.example.com, https://b.example.com", False),
        ("https://a.example.com,", False),
        ("", False),
    ],
)
def test_bucket_and_api_accept_the_same_origins(origins: str, valid: bool) -> None:
    assert bool(re.search(template.load()["Parameters"]["AllowedOrigins"]["AllowedPattern"], origins)) is valid
    if valid:  # the template splits them for the bucket, without trimming
        [rule] = template.resources("AWS::S3::Bucket")["Files"]["CorsConfiguration"]["CorsRules"]
        assert rule["AllowedOrigins"] == {"Fn::Split": [",", {"Ref": "AllowedOrigins"}]}


# ---- Queues and streams ---------------------------------------------------------------------------------------------


def test_dead_letter_queues_have_an_alarm_and_get_messages_after_five_attempts() -> None:
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


def test_visibility_timeout_is_six_times_the_timeout_of_the_worker() -> None:
    queues = template.resources("AWS::SQS::Queue")
    default = template.load()["Globals"]["Function"]["Timeout"]
    for folder, properties in template.functions().items():
        for event in properties.get("Events", {}).values():
            if event["Type"] == "SQS":
                queue = queues[event["Properties"]["Queue"]["Fn::GetAtt"][0]]
                assert queue["VisibilityTimeout"] >= 6 * properties.get("Timeout", default), folder
                assert event["Properties"]["FunctionResponseTypes"] == ["ReportBatchItemFailures"], folder


def test_cascade_is_delayed_until_import_workers_have_ended() -> None:
    worker = template.functions()["import_worker"]["Timeout"]
    assert template.resources("AWS::SQS::Queue")["CascadeQueue"]["DelaySeconds"] >= worker + 60


def test_stream_records_that_keep_failing_go_to_the_failure_bucket() -> None:
    events = [event for each in template.functions().values() for event in each.get("Events", {}).values()]
    streams = [event["Properties"] for event in events if event["Type"] == "DynamoDB"]
    assert streams
    for stream in streams:
        assert stream["DestinationConfig"]["OnFailure"]["Destination"] == {"Fn::GetAtt": ["StreamFailures", "Arn"]}
        assert stream["BisectBatchOnFunctionError"] is True
        assert stream["MaximumRecordAgeInSeconds"] == {"Ref": "StreamRecordAge"}


def test_event_publisher_receives_changes_of_entity_types_with_events_or_references() -> None:
    from keel import entity_types
    from keel.events import names

    stream = template.functions()["event_publisher"]["Events"]["Change"]["Properties"]
    written, deleted = [json.loads(each["Pattern"])["dynamodb"] for each in stream["FilterCriteria"]["Filters"]]
    pointed_to = {name for name in entity_types.ENTITY_TYPES if entity_types.pointing_to(name)}
    assert set(written["NewImage"]["kind"]["S"]) == set(names.ENTITY_TYPE_NAMES)
    assert set(deleted["OldImage"]["kind"]["S"]) == {*names.ENTITY_TYPE_NAMES, *pointed_to}


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


def expanded(**parameters: str) -> dict[str, Any]:
    """The template as CloudFormation deploys it, with the default parameters and these."""
    source = copy.deepcopy(template.load())
    for resource in source["Resources"].values():
        for name in ("CodeUri", "ContentUri"):
            if name in resource.get("Properties", {}):
                resource["Properties"][name] = "s3://bucket/key"
    values = {name: str(each.get("Default", "x")) for name, each in source["Parameters"].items()} | parameters
    command: list[str | Path] = [ROOT / ".keel/sam/bin/python", "-c", EXPAND]
    done = subprocess.run(
        command,
        input=json.dumps([source, values]),
        env={"AWS_DEFAULT_REGION": "us-east-1"},
        stdout=subprocess.PIPE,
        text=True,
        check=True,
    )
    result: dict[str, Any] = json.loads(done.stdout)
    return result


def test_stack_is_well_below_the_limits_of_cloudformation() -> None:
    stack = expanded()
    assert len(stack["Resources"]) < 450  # of 500
    assert len(json.dumps(stack)) < 900_000  # of 1 MB
    assert len(stack["Parameters"]) < 200
    assert len(template.routes()) < 250  # of 300 resources of an API


def test_every_parameter_has_a_description() -> None:
    for name, parameter in template.load()["Parameters"].items():
        assert parameter["Description"].endswith("."), name
        if "AllowedPattern" in parameter:
            assert re.fullmatch(r"must be .*\.", parameter["ConstraintDescription"]), name


def test_local_stack_sets_the_parameters_without_default() -> None:
    local = (ROOT / "samconfig.toml").read_text()
    without_default = {name for name, each in template.load()["Parameters"].items() if "Default" not in each}
    assert without_default == {"MailSender", "LinkSite"}
    assert all(f'"{name}=' in local for name in without_default)


# ---- Layout ---------------------------------------------------------------------------------------------------------


def test_template_is_in_block_style_with_short_lines() -> None:
    text = (ROOT / "template.yaml").read_text()
    for number, line in enumerate(text.splitlines(), 1):
        assert len(line) <= 140, number
    flow_mappings = [token.start_mark.line + 1 for token in yaml.scan(text) if isinstance(token, FlowMapping)]
    assert flow_mappings == []


def test_sections_have_a_title() -> None:
    lines = (ROOT / "template.yaml").read_text().splitlines()
    for line in lines:
        if line.lstrip().startswith("# ----"):
            assert re.fullmatch(r"  # ---- [A-Z][\w ]+ -+", line), line
            assert len(line) == 120, line


# ---- Tracing --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("tracing", "traced"), [("Disabled", False), ("Active", True)])
def test_functions_may_write_traces_only_if_tracing_is_active(tracing: str, traced: bool) -> None:
    resources = expanded(Tracing=tracing)["Resources"]
    roles = [json.dumps(each) for each in resources.values() if each["Type"] == "AWS::IAM::Role"]
    functions = [each["Properties"] for each in resources.values() if each["Type"] == "AWS::Lambda::Function"]
    assert functions
    for function in functions:
        assert ("TracingConfig" in function) is traced
    for role in roles:
        assert ("AWSXrayWriteOnlyAccess" in role) is (traced and "AWSLambdaBasicExecutionRole" in role)
    disabled = template.load()["Globals"]["Function"]["Environment"]["Variables"]["POWERTOOLS_TRACE_DISABLED"]
    assert StandIns({"Tracing": tracing}).value(disabled) == ("false" if traced else "true")
