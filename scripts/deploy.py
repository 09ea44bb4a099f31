"""Deploy Keel to AWS. The first deployment asks for the parameters that have no default.

deploy.py [NAME=VALUE …]     sets parameters; the others keep the values of the last deployment
"""

import hashlib
import json
import re
import subprocess
from collections.abc import Callable, Sequence
from pathlib import Path
from sys import argv
from typing import Any, Final

import boto3
from botocore.exceptions import BotoCoreError, ClientError

import template
from target import target

STACK: Final = "keel"
# Parameters without a default, and AlarmEmail, without which nobody learns of an alarm.
ASKED: Final = ("MailSender", "LinkSite", "AlarmEmail")
# The layers are built for these two, so they come from KEEL_PLATFORM.
BUILT_FOR: Final = ("PythonRuntime", "Architecture")
CREDENTIALS: Final = (
    "Set credentials and a region as for the AWS CLI: run `aws configure`, or set AWS_PROFILE, or set"
    " AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY and AWS_DEFAULT_REGION."
)
UNFINISHED: Final = ("ROLLBACK_COMPLETE", "ROLLBACK_FAILED", "DELETE_FAILED")
SAM: Final = template.ROOT / ".keel/sam/bin/sam"
BUILT: Final = template.ROOT / ".aws-sam/build/template.yaml"
UNSTAMPED: Final = "settings: as-built"


def described(cloudformation: Any) -> dict[str, Any] | None:
    """The stack as CloudFormation describes it, None if there is no stack to update.

    Exits if the stack cannot be updated.
    """
    try:
        [stack] = cloudformation.describe_stacks(StackName=STACK)["Stacks"]
    except ClientError as error:
        if "does not exist" in str(error):
            return None
        raise
    if stack["StackStatus"] in UNFINISHED:
        raise SystemExit(
            f"The stack is in state {stack['StackStatus']}: its first deployment or its deletion failed. The events of"
            f" the stack show why. Delete it with sam delete --stack-name {STACK}, then deploy again."
        )
    return None if stack["StackStatus"] == "REVIEW_IN_PROGRESS" else dict(stack)


def outputs(cloudformation: Any) -> dict[str, str]:
    """The outputs of the deployed stack. Exits if there is none."""
    stack = described(cloudformation)
    if stack is None:
        raise SystemExit(f"There is no stack {STACK} in this account and region.")
    return {each["OutputKey"]: each["OutputValue"] for each in stack["Outputs"]}


def answers(given: dict[str, str], ask: Callable[[str], str]) -> dict[str, str]:
    """The given parameters and those of ASKED, each of which is asked for until the template allows its value."""
    parameters = template.load()["Parameters"]
    values = dict(given)
    for name in ASKED:
        parameter = parameters[name]
        while name not in values:
            optional = "Default" in parameter
            answer = ask(f"{parameter['Description']}{' Optional.' if optional else ''}\n{name}: ").strip()
            if is_allowed(name, answer):
                values[name] = answer
            else:
                print(f"{name} {parameter['ConstraintDescription']}")
    return values


def is_allowed(name: str, value: str) -> bool:
    """Whether the template allows this value of a parameter."""
    parameter = template.load()["Parameters"][name]
    allowed = [str(each) for each in parameter.get("AllowedValues", [value])]
    return value in allowed and bool(re.fullmatch(parameter.get("AllowedPattern", ".*"), value))


def read(arguments: Sequence[str]) -> dict[str, str]:
    """Parameters from arguments of the form NAME=VALUE. Exits if a name or value is not allowed."""
    known = template.load()["Parameters"]
    values = {}
    for argument in arguments:
        name, separator, value = argument.partition("=")
        if not separator or name not in known:
            raise SystemExit(f"{argument}: no such parameter. The parameters are {', '.join(known)}.")
        if name in BUILT_FOR:
            raise SystemExit(f'{argument}: use KEEL_PLATFORM instead: KEEL_PLATFORM="python3.13 x86_64" make deploy')
        if not is_allowed(name, value):
            raise SystemExit(f"{name} {_constraint(known[name])}")
        values[name] = value
    table = [values[name] for name in ("ExistingTable", "ExistingTableStream") if name in values]
    if table and not (len(table) == 2 and all(table)):
        raise SystemExit("Set both ExistingTable and ExistingTableStream. Without them the stack creates a new table.")
    return values


