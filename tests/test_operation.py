"""Test alarms, metrics and logs for everything that can wait, fail or be set aside."""

import json
import time
from types import SimpleNamespace
from typing import Any

import jwt
import pytest
from botocore.exceptions import ClientError

import deploy
import idle_cost
import template
import token_keys
from keel import clock
from keel.api import rate_limits
from tests.harness.gateway import fresh_address
from tests.harness.streams import queued

ALARMS = template.resources("AWS::CloudWatch::Alarm")
GUIDE = (template.ROOT / "docs/operating.md").read_text()


@pytest.mark.parametrize("name", ALARMS)
def test_an_alarm_reaches_the_operator_and_is_in_the_guide(name: str) -> None:
    alarm = ALARMS[name]
    assert alarm["AlarmActions"] == [{"Ref": "AlarmTopic"}]
    assert alarm["TreatMissingData"] == "notBreaching"
    assert f"| `{name}` |" in GUIDE


def test_every_consumer_of_the_stream_is_watched_for_its_lag() -> None:
    consumers = [
        logical
        for logical, function in template.resources("AWS::Serverless::Function").items()
        if any(event["Type"] == "DynamoDB" for event in function.get("Events", {}).values())
    ]
    assert consumers
    for logical in consumers:
        alarm = ALARMS[logical.removesuffix("Function") + "LagAlarm"]
        assert alarm["Dimensions"] == [{"Name": "FunctionName", "Value": {"Ref": logical}}]
        assert alarm["MetricName"] == "IteratorAge"


def test_a_stream_record_that_went_aside_is_told_at_once() -> None:
    bucket = template.resources("AWS::S3::Bucket")["StreamFailures"]
    assert bucket["NotificationConfiguration"]["TopicConfigurations"][0]["Topic"] == {"Ref": "AlarmTopic"}


def test_the_dashboard_is_valid_json() -> None:
    body = template.resources("AWS::CloudWatch::Dashboard")["Overview"]["DashboardBody"]["Fn::Sub"][0]
    assert len(json.loads(body)["widgets"]) >= 6


def metrics(text: str) -> list[dict[str, Any]]:
    return [line for line in map(json.loads, text.splitlines()) if "_aws" in line]


def test_a_refusal_for_the_rate_is_counted_without_naming_anybody(call, rates, capsys, monkeypatch) -> None:
    rates(public="1/1")
    now = time.time_ns()
    monkeypatch.setattr(rate_limits, "time", SimpleNamespace(time_ns=lambda: now))  # no bucket fills meanwhile
    address = fresh_address()
    call("auth-refresh-token", {"refresh_token": "x"}, address=address)
    capsys.readouterr()
    assert call("auth-refresh-token", {"refresh_token": "x"}, address=address).status == 429
    (metric,) = metrics(capsys.readouterr().out)
    assert metric["RateLimited"] == [1.0]
    assert metric["_aws"]["CloudWatchMetrics"][0]["Dimensions"] == [["service"]]
    assert metric.keys() == {"_aws", "service", "RateLimited"}


def test_a_fault_is_counted(call, inject, capsys) -> None:
    inject("UpdateItem", RuntimeError("storage is gone"), times=10)
    assert call("auth-refresh-token", {"refresh_token": "x"}).code == "auth.internal"
    assert [metric["ServerErrors"] for metric in metrics(capsys.readouterr().out)] == [[1.0]]


@pytest.mark.parametrize(("minutes", "told"), [(15, []), (40, [[2400.0]])])
def test_a_message_that_has_waited_is_told_whatever_becomes_of_it(invoke, capsys, minutes, told) -> None:
    sent = clock.now() - minutes * clock.MINUTE
    capsys.readouterr()
    invoke("cascade_worker", {"Records": [queued("{"), queued("{", "2", sent=sent)]})
    lines = [line for line in metrics(capsys.readouterr().out) if "MessageAge" in line]
    assert [line["MessageAge"] for line in lines] == told
    assert all(line["_aws"]["CloudWatchMetrics"][0]["Dimensions"] == [["service"]] for line in lines)


def test_a_deployment_that_nobody_uses_costs_at_most_three_dollars_a_month() -> None:
    assert 1 < idle_cost.idle() <= 3
    assert idle_cost.inserted(GUIDE) == GUIDE, "run make openapi"
    assert GUIDE.count(f") | {idle_cost.idle():.2f} | ") == 3  # in the sums of the three sizes


def test_a_scheduled_run_that_fails_is_told_and_left_to_the_next_one() -> None:
    scheduled = [
        (each, event["Properties"])
        for each in template.functions().values()
        for event in each.get("Events", {}).values()
        if "Schedule" in event["Type"]
    ]
    assert len(scheduled) == 4
    for function, schedule in scheduled:
        assert function["EventInvokeConfig"]["MaximumRetryAttempts"] == 0
        assert schedule["RetryPolicy"]["MaximumRetryAttempts"] == 0
    counted = template.resources("AWS::Logs::MetricFilter")["FunctionFailuresFilter"]
    assert counted["LogGroupName"] == {"Ref": "Logs"}
    [metric] = counted["MetricTransformations"]
    alarm = ALARMS["FunctionFailuresAlarm"]
    assert (metric["MetricNamespace"], metric["MetricName"]) == (alarm["Namespace"], alarm["MetricName"])


