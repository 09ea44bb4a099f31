"""Run the stack on MiniStack, an emulator of AWS, and deploy the template to it."""

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
from building import KEEL, CommandError
from template import ROOT

STACK = "keel"
ARTIFACTS = "keel-artifacts"
LAMBDA_LINES = ("START ", "END ", "REPORT ", "INIT")  # what Lambda itself logs
LATE = 5_000  # milliseconds by which a log line may arrive after a later one
DEPLOYED = "/keel/deployed"  # SSM parameter with the digest of the deployed sources


class Stack:
    """A MiniStack process with Keel deployed to it. Instances with different folders and ports are independent."""

    def __init__(self, folder: Path, port: int, parameters: dict[str, str] | None = None) -> None:
        """`parameters` override those of samconfig.toml."""
        self.folder, self.port, self._parameters = folder, port, parameters or {}
        self.endpoint = f"http://127.0.0.1:{port}"
        self._process: subprocess.Popen[bytes] | None = None

    # ---- Starting and stopping ------------------------------------------------------------------------------------

    def start(self) -> None:
        """Start MiniStack with the data of its folder. Raises CommandError if it does not start."""
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", self.port)) == 0:
                raise CommandError(f"Port {self.port} is in use. Free it or choose another: make dev KEEL_PORT=4600")
        shutil.rmtree(self.folder / "tmp", ignore_errors=True)
        (self.folder / "tmp").mkdir(parents=True)
        self._rewind_streams()
        self._move_queues_to_port()
        with (self.folder / "ministack.log").open("wb") as log:
            self._process = subprocess.Popen(
                [KEEL / "ministack/bin/ministack"],
                env=self._environment(),
                stdout=log,
                stderr=log,
                cwd=self.folder,
                start_new_session=True,  # Ctrl-C must not reach MiniStack, which saves its data only on SIGTERM
            )
        (self.folder / "pid").write_text(str(self._process.pid))
        deadline = time.monotonic() + 60
        while not self.healthy():
            if self._process.poll() is not None or time.monotonic() > deadline:
                raise CommandError(f"MiniStack did not start:\n{self._output()}")
            time.sleep(0.1)

    def _rewind_streams(self) -> None:
        """Reset the positions of the stream's consumers.

        MiniStack saves the positions but not the stream, which starts at 0 again. Consumers would skip as many changes
        as they had read before the restart.
        """
        state = self.folder / "state/lambda.json"
        if state.exists():
            saved = json.loads(state.read_text())
            saved["payload"].pop("dynamodb_stream_positions", None)
            state.write_text(json.dumps(saved))

    def _move_queues_to_port(self) -> None:
        """Replace the port in the URLs of saved queues, which is that of the last start."""
        for name in ("cloudformation", "lambda", "sqs"):
            state = self.folder / f"state/{name}.json"
            if state.exists():
                saved = state.read_text()
                state.write_text(re.sub(r"http://localhost:\d+/(?=\d{12}/)", f"http://localhost:{self.port}/", saved))

    def _environment(self) -> dict[str, str]:
        # The functions inherit it, so it has no variables of the host that they could depend on by accident.
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
            # Each concurrent call is a process. MiniStack throttles calls beyond this limit.
            "LAMBDA_ACCOUNT_CONCURRENCY": str(max(24, min(100, 10 * building.memory_gigabytes()))),
            "LAMBDA_WARM_TTL_SECONDS": "900",  # starting a process takes a second, keeping it costs little
            "IOT_MTLS_ENABLED": "0",
            "LOG_LEVEL": "WARNING",
        }

    def healthy(self) -> bool:
        """Whether MiniStack responds."""
        try:
            with urllib.request.urlopen(f"{self.endpoint}/_ministack/health", timeout=5):
                return True
        except (urllib.error.URLError, OSError):
            return False

    def running(self) -> bool:
        """Whether the MiniStack process exists."""
        return self._pid() is not None

    def _pid(self) -> int | None:
        """The process id of MiniStack, None if it has ended or its id was reused."""
        try:
            pid = int((self.folder / "pid").read_text())
        except FileNotFoundError:
            return None
        if self._process is not None:
            return pid if self._process.poll() is None else None
        found = subprocess.run(["ps", "-o", "args=", "-p", str(pid)], capture_output=True, text=True, check=False)
        return pid if "ministack" in found.stdout else None

    def stop(self) -> None:
        """Stop MiniStack, which saves its data."""
        pid = self._pid()
        if pid is not None:
            os.kill(pid, signal.SIGTERM)
            while self._pid() is not None:
                time.sleep(0.05)
            # Processes of functions may outlive it, with about 50 MB each.
            with contextlib.suppress(ProcessLookupError):
                os.killpg(pid, signal.SIGKILL)
        (self.folder / "pid").unlink(missing_ok=True)

    def kill(self) -> None:
        """Stop MiniStack at once; its data is lost."""
        if self._process is not None and self._process.poll() is None:
            os.killpg(self._process.pid, signal.SIGKILL)
            self._process.wait()

    # ---- Deploying ------------------------------------------------------------------------------------------------

    def client(self, service: str) -> Any:
        """A boto3 client for MiniStack."""
        return boto3.client(  # type: ignore[call-overload]
            service,
            endpoint_url=self.endpoint,
            region_name="us-east-1",
            aws_access_key_id="test",
            aws_secret_access_key="test",
            config=Config(retries={"max_attempts": 2}),
        )

    def deploy(self) -> None:
        """Build and deploy the template, unless these sources are deployed already."""
        if self._deployed() != building.digest():
            building.build()
            self.client("s3").create_bucket(Bucket=ARTIFACTS)
            overrides = [*building.overrides(), *(f"{name}={value}" for name, value in self._parameters.items())]
            building.sam(
                "deploy",
                "--template-file",
                building.BUILD / "template.yaml",
                "--parameter-overrides",
                *overrides,
                endpoint=self.endpoint,
            )
            self._set_up()
            self._set_deployed(building.digest())
        # MiniStack does not save identities.
        self.client("sesv2").create_email_identity(EmailIdentity=building.parameter("MailSender"))

    def _deployed(self) -> str | None:
        ssm = self.client("ssm")
        try:
            return str(ssm.get_parameter(Name=DEPLOYED)["Parameter"]["Value"])
        except ssm.exceptions.ParameterNotFound:
            return None

    def _set_deployed(self, value: str) -> None:
        self.client("ssm").put_parameter(Name=DEPLOYED, Value=value, Type="String", Overwrite=True)

    def _set_up(self) -> None:
        """Apply what MiniStack's CloudFormation ignores: time to live and gateway responses."""
        ttl = template.resources("AWS::DynamoDB::Table")["Table"]["TimeToLiveSpecification"]
        self.client("dynamodb").update_time_to_live(TableName=self.table(), TimeToLiveSpecification=ttl)
        gateway, api = self.client("apigateway"), self.physical("Api")
        properties = template.resources("AWS::Serverless::Api")["Api"]
        for response_type, response in properties["GatewayResponses"].items():
            headers = response["ResponseParameters"]["Headers"]
            gateway.put_gateway_response(
                restApiId=api,
                responseType=response_type,
                statusCode=str(response["StatusCode"]),
                responseParameters={f"gatewayresponse.header.{name}": value for name, value in headers.items()},
                responseTemplates=response["ResponseTemplates"],
            )
        gateway.create_deployment(restApiId=api, stageName=properties["StageName"])

    def physical(self, logical: str) -> str:
        """The physical id of a resource of the template."""
        described = self.client("cloudformation").describe_stack_resource(StackName=STACK, LogicalResourceId=logical)
        return str(described["StackResourceDetail"]["PhysicalResourceId"])

    def table(self) -> str:
        """The name of the table that the functions use."""
        [described] = self.client("cloudformation").describe_stacks(StackName=STACK)["Stacks"]
        return str({each["OutputKey"]: each["OutputValue"] for each in described["Outputs"]}["TableName"])

    def url(self) -> str:
        """The base URL of the API; an operation is called with POST <url>/api/<operation>."""
        return f"{self.endpoint}/_aws/execute-api/{self.physical('Api')}/v1"

    def warm(self) -> None:
        """Call each function of the API once, so that the first call of a user does not wait for a process."""
        paths = {folder: path for (_, path), folder in template.routes().items()}
        with ThreadPoolExecutor(os.cpu_count()) as pool:
            list(pool.map(self._call_without_token, paths.values()))

    def _call_without_token(self, path: str) -> None:
        request = urllib.request.Request(self.url() + path.replace("{proxy+}", "-"), method="POST")
        with contextlib.suppress(urllib.error.HTTPError):  # every function rejects such a call
            urllib.request.urlopen(request, timeout=120).close()

    # ---- Code changes ---------------------------------------------------------------------------------------------

    def sync(self, changed: set[str]) -> None:
        """Replace the code of functions, by folder, or of the layer ("keel") without CloudFormation."""
        self._set_deployed("")  # the next deployment must not be skipped
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
        """Log lines of the functions as they arrive, and "" whenever there is none."""
        pages = self.client("logs").get_paginator("filter_log_events")
        since, seen = int(time.time() * 1_000), set[tuple[int, str, str]]()
        while True:
            try:
                page = pages.paginate(logGroupName=f"/keel/{STACK}", startTime=since - LATE).build_full_result()
            except HTTPClientError as error:
                raise CommandError(f"MiniStack has ended:\n{self._output()}") from error
            for event in page["events"]:
                # Events have no ids here: equal lines within a millisecond are shown once.
                line = (event["timestamp"], event["logStreamName"], event["message"])
                if line not in seen and event["timestamp"] >= since - LATE and not line[2].startswith(LAMBDA_LINES):
                    yield event["message"].rstrip()
                seen.add(line)
                since = max(since, event["timestamp"])
            seen = {line for line in seen if line[0] >= since - LATE}
            yield ""

    def _output(self) -> str:
        return (self.folder / "ministack.log").read_text()[-2_000:]