def _constraint(parameter: dict[str, Any]) -> str:
    if "ConstraintDescription" in parameter:
        return str(parameter["ConstraintDescription"])
    return f"must be one of {', '.join(map(str, parameter['AllowedValues']))}."


def warn_about_email(sender: str, ses: Any) -> None:
    """Print what is missing before SES sends email from this sender."""
    domain = sender.partition("@")[2]
    if not any(_verified(identity, ses) for identity in (sender, domain)):
        print(
            f"\nSES in {ses.meta.region_name} does not send email from {sender} yet. Invitations and password resets"
            f" fail until the address or {domain} is a verified identity. To verify the address:\n"
            f"  aws sesv2 create-email-identity --email-identity {sender}"
        )
    if not ses.get_account()["ProductionAccessEnabled"]:
        print("\nSES is in its sandbox: it sends to verified addresses only. Request production access from AWS.")


def _verified(identity: str, ses: Any) -> bool:
    try:
        return bool(ses.get_email_identity(EmailIdentity=identity)["VerifiedForSendingStatus"])
    except ses.exceptions.NotFoundException:
        return False


def prepared(given: dict[str, str], ask: Callable[[str], str]) -> tuple[dict[str, str], dict[str, str]]:
    """The parameters to set, and the values of all parameters after the deployment.

    Asks for parameters before the first deployment. Raises an error of boto3 if AWS cannot be reached.
    """
    cloudformation, region = boto3.client("cloudformation"), boto3.session.Session().region_name
    account = boto3.client("sts").get_caller_identity()["Account"]
    stack = described(cloudformation)
    if stack is None:
        print(f"First deployment to account {account} in {region}. Press Ctrl-C to cancel.\n")
        given = answers(given, ask)
        warn_about_email(given["MailSender"], boto3.client("sesv2"))
    else:
        print(f"Deploying to account {account} in {region}.")
    given |= dict(zip(BUILT_FOR, target(), strict=True))
    last = {each["ParameterKey"]: each["ParameterValue"] for each in stack["Parameters"]} if stack else {}
    return given, last | given


def stamp(parameters: dict[str, str]) -> None:
    """Write a digest of the parameters into the built template, so that a changed parameter publishes new versions.

    SAM compares the properties of a function before it resolves parameters:
    https://github.com/aws/serverless-application-model/issues/3820
    """
    declared = template.load()["Parameters"]
    values = {name: parameters.get(name, str(each.get("Default", ""))) for name, each in declared.items()}
    digest = hashlib.sha256(json.dumps(values, sort_keys=True).encode()).hexdigest()[:16]
    text = BUILT.read_text()
    if UNSTAMPED not in text:
        raise SystemExit(f"{BUILT} has no tag '{UNSTAMPED}' for the digest of the parameters.")
    BUILT.write_text(text.replace(UNSTAMPED, f"settings: '{digest}'"))


def run(*command: str | Path) -> None:
    """Run a command in the project's folder. Exits with its status if it fails."""
    done = subprocess.run(command, cwd=template.ROOT, check=False)
    if done.returncode:
        raise SystemExit(done.returncode)


def main() -> None:
    try:
        changed, parameters = prepared(read(argv[1:]), input)
    except (ClientError, BotoCoreError) as error:
        raise SystemExit(f"AWS returned an error: {error}\n{CREDENTIALS}") from None
    except (EOFError, KeyboardInterrupt):
        raise SystemExit("\nNothing was deployed.") from None
    print("\nBuilding …", flush=True)
    run(SAM, "build")
    stamp(parameters)
    overrides = [f'{name}="{value}"' for name, value in changed.items()]
    files: list[str | Path] = ["--config-file", template.ROOT / "samconfig.toml", "--template-file", BUILT]
    run(SAM, "deploy", *files, "--parameter-overrides", *overrides)
    url = outputs(boto3.client("cloudformation"))["ApiUrl"]
    print(f"\nAPI        {url}\nReference  {url}/docs")


if __name__ == "__main__":
    main()
