"""Deploy, change a parameter and restore data with the commands of docs/operating.md."""

import json
import os
import re
import shlex
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import urllib3

import building
from stack import Stack
from template import ROOT
from tests.conftest import PASSWORD
from tests.e2e.conftest import eventually
from tests.harness.dynamodb_local import free_port

pytestmark = pytest.mark.e2e

GUIDE = (ROOT / "docs/operating.md").read_text()
SENDER = "keel@operated.example"
ANSWERS = ("nobody", SENDER, "https://app.operated.example", "")  # the first does not fit, and is asked for again


def told(beginning: str) -> list[str]:
    """The arguments of a command that the page shows."""
    [command] = [line for line in GUIDE.splitlines() if line.strip().startswith(beginning)]
    return shlex.split(command)[1:]


class Operated:
    """An AWS of its own, which knows nothing of Keel yet, and a shell with credentials for it."""

    def __init__(self, folder: Path, port: int) -> None:
        self.aws = Stack(folder, port)
        self._pool = urllib3.PoolManager(retries=False, timeout=120)
        self._environment = {
            "PATH": os.environ["PATH"],
            "HOME": str(folder),
            "AWS_ENDPOINT_URL": self.aws.endpoint,
            "AWS_ACCESS_KEY_ID": "test",
            "AWS_SECRET_ACCESS_KEY": "test",
            "AWS_DEFAULT_REGION": "us-east-1",
            "AWS_EC2_METADATA_DISABLED": "true",
            "KEEL_PLATFORM": f"{building.RUNTIME} {building.ARCHITECTURE}",
            "SAM_TEMPLATE_FILE": str(building.write_template()),
            "SAM_CLI_TELEMETRY": "0",
            "SAM_CLI_POLL_DELAY": "1",
        }

    def make(self, *arguments: str, typed: str = "", without: str = "") -> "subprocess.CompletedProcess[str]":
        environment = {name: value for name, value in self._environment.items() if name != without}
        command = ["make", "--no-print-directory", *arguments]
        return subprocess.run(
            command, cwd=ROOT, env=environment, input=typed, capture_output=True, text=True, check=False, timeout=600
        )

    def call(self, operation: str, body: Any, token: str = "") -> Any:
        headers = {"Content-Type": "application/json", "Authorization": f"Bearer {token}"}
        response = self._pool.request(
            "POST", f"{self.aws.url()}/api/{operation}", body=json.dumps(body), headers=headers
        )
        return response.json() | {"headers": response.headers}

    def mailed_to(self, address: str) -> bool:
        answer = self._pool.request("GET", f"{self.aws.endpoint}/_ministack/ses/messages").json()
        return any(mail["To"] == [address] for mails in answer["messages"].values() for mail in mails)

    def owner(self, name: str) -> str:
        body = {"email": f"{name}@operated.example", "password": PASSWORD, "name": name}
        return str(self.call("auth-register", body)["result"]["access_token"])


@pytest.fixture(scope="module")
def operated() -> Iterator[Operated]:
    with tempfile.TemporaryDirectory(prefix="keel-operated-") as folder:
        operated = Operated(Path(folder), free_port())
        try:
            operated.aws.start()
            # MiniStack knows no saved queries, which come with the dashboard.
            first = operated.make("deploy", "PARAMETERS=Dashboard=false", typed="\n".join(ANSWERS) + "\n")
            assert first.returncode == 0, first.stdout[-4000:] + first.stderr[-4000:]
            assert "MailSender must be one email address, such as keel@example.com." in first.stdout
            assert f"does not send email from {SENDER} yet" in first.stdout
            operated.aws.client("sesv2").create_email_identity(EmailIdentity=SENDER)
            yield operated
        finally:
            operated.aws.kill()


def test_a_second_deployment_asks_nothing_and_changes_nothing(operated: Operated) -> None:
    second = operated.make("deploy")
    assert second.returncode == 0, second.stderr[-4000:]
    assert "No changes to deploy" in second.stdout
    assert "MailSender:" not in second.stdout


