"""How is Keel deployed to AWS? The first time with answers to a few questions; CloudFormation remembers them.

deploy.py [NAME=VALUE …]     builds are in .aws-sam; values given here replace what was answered before
"""

import os
import re
import subprocess
import sys
from collections.abc import Callable, Sequence
from typing import Any, Final

import boto3
from botocore.exceptions import ClientError

import template

STACK: Final = "keel"
# What has no default is asked for, and who is told of alarms, because nobody would look that up.
ASKED: Final = ("MailSender", "LinkSite", "AlarmEmail")


def exists(cloudformation: Any) -> bool:
    """Whether there is a stack to update; one that never came up is none."""
    try:
        found = cloudformation.describe_stacks(StackName=STACK)["Stacks"][0]["StackStatus"]
    except ClientError:
        return False
    return found not in ("REVIEW_IN_PROGRESS", "ROLLBACK_COMPLETE", "DELETE_COMPLETE")


def answers(given: dict[str, str], ask: Callable[[str], str]) -> dict[str, str]:
    """What was given, and the rest asked for until it is what the template allows."""
    parameters = template.load()["Parameters"]
    found = dict(given)
    for name in ASKED:
        parameter = parameters[name]
        pattern = parameter.get("AllowedPattern", ".*")
        while name not in found:
            optional = "Default" in parameter
            answer = ask(f"{parameter['Description']}{' (may stay empty)' if optional else ''}\n{name}: ").strip()
            if (optional and not answer) or re.fullmatch(pattern, answer):
                found[name] = answer
            else:
                print(f"That does not fit {pattern}")
    return found


def read(arguments: Sequence[str]) -> dict[str, str]:
    """NAME=VALUE …, of parameters that there are."""
    known = template.load()["Parameters"]
    found = {}
    for argument in arguments:
        name, separator, value = argument.partition("=")
        if not separator or name not in known:
            raise SystemExit(f"{argument}: no such parameter. There are: {', '.join(known)}")
        found[name] = value
    return found


def tell_about_sender(sender: str, ses: Any) -> None:
    for identity in (sender, sender.partition("@")[2]):
        try:
            if ses.get_email_identity(EmailIdentity=identity)["VerifiedForSendingStatus"]:
                return
        except ses.exceptions.NotFoundException:
            continue
    print(f"SES does not know {sender} yet: no mail leaves before it, or its domain, is a verified identity there.")


def main() -> None:
    given = read(sys.argv[1:])
    if not exists(boto3.client("cloudformation")):
        account = boto3.client("sts").get_caller_identity()["Account"]
        print(f"A first deployment, to account {account} in {boto3.session.Session().region_name}.\n")
        given = answers(given, input)
        tell_about_sender(given["MailSender"], boto3.client("sesv2"))
    overrides = [f"{name}={value}" for name, value in given.items() if value]
    command = ["sam", "deploy", *(["--parameter-overrides", *overrides] if overrides else [])]
    raise SystemExit(subprocess.run(command, env=os.environ, check=False).returncode)


if __name__ == "__main__":
    main()
