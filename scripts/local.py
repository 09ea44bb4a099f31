"""How does Keel run on this machine? MiniStack plays AWS, and the real template is built and deployed to it.

local.py dev       start, deploy what changed, show logs, put code changes live; Ctrl-C stops it and keeps the data
local.py start     the same, and leave it running
local.py stop      stop it
local.py sync      put code changes live
local.py reset     wipe its data
"""

import hashlib
import io
import json
import os
import platform
import shutil
import signal
import socket
import subprocess
import sys
import time
import tomllib
import urllib.error
import urllib.request
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import boto3
from botocore.config import Config

import template
from template import ROOT

KEEL = ROOT / ".keel"
BUILD = KEEL / "build"
BUILDERS = [ROOT / "scripts" / name for name in ("dependencies.py", "bytecode.py", "target.py")]
SAM = ROOT / ".venv/bin/sam"
STACK = "keel"
RUNTIME = "python3.11"
ARCHITECTURE = "arm64" if platform.machine() in ("arm64", "aarch64") else "x86_64"
ARTIFACTS = "keel-artifacts"
DEPLOYED = "/keel/deployed"  # the parameter that tells which sources are deployed; it is kept with what it describes


class Stopped(Exception):
    """MiniStack cannot start, or has ended by itself; the message says why."""


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
                raise Stopped(f"MiniStack did not start:\n{(self.folder / 'ministack.log').read_text()[-2000:]}")
            time.sleep(0.1)

    def _rewind_streams(self) -> None:
        """MiniStack keeps how far the consumers of a stream have read but not the stream, which begins anew at 0:
        without this, they would sleep through as many changes as they had read before the restart."""
        state = self.folder / "state/lambda.json"
        if state.exists():
            kept = json.loads(state.read_text())
            kept["payload"].pop("dynamodb_stream_positions", None)
            state.write_text(json.dumps(kept))

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
            # What comes at once beyond this is refused with a 429 that looks like a rate limit; each is a process.
            "LAMBDA_ACCOUNT_CONCURRENCY": str(max(16, min(100, 5 * memory_gigabytes()))),
            "LAMBDA_WARM_TTL_SECONDS": "120",
            "IOT_MTLS_ENABLED": "0",
            "LOG_LEVEL": "WARNING",
        }

    def healthy(self) -> bool:
        try:
            with urllib.request.urlopen(f"{self.endpoint}/_ministack/health", timeout=5):  # noqa: S310 - our own
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
        (self.folder / "pid").unlink(missing_ok=True)

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
        if self._deployed() != digest():
            build()
            self.client("s3").create_bucket(Bucket=ARTIFACTS)
            chosen = [*overrides(), *(f"{name}={value}" for name, value in self._parameters.items())]
            sam("deploy", "--template-file", BUILD / "template.yaml", "--parameter-overrides", *chosen, at=self)
            self._mend()
            self._set_deployed(digest())
        # Who may send mail is not kept over a restart.
        self.client("sesv2").create_email_identity(EmailIdentity=parameter("MailSender"))

    def _deployed(self) -> str | None:
        ssm = self.client("ssm")
        try:
            return str(ssm.get_parameter(Name=DEPLOYED)["Parameter"]["Value"])
        except ssm.exceptions.ParameterNotFound:
            return None

    def _set_deployed(self, value: str) -> None:
        self.client("ssm").put_parameter(Name=DEPLOYED, Value=value, Type="String", Overwrite=True)

    def _mend(self) -> None:
        """Does what MiniStack's CloudFormation leaves out: expiry of items, the gateway's answers, a policy."""
        name, ttl = (
            self.physical("Table"),
            template.resources("AWS::DynamoDB::Table")["Table"]["TimeToLiveSpecification"],
        )
        self.client("dynamodb").update_time_to_live(TableName=name, TimeToLiveSpecification=ttl)
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
        # It asks for permission to send mail as anybody, whoever the sender.
        statement = {"Effect": "Allow", "Action": "ses:SendEmail", "Resource": "*"}
        self.client("iam").put_role_policy(
            RoleName=self.physical("MailerFunctionRole"),
            PolicyName="any-sender",
            PolicyDocument=json.dumps({"Version": "2012-10-17", "Statement": [statement]}),
        )

    def physical(self, logical: str) -> str:
        found = self.client("cloudformation").describe_stack_resource(StackName=STACK, LogicalResourceId=logical)
        return str(found["StackResourceDetail"]["PhysicalResourceId"])

    def url(self) -> str:
        """An operation X is POST <url>/api/X."""
        return f"{self.endpoint}/_aws/execute-api/{self.physical('Api')}/v1"

    # ---- Code changes ---------------------------------------------------------------------------------------------

    def sync(self, changed: set[str]) -> None:
        """Puts the code of function folders, or of the layer ("keel"), live without CloudFormation."""
        self._set_deployed("")  # what runs is no longer what was deployed
        functions, layer = self.client("lambda"), None
        if "keel" in changed:
            name = self.physical("KeelLayer").split(":")[6]
            content = {"ZipFile": zipped(ROOT / "layers/keel")}
            layer = functions.publish_layer_version(LayerName=name, Content=content)["LayerVersionArn"]
        for folder in template.functions():
            if layer is None and folder not in changed:
                continue
            name = self.physical(logical_id(folder))
            if folder in changed:
                functions.update_function_code(FunctionName=name, ZipFile=zipped(ROOT / "functions" / folder))
            if layer:
                layers = [each["Arn"] for each in functions.get_function_configuration(FunctionName=name)["Layers"]]
                layers = [layer if each.rpartition(":")[0] == layer.rpartition(":")[0] else each for each in layers]
                functions.update_function_configuration(FunctionName=name, Layers=layers)
            version = functions.publish_version(FunctionName=name)["Version"]
            functions.update_alias(FunctionName=name, Name="live", FunctionVersion=version)

    def logs(self) -> Iterator[str]:
        """Lines that the functions print, as they come; None while there are none."""
        client, group, since, seen = self.client("logs"), f"/keel/{STACK}", int(time.time() * 1000), set[str]()
        while True:
            page = client.filter_log_events(logGroupName=group, startTime=since)
            for event in page["events"]:
                if event["eventId"] not in seen and not event["message"].startswith(
                    ("START ", "END ", "REPORT ", "INIT")
                ):
                    yield event["message"].rstrip()
                seen.add(event["eventId"])
                since = max(since, event["timestamp"])
            yield ""