def test_how_often_scheduled_functions_ask_while_nothing_is_due_is_counted(invoke, round_trips) -> None:
    scheduled = {
        folder
        for folder, properties in template.functions().items()
        if any(event["Type"] == template.SCHEDULE for event in properties.get("Events", {}).values())
    }
    assert idle_cost.READS.keys() == scheduled
    for folder in ("due_retries", "failing_endpoints"):  # nearly all of it
        invoke(folder, {})  # what other tests have left
        with round_trips() as trips:
            invoke(folder, {})
        assert len(trips.calls) == idle_cost.READS[folder], folder


# ---- Keys -----------------------------------------------------------------------------------------------------------


@pytest.fixture
def secret(stand_ins):
    """Its name and the client that holds it; as it was when the test is over."""
    from keel.api import signing_keys
    from keel.storage import clients

    client, name = clients.client("secretsmanager"), stand_ins.environment("auth")["TOKEN_KEYS_SECRET"]
    before = client.get_secret_value(SecretId=name)["SecretString"]
    yield client, name
    client.put_secret_value(SecretId=name, SecretString=before)
    signing_keys._ring = None


def test_a_rotation_ends_no_token(call, owner, secret):
    from keel.api import signing_keys

    client, name = secret
    old = owner().token

    def everybody_looks(_seconds):
        signing_keys._ring = None
        assert call("auth-me", token=owner().token).status == 200

    signs = token_keys.rotate(client, name, force=False, wait=everybody_looks)
    signing_keys._ring = None
    new = owner().token
    assert jwt.get_unverified_header(new)["kid"] == signs != jwt.get_unverified_header(old)["kid"]
    assert [call("auth-me", token=token).status for token in (old, new)] == [200, 200]


@pytest.mark.parametrize("content", [None, "", "{}", '{"active":"k9","k1":"short"}'])
def test_the_keys_in_hand_go_on_while_others_cannot_be_fetched(call, owner, secret, monkeypatch, log_lines, content):
    from keel.api import signing_keys

    client, name = secret
    good = client.get_secret_value(SecretId=name)
    token, start, asked = owner().token, clock.now(), []

    def get_secret_value(**_asked):
        asked.append(1)
        if content is None:
            raise ClientError({"Error": {"Code": "InternalServiceError"}}, "GetSecretValue")
        return {"SecretString": content}

    monkeypatch.setattr(signing_keys, "_ring", signing_keys._fetch(start))
    monkeypatch.setattr(client, "get_secret_value", get_secret_value)

    def after(seconds):
        monkeypatch.setattr("keel.api.signing_keys.clock.now", lambda: start + 1_000 * seconds)
        return call("auth-me", token=token).status

    assert [after(seconds) for seconds in (299, 300, 301, 309)] == [200] * 4
    assert len(asked) == 1
    assert [line["level"] for line in log_lines() if line["message"] == "the keys could not be fetched"] == ["ERROR"]
    assert [after(seconds) for seconds in (310, 319)] == [200] * 2
    assert len(asked) == 2
    content = good["SecretString"]
    assert [after(seconds) for seconds in (320, 331, 619)] == [200] * 3
    assert len(asked) == 3


def test_who_has_not_looked_yet_learns_the_new_key_from_a_token(secret):
    client, name = secret
    seen = []
    token_keys.rotate(client, name, force=False, wait=lambda _: seen.append(client.get_secret_value(SecretId=name)))
    (between,) = [json.loads(each["SecretString"]) for each in seen]
    after = json.loads(client.get_secret_value(SecretId=name)["SecretString"])
    assert between["active"] != after["active"]
    assert {**between, "active": ""} == {**after, "active": ""}  # known before it signs


def test_the_command_that_rotates_keys_does(secret, monkeypatch, capsys):
    client, name = secret
    monkeypatch.setattr(token_keys, "KNOWN_AFTER", 0)
    monkeypatch.setenv("STACK", name.partition(":secret:")[2].partition("/")[0])
    before = json.loads(client.get_secret_value(SecretId=name)["SecretString"])["active"]
    monkeypatch.setenv("FORCE", "1")
    token_keys.main()
    after = json.loads(client.get_secret_value(SecretId=name)["SecretString"])["active"]
    assert after != before
    assert f"{after} is the signing key now." in capsys.readouterr().out


def test_a_second_rotation_within_a_day_needs_force(secret):
    client, name = secret
    token_keys.rotate(client, name, force=False, wait=lambda _: None)
    with pytest.raises(SystemExit, match="FORCE=1"):
        token_keys.rotate(client, name, force=False, wait=lambda _: None)
    first = json.loads(client.get_secret_value(SecretId=name)["SecretString"])
    token_keys.rotate(client, name, force=True, wait=lambda _: None)
    second = json.loads(client.get_secret_value(SecretId=name)["SecretString"])
    assert len(first) == len(second) == 3  # which signs, and two keys
    assert first["active"] in second


# ---- Deploying ------------------------------------------------------------------------------------------------------


def test_a_first_deployment_asks_until_the_answers_fit(capsys) -> None:
    replies = iter(["not an address", "keel@example.com", "https://app.example.com", ""])
    found = deploy.answers({}, lambda _question: next(replies))
    assert found == {"MailSender": "keel@example.com", "LinkSite": "https://app.example.com", "AlarmEmail": ""}
    assert "MailSender must be one email address, such as keel@example.com." in capsys.readouterr().out


def test_what_is_given_is_not_asked_for() -> None:
    given = deploy.read(["MailSender=a@b.example", "LinkSite=https://b.example", "AlarmEmail=x@b.example"])
    assert deploy.answers(given, lambda question: pytest.fail(question)) == given
    with pytest.raises(SystemExit, match="no such parameter"):
        deploy.read(["MailSendr=a@b.example"])