def test_a_changed_parameter_holds_for_the_next_call(operated: Operated) -> None:
    token = operated.owner("ada")
    assert operated.call("auth-me", {}, token)["headers"]["RateLimit-Limit"] == "20"
    changed = operated.make(*told('make deploy PARAMETERS="RateUser'))
    assert changed.returncode == 0, changed.stderr[-4000:]
    assert operated.call("auth-me", {}, token)["headers"]["RateLimit-Limit"] == "40"


def test_a_parameter_that_does_not_fit_is_refused_before_anything_is_built(operated: Operated) -> None:
    for given, said in (
        ("RateUser=20", "RateUser must be calls per second and burst, such as 10/20."),
        ("RateUsers=1/2", "no such parameter"),
        ("PythonRuntime=python3.12", "KEEL_PLATFORM"),
        ("ExistingTable=", "Set both ExistingTable and ExistingTableStream."),
    ):
        refused = operated.make("deploy", f"PARAMETERS={given}")
        assert refused.returncode != 0
        assert said in refused.stderr
        assert "Building" not in refused.stdout


@pytest.mark.parametrize("command", ["deploy", "restore"])
@pytest.mark.parametrize(
    ("without", "said"),
    [
        ("AWS_ACCESS_KEY_ID", "AWS returned an error: Unable to locate credentials"),
        ("AWS_DEFAULT_REGION", "AWS returned an error: You must specify a region"),
    ],
)
def test_who_is_not_signed_in_is_told_how(operated: Operated, command: str, without: str, said: str) -> None:
    refused = operated.make(command, without=without)
    assert refused.returncode != 0
    assert said in refused.stderr
    assert "aws configure" in refused.stderr
    assert "Traceback" not in refused.stderr


def test_what_is_lost_comes_back_from_a_restored_table(operated: Operated) -> None:
    token, dynamodb = operated.owner("grace"), operated.aws.client("dynamodb")
    contact = operated.call("contacts-create", {"first_name": "Grace", "tags": ["navy"]}, token)["result"]
    # MiniStack restores what is there now, whatever time is given: so the loss comes second.
    restored = operated.make(*told("make restore"))
    assert restored.returncode == 0, restored.stderr
    lose_everything(dynamodb, operated.aws.table())
    assert operated.call("contacts-list", {}, token)["error"]["code"] == "auth.invalid_token"

    *_, command = restored.stdout.splitlines()
    assert re.sub('=[^ "]+', "=…", command.partition('"')[2]) in GUIDE  # the command that the page says it shows
    moved = operated.make(*shlex.split(command)[1:])
    assert moved.returncode == 0, moved.stdout[-4000:] + moved.stderr[-4000:]

    found = operated.call("contacts-list", {"tags": ["navy"], "search": "grac"}, token)["result"]["items"]
    assert found == [contact]
    operated.call("users-invite", {"email": "new@operated.example", "name": "New"}, token)
    eventually(lambda: operated.mailed_to("new@operated.example"))  # by the stream of the restored table
    table = operated.aws.table()
    assert table.startswith("keel-restored-")
    assert dynamodb.describe_time_to_live(TableName=table)["TimeToLiveDescription"]["AttributeName"] == "ttl"
    backups = dynamodb.describe_continuous_backups(TableName=table)["ContinuousBackupsDescription"]
    assert backups["PointInTimeRecoveryDescription"]["PointInTimeRecoveryStatus"] == "ENABLED"
    assert dynamodb.describe_table(TableName=table)["Table"]["DeletionProtectionEnabled"] is True


def lose_everything(dynamodb: Any, table: str) -> None:
    for page in dynamodb.get_paginator("scan").paginate(TableName=table):
        for item in page["Items"]:
            dynamodb.delete_item(TableName=table, Key={"pk": item["pk"], "sk": item["sk"]})


def test_kept_data_serves_on_another_port(operated: Operated) -> None:
    operated.aws.stop()
    operated.aws = Stack(operated.aws.folder, free_port())
    operated.aws.start()
    token = operated.owner("joan")
    made = operated.call("exports-create", {"model_type": "contacts", "format": "csv"}, token)["result"]

    def done() -> bool:  # by a queue, whose address holds the port
        return bool(operated.call("exports-get", {"id": made["id"]}, token)["result"]["status"] == "completed")

    eventually(done)