# ---- Building ------------------------------------------------------------------------------------------------------


def build() -> None:
    """Into .keel/build, for this machine's Python and architecture."""
    if (BUILD / "digest").exists() and (BUILD / "digest").read_text() == digest():
        return
    # SAM knows by a layer's own folder whether it has changed, not by the scripts that build it.
    cache = KEEL / "cache" / hashlib.sha256(b"".join(path.read_bytes() for path in BUILDERS)).hexdigest()[:12]
    sam("build", "--cached", "--cache-dir", cache, "--build-dir", BUILD, "--parameter-overrides", *overrides())
    (BUILD / "digest").write_text(digest())


def sam(command: str, *arguments: str | Path, at: Stack | None = None) -> None:
    """Shows what SAM says only when it fails."""
    environment = os.environ | {
        "PATH": f"{SAM.parent}{os.pathsep}{os.environ['PATH']}",
        "SAM_CLI_TELEMETRY": "0",
        "SAM_CLI_POLL_DELAY": "1",
        "KEEL_PLATFORM": f"{RUNTIME} {ARCHITECTURE}",
        "AWS_ACCESS_KEY_ID": "test",
        "AWS_SECRET_ACCESS_KEY": "test",
        "AWS_DEFAULT_REGION": "us-east-1",
        **({"AWS_ENDPOINT_URL": at.endpoint} if at else {}),
    }
    full = [SAM, command, "--config-file", ROOT / "samconfig.toml", "--config-env", "local", *arguments]
    done = subprocess.run(full, cwd=ROOT, env=environment, capture_output=True, text=True, check=False)
    if done.returncode:
        raise Stopped(f"{done.stdout[-4000:]}\n{done.stderr[-4000:]}\nsam {command} failed")


def overrides() -> list[str]:
    config = tomllib.loads((ROOT / "samconfig.toml").read_text())
    return [*config["local"]["deploy"]["parameters"]["parameter_overrides"], f"Architecture={ARCHITECTURE}"]


