"""How is Keel deployed to AWS? The first time with answers to a few questions; CloudFormation remembers them.

deploy.py [NAME=VALUE …]     values given here replace what was answered before
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
# What has no default is asked for, and who is told of alarms, because nobody would look that up.
ASKED: Final = ("MailSender", "LinkSite", "AlarmEmail")
# The layers are built for them: KEEL_PLATFORM says which, and the stack is told the same.
BUILT_FOR: Final = ("PythonRuntime", "Architecture")
CREDENTIALS: Final = (
    "Give credentials and a region as to the AWS command line: `aws configure`, AWS_PROFILE, or AWS_ACCESS_KEY_ID,"
    " AWS_SECRET_ACCESS_KEY and AWS_DEFAULT_REGION."
)
UNFINISHED: Final = ("ROLLBACK_COMPLETE", "ROLLBACK_FAILED", "DELETE_FAILED")
SAM: Final = template.ROOT / ".keel/sam/bin/sam"
BUILT: Final = template.ROOT / ".aws-sam/build/template.yaml"
UNSTAMPED: Final = "settings: as-built"


def described(cloudformation: Any) -> dict[str, Any] | None:
    """The stack as CloudFormation describes it, None if there is none to update."""
    try:
        [found] = cloudformation.describe_stacks(StackName=STACK)["Stacks"]
    except ClientError as error:
        if "does not exist" in str(error):
            return None
        raise
    if found["StackStatus"] in UNFINISHED:
        raise SystemExit(
            f"The stack is in {found['StackStatus']}: its first deployment failed, or its deletion. Read why among its"
            f" events, remove what is left with sam delete --stack-name {STACK}, and deploy again."
        )
    return None if found["StackStatus"] == "REVIEW_IN_PROGRESS" else dict(found)


def outputs(cloudformation: Any) -> dict[str, str]:
    """What the deployed stack tells of itself."""
    found = described(cloudformation)
    if found is None:
        raise SystemExit(f"There is no stack {STACK} in this account and region.")
    return {each["OutputKey"]: each["OutputValue"] for each in found["Outputs"]}


def answers(given: dict[str, str], ask: Callable[[str], str]) -> dict[str, str]:
    """What was given, and the rest asked for until it is what the template allows."""
    parameters = template.load()["Parameters"]
    found = dict(given)
    for name in ASKED:
        parameter = parameters[name]
        while name not in found:
            optional = "Default" in parameter
            answer = ask(f"{parameter['Description']}{' (may stay empty)' if optional else ''}\n{name}: ").strip()
            if fits(name, answer):
                found[name] = answer
            else:
                print(f"{parameter['ConstraintDescription']}, please.")
    return found


def fits(name: str, value: str) -> bool:
    """Whether the template allows a parameter this value."""
    parameter = template.load()["Parameters"][name]
    allowed = [str(each) for each in parameter.get("AllowedValues", [value])]
    return value in allowed and bool(re.fullmatch(parameter.get("AllowedPattern", ".*"), value))


def read(arguments: Sequence[str]) -> dict[str, str]:
    """NAME=VALUE …, of parameters that there are."""
    known = template.load()["Parameters"]
    found = {}
    for argument in arguments:
        name, separator, value = argument.partition("=")
        if not separator or name not in known:
            raise SystemExit(f"{argument}: no such parameter. There are: {', '.join(known)}")
        if name in BUILT_FOR:
            raise SystemExit(f'{argument}: the layers are built for it: KEEL_PLATFORM="python3.13 x86_64" make deploy')
        if not fits(name, value):
            allowed = known[name].get("ConstraintDescription") or known[name]["AllowedValues"]
            raise SystemExit(f"{argument}: {allowed}, please.")
        found[name] = value
    if (
        bool(found.get("ExistingTable")) is not bool(found.get("ExistingTableStream"))
        or found.get("ExistingTable") == ""
    ):
        raise SystemExit(
            "ExistingTable and ExistingTableStream go together; without them the stack begins a new table."
        )
    return found


def tell_about_mails(sender: str, ses: Any) -> None:
    """What has to be done before mails leave; nothing is sent or changed."""
    domain = sender.partition("@")[2]
    if not any(_verified(identity, ses) for identity in (sender, domain)):
        print(
            f"\nSES in {ses.meta.region_name} does not send for {sender} yet: invitations and resets fail until it, or"
            f" {domain}, is a verified identity. This mails a link to confirm:\n"
            f"  aws sesv2 create-email-identity --email-identity {sender}"
        )
    if not ses.get_account()["ProductionAccessEnabled"]:
        print("\nSES is in its sandbox here: it sends to verified addresses only, until AWS has granted more.")


def _verified(identity: str, ses: Any) -> bool:
    try:
        return bool(ses.get_email_identity(EmailIdentity=identity)["VerifiedForSendingStatus"])
    except ses.exceptions.NotFoundException:
        return False


def prepared(given: dict[str, str], ask: Callable[[str], str]) -> tuple[dict[str, str], dict[str, str]]:
    """The parameters that change and all that hold then; asks before the first deployment, and fails where AWS
    cannot be reached."""
    cloudformation, region = boto3.client("cloudformation"), boto3.session.Session().region_name
    account = boto3.client("sts").get_caller_identity()["Account"]
    stack = described(cloudformation)
    if stack is None:
        print(f"A first deployment, to account {account} in {region}. Ctrl-C leaves everything as it is.\n")
        given = answers(given, ask)
        tell_about_mails(given["MailSender"], boto3.client("sesv2"))
    else:
        print(f"Deploying to account {account} in {region}.")
    given |= dict(zip(BUILT_FOR, target(), strict=True))
    held = {each["ParameterKey"]: each["ParameterValue"] for each in stack["Parameters"]} if stack else {}
    return given, held | given


def stamp(holding: dict[str, str]) -> None:
    """Have new versions of the functions published when a parameter has changed, and only then.

    SAM compares the functions' properties before it puts the parameters in:
    https://github.com/aws/serverless-application-model/issues/3820
    """
    parameters = template.load()["Parameters"]
    values = {name: holding.get(name, str(each.get("Default", ""))) for name, each in parameters.items()}
    digest = hashlib.sha256(json.dumps(values, sort_keys=True).encode()).hexdigest()[:16]
    text = BUILT.read_text()
    if UNSTAMPED not in text:
        raise SystemExit(f"{BUILT} has no place for the digest of the parameters")
    BUILT.write_text(text.replace(UNSTAMPED, f"settings: '{digest}'"))


def run(*command: str | Path) -> None:
    done = subprocess.run(command, cwd=template.ROOT, check=False)
    if done.returncode:
        raise SystemExit(done.returncode)


def main() -> None:
    try:
        changed, holding = prepared(read(argv[1:]), input)
    except (ClientError, BotoCoreError) as error:
        raise SystemExit(f"AWS says: {error}\n{CREDENTIALS}") from None
    except (EOFError, KeyboardInterrupt):
        raise SystemExit("\nNothing was deployed.") from None
    print("\nBuilding …", flush=True)
    run(SAM, "build")
    stamp(holding)
    overrides = [f'{name}="{value}"' for name, value in changed.items()]
    run(SAM, "deploy", "--parameter-overrides", *overrides)
    url = outputs(boto3.client("cloudformation"))["ApiUrl"]
    print(f"\nKeel is at {url}\nThe reference, where it can be tried: {url}/docs")


if __name__ == "__main__":
    main()
