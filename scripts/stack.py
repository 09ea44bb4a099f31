"""What plays AWS on this machine? One MiniStack, with the real template deployed to it."""

import contextlib
import json
import os
import re
import shutil
import signal
import socket
import subprocess
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import boto3
from botocore.config import Config
from botocore.exceptions import HTTPClientError

import building
import template
from building import KEEL, Stopped
from template import ROOT

STACK = "keel"
ARTIFACTS = "keel-artifacts"
FRAMES = ("START ", "END ", "REPORT ", "INIT")  # what Lambda itself logs around what a function prints
LATE = 5_000  # milliseconds within which a line may come after a later one
DEPLOYED = "/keel/deployed"  # the parameter that tells which sources are deployed; it is kept with what it describes


class Stack:
    """One MiniStack with Keel deployed to it. Two of them do not meet if their folders and ports differ."""

    def __init__(self, folder: Path, port: int, parameters: dict[str, str] | None = None) -> None:
        """`parameters` of the template go before those of samconfig.toml."""
        self.folder, self.port, self._parameters = folder, port, parameters or {}
        self.endpoint = f"http://127.0.0.1:{port}"
        self._process: subprocess.Popen[bytes] | None = None

    # ---- Starting and stopping ------------------------------------------------------------------------------------

    def start(self) -> None:
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", self.port)) == 0:
                raise Stopped(f"Port {self.port} is taken. Free it, or choose another: make dev KEEL_PORT=4600")
        shutil.rmtree(self.folder / "tmp", ignore_errors=True)
        (self.folder / "tmp").mkdir(parents=True)
        self._rewind_streams()
        self._readdress_queues()
        with (self.folder / "ministack.log").open("wb") as log:
            self._process = subprocess.Popen(
                [KEEL / "ministack/bin/ministack"],
                env=self._environment(),
                stdout=log,
                stderr=log,
                cwd=self.folder,
                start_new_session=True,  # Ctrl-C is for us: MiniStack saves its data on the SIGTERM that we send
            )
        (self.folder / "pid").write_text(str(self._process.pid))
        deadline = time.monotonic() + 60
        while not self.healthy():
            if self._process.poll() is not None or time.monotonic() > deadline:
                raise Stopped(f"MiniStack did not start:\n{self._said()}")
            time.sleep(0.1)

    def _rewind_streams(self) -> None:
        """MiniStack keeps how far the consumers of a stream have read but not the stream, which begins anew at 0:
        without this, they would sleep through as many changes as they had read before the restart."""
        state = self.folder / "state/lambda.json"
        if state.exists():
            kept = json.loads(state.read_text())
            kept["payload"].pop("dynamodb_stream_positions", None)
            state.write_text(json.dumps(kept))

    def _readdress_queues(self) -> None:
        """MiniStack knows a queue by its address, which holds the port that the data was made on."""
        for name in ("cloudformation", "lambda", "sqs"):
            state = self.folder / f"state/{name}.json"
            if state.exists():
                kept = state.read_text()
                state.write_text(re.sub(r"http://localhost:\d+/(?=\d{12}/)", f"http://localhost:{self.port}/", kept))

    def _environment(self) -> dict[str, str]:
        # The functions inherit it, so it holds nothing of the host's that they could come to depend on.
        return {
            "PATH": os.environ["PATH"],
            "HOME": str(self.folder),
            "LANG": "C.UTF-8",
            "GATEWAY_PORT": str(self.port),
            "BIND_HOST": "127.0.0.1",
            "AUTH": "true",
            "PERSIST_STATE": "1",
            "S3_PERSIST": "1",
            "STATE_DIR": str(self.folder / "state"),
            "S3_DATA_DIR": str(self.folder / "s3"),
            "TMPDIR": str(self.folder / "tmp"),
            # What comes at once beyond this is refused with a 429 outside the envelope; each is a process.
            "LAMBDA_ACCOUNT_CONCURRENCY": str(max(24, min(100, 10 * building.memory_gigabytes()))),
            "LAMBDA_WARM_TTL_SECONDS": "900",  # a process that waits costs little, starting one costs a second
            "IOT_MTLS_ENABLED": "0",
            "LOG_LEVEL": "WARNING",
        }

    def healthy(self) -> bool:
        try:
            with urllib.request.urlopen(f"{self.endpoint}/_ministack/health", timeout=5):
                return True
        except (urllib.error.URLError, OSError):
            return False

    def running(self) -> bool:
        return self._pid() is not None

    def _pid(self) -> int | None:
        """The process, if the one whose number was noted still runs and still is MiniStack."""
        try:
            pid = int((self.folder / "pid").read_text())
        except FileNotFoundError:
            return None
        if self._process is not None:
            return pid if self._process.poll() is None else None
        found = subprocess.run(["ps", "-o", "args=", "-p", str(pid)], capture_output=True, text=True, check=False)
        return pid if "ministack" in found.stdout else None

    def stop(self) -> None:
        """Its data is kept: MiniStack writes it when it is asked to end."""
        pid = self._pid()
        if pid is not None:
            os.kill(pid, signal.SIGTERM)
            while self._pid() is not None:
                time.sleep(0.05)
            # What it leaves of the functions' processes may wait for long, each with its 50 MB.
            with contextlib.suppress(ProcessLookupError):
                os.killpg(pid, signal.SIGKILL)
        (self.folder / "pid").unlink(missing_ok=True)

    def kill(self) -> None:
        """Its data is lost, which takes no time."""
        if self._process is not None and self._process.poll() is None:
            os.killpg(self._process.pid, signal.SIGKILL)
            self._process.wait()

    # ---- Deploying ------------------------------------------------------------------------------------------------

    def client(self, service: str) -> Any:
        return boto3.client(  # type: ignore[call-overload]
            service,
            endpoint_url=self.endpoint,
            region_name="us-east-1",
            aws_access_key_id="test",
            aws_secret_access_key="test",
            config=Config(retries={"max_attempts": 2}),
        )

    def deploy(self) -> None:
        """Builds and deploys the template, unless these very sources are deployed already."""
        if self._deployed() != building.digest():
            building.build()
            self.client("s3").create_bucket(Bucket=ARTIFACTS)
            chosen = [*building.overrides(), *(f"{name}={value}" for name, value in self._parameters.items())]
            building.sam(
                "deploy",
                "--template-file",
                building.BUILD / "template.yaml",
                "--parameter-overrides",
                *chosen,
                endpoint=self.endpoint,
            )
            self._mend()
            self._set_deployed(building.digest())
        # Who may send mail is not kept over a restart.
        self.client("sesv2").create_email_identity(EmailIdentity=building.parameter("MailSender"))

    def _deployed(self) -> str | None:
        ssm = self.client("ssm")
        try:
            return str(ssm.get_parameter(Name=DEPLOYED)["Parameter"]["Value"])
        except ssm.exceptions.ParameterNotFound:
            return None

    def _set_deployed(self, value: str) -> None:
        self.client("ssm").put_parameter(Name=DEPLOYED, Value=value, Type="String", Overwrite=True)

    def _mend(self) -> None:
        """Does what MiniStack's CloudFormation leaves out: expiry of items and the gateway's own answers."""
        ttl = template.resources("AWS::DynamoDB::Table")["Table"]["TimeToLiveSpecification"]
        self.client("dynamodb").update_time_to_live(TableName=self.table(), TimeToLiveSpecification=ttl)
        gateway, api = self.client("apigateway"), self.physical("Api")
        properties = template.resources("AWS::Serverless::Api")["Api"]
        for kind, answer in properties["GatewayResponses"].items():
            headers = answer["ResponseParameters"]["Headers"]
            gateway.put_gateway_response(
                restApiId=api,
                responseType=kind,
                **({"statusCode": str(answer["StatusCode"])} if "StatusCode" in answer else {}),
                responseParameters={f"gatewayresponse.header.{name}": value for name, value in headers.items()},
                responseTemplates=answer["ResponseTemplates"],
            )
        gateway.create_deployment(restApiId=api, stageName=properties["StageName"])
        # A number that comes from a parameter stays a text, and the first such text stops all queues.
        functions = self.client("lambda")
        for source in functions.list_event_source_mappings()["EventSourceMappings"]:
            if "ScalingConfig" in source:
                limit = {"MaximumConcurrency": int(source["ScalingConfig"]["MaximumConcurrency"])}
                functions.update_event_source_mapping(UUID=source["UUID"], ScalingConfig=limit)

    def physical(self, logical: str) -> str:
        found = self.client("cloudformation").describe_stack_resource(StackName=STACK, LogicalResourceId=logical)
        return str(found["StackResourceDetail"]["PhysicalResourceId"])

    def table(self) -> str:
        """The name of the table that the functions work on."""
        [found] = self.client("cloudformation").describe_stacks(StackName=STACK)["Stacks"]
        return str({each["OutputKey"]: each["OutputValue"] for each in found["Outputs"]}["TableName"])

    def url(self) -> str:
        """An operation X is POST <url>/api/X."""
        return f"{self.endpoint}/_aws/execute-api/{self.physical('Api')}/v1"

    def warm(self) -> None:
        """Calls each function once: nobody's first call waits for a process to start."""
        paths = {folder: path for (method, path), folder in template.routes().items() if method == "POST"}
        requests = [
            urllib.request.Request(self.url() + path.replace("{proxy+}", "-"), method="OPTIONS")
            for path in paths.values()
        ]
        with ThreadPoolExecutor(os.cpu_count()) as pool:
            for answer in pool.map(lambda request: urllib.request.urlopen(request, timeout=120), requests):
                answer.close()

    # ---- Code changes ---------------------------------------------------------------------------------------------

    def sync(self, changed: set[str]) -> None:
        """Puts the code of function folders, or of the layer ("keel"), live without CloudFormation."""
        self._set_deployed("")  # what runs is no longer what was deployed
        functions, layer = self.client("lambda"), None
        if "keel" in changed:
            content = {"ZipFile": building.zipped(ROOT / "layers/keel")}
            layer = functions.publish_layer_version(LayerName="KeelLayer", Content=content)["LayerVersionArn"]
        for folder in template.functions():
            if layer is None and folder not in changed:
                continue
            name = self.physical(building.logical_id(folder))
            if folder in changed:
                functions.update_function_code(FunctionName=name, ZipFile=building.zipped(ROOT / "functions" / folder))
            if layer:
                layers = [each["Arn"] for each in functions.get_function_configuration(FunctionName=name)["Layers"]]
                layers = [layer if each.rpartition(":")[0] == layer.rpartition(":")[0] else each for each in layers]
                functions.update_function_configuration(FunctionName=name, Layers=layers)
            version = functions.publish_version(FunctionName=name)["Version"]
            functions.update_alias(FunctionName=name, Name="live", FunctionVersion=version)

    def logs(self) -> Iterator[str]:
        """Lines that the functions print, as they come, and "" when there is none just now."""
        pages = self.client("logs").get_paginator("filter_log_events")
        since, seen = int(time.time() * 1_000), set[tuple[int, str, str]]()
        while True:
            try:
                found = pages.paginate(logGroupName=f"/keel/{STACK}", startTime=since - LATE).build_full_result()
            except HTTPClientError as error:
                raise Stopped(f"MiniStack has ended:\n{self._said()}") from error
            for event in found["events"]:
                # Two that say the same in one millisecond are shown once: they have no id here.
                line = (event["timestamp"], event["logStreamName"], event["message"])
                if line not in seen and event["timestamp"] >= since - LATE and not line[2].startswith(FRAMES):
                    yield event["message"].rstrip()
                seen.add(line)
                since = max(since, event["timestamp"])
            seen = {line for line in seen if line[0] >= since - LATE}
            yield ""

    def _said(self) -> str:
        return (self.folder / "ministack.log").read_text()[-2_000:]