def parameter(name: str) -> str:
    return dict(each.split("=", 1) for each in overrides())[name]


def sources() -> Iterator[Path]:
    yield from (ROOT / "template.yaml", ROOT / "samconfig.toml", *BUILDERS)
    for folder in (ROOT / "functions", ROOT / "layers"):
        yield from sorted(path for path in folder.rglob("*") if path.is_file() and "__pycache__" not in path.parts)


def digest() -> str:
    whole = hashlib.sha256()
    for path in sources():
        whole.update(f"{path.relative_to(ROOT)}\0".encode() + path.read_bytes() + b"\0")
    return whole.hexdigest()


def zipped(folder: Path) -> bytes:
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w", zipfile.ZIP_DEFLATED) as archive:
        for path in sorted(folder.rglob("*")):
            if path.is_file() and "__pycache__" not in path.parts:
                archive.write(path, path.relative_to(folder))
    return content.getvalue()


def memory_gigabytes() -> int:
    return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") // 2**30


def logical_id(folder: str) -> str:
    return "".join(word.capitalize() for word in folder.split("_")) + "Function"


# ---- Commands ------------------------------------------------------------------------------------------------------


def up(stack: Stack) -> None:
    began = time.monotonic()
    if not stack.running():
        (KEEL / "url").unlink(missing_ok=True)
        stack.start()
    print("Deploying what changed …", flush=True)
    stack.deploy()
    url = stack.url()
    (KEEL / "url").write_text(url + "\n")
    print(f"Ready after {time.monotonic() - began:.0f} s.\n\n{greeting(url, stack.endpoint)}", flush=True)


def greeting(url: str, endpoint: str) -> str:
    return f"""\
Keel      {url}
Mails     {endpoint}/_ministack/ses/messages

An account, and a first call with its token:

  TOKEN=$(curl -s {url}/api/auth-register \\
    -d '{{"email": "ada@example.com", "password": "correct horse", "name": "Ada"}}' |
    python3 -c 'import json, sys; print(json.load(sys.stdin)["result"]["access_token"])')
  curl -s {url}/api/auth-me -H "Authorization: Bearer $TOKEN" -d '{{}}'
"""


def dev(stack: Stack) -> None:
    up(stack)
    print("Logs follow; saved code goes live by itself. Ctrl-C stops Keel and keeps its data.\n", flush=True)
    before = stamps()
    for line in stack.logs():
        if line:
            print(line, flush=True)
            continue
        now = stamps()
        changed = {place for place in now.keys() | before.keys() if now.get(place) != before.get(place)}
        before = now
        put_live(stack, changed)
        time.sleep(0.4)


def put_live(stack: Stack, changed: set[str]) -> None:
    if "deploy" in changed:
        print("Deploying …", flush=True)
        stack.deploy()
    elif changed:
        began = time.monotonic()
        stack.sync(changed)
        print(f"Live after {time.monotonic() - began:.1f} s: {', '.join(sorted(changed))}", flush=True)


def stamps() -> dict[str, int]:
    """When each part last changed: a function's folder, "keel" (the layer), "deploy" (what needs a deployment)."""
    found: dict[str, int] = {}
    for path in sources():
        parts = path.relative_to(ROOT).parts
        place = parts[1] if parts[0] == "functions" else "keel" if parts[:2] == ("layers", "keel") else "deploy"
        found[place] = max(found.get(place, 0), path.stat().st_mtime_ns)
    return found


def main() -> None:
    stack = Stack(KEEL / "local", int(os.environ.get("KEEL_PORT") or 4566))
    command = sys.argv[1]
    if command == "dev":
        try:
            dev(stack)
        except KeyboardInterrupt:
            print("\nStopping; the data is kept.", flush=True)
        finally:
            stack.stop()
    elif command == "start":
        try:
            up(stack)
        except BaseException:
            stack.stop()
            raise
    elif command == "stop":
        stack.stop()
    elif command == "sync":
        stack.sync({*template.functions(), "keel"})
    elif command == "reset":
        stack.stop()
        shutil.rmtree(stack.folder, ignore_errors=True)
        (KEEL / "url").unlink(missing_ok=True)
    else:
        sys.exit(__doc__)


if __name__ == "__main__":
    try:
        main()
    except Stopped as stopped:
        sys.exit(str(stopped))
