"""Does a deployment say what stands in its way? On answers as AWS gives them, without it."""

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import boto3
import pytest
from botocore.exceptions import ClientError

import deploy

SES = boto3.client("sesv2", region_name="eu-west-1")


def stack(answer: str | ClientError) -> Any:
    """CloudFormation with a stack in this status, or with this error instead of an answer."""

    def describe_stacks(**_: Any) -> Any:
        if isinstance(answer, ClientError):
            raise answer
        return {"Stacks": [{"StackStatus": answer, "Outputs": []}]}

    return SimpleNamespace(describe_stacks=describe_stacks)


def error(code: str, message: str) -> ClientError:
    return ClientError({"Error": {"Code": code, "Message": message}}, "DescribeStacks")


def test_a_stack_that_never_came_up_is_a_first_deployment() -> None:
    assert deploy.described(stack("UPDATE_COMPLETE")) is not None
    assert deploy.described(stack("UPDATE_ROLLBACK_COMPLETE")) is not None
    assert deploy.described(stack("REVIEW_IN_PROGRESS")) is None
    assert deploy.described(stack(error("ValidationError", "Stack with id keel does not exist"))) is None


@pytest.mark.parametrize("status", deploy.UNFINISHED)
def test_what_a_failed_deployment_left_is_to_be_removed_first(status: str) -> None:
    with pytest.raises(SystemExit, match=f"{status}.*sam delete --stack-name keel"):
        deploy.described(stack(status))


def test_a_refusal_of_aws_is_not_taken_for_a_missing_stack() -> None:
    with pytest.raises(ClientError, match="AccessDenied"):
        deploy.described(stack(error("AccessDenied", "not authorized")))


class Mails:
    """SES in a region, with these identities; `verified` are those that may send."""

    exceptions, meta = SES.exceptions, SES.meta

    def __init__(self, *verified: str, waiting: str = "", sandbox: bool = False) -> None:
        self._identities = dict.fromkeys(verified, True) | {waiting: False}
        self._sandbox = sandbox

    def get_email_identity(self, EmailIdentity: str) -> Any:  # noqa: N803 - as boto3 has it
        if EmailIdentity not in self._identities:
            raise SES.exceptions.NotFoundException({"Error": {}}, "GetEmailIdentity")
        return {"VerifiedForSendingStatus": self._identities[EmailIdentity]}

    def get_account(self) -> Any:
        return {"ProductionAccessEnabled": not self._sandbox}


@pytest.mark.parametrize("verified", ["keel@example.com", "example.com"])
def test_a_sender_that_may_send_needs_no_word(verified: str, capsys: pytest.CaptureFixture[str]) -> None:
    deploy.tell_about_mails("keel@example.com", Mails(verified))
    assert capsys.readouterr().out == ""


def test_what_mails_still_lack_is_told_with_the_command_that_mends_it(capsys: pytest.CaptureFixture[str]) -> None:
    deploy.tell_about_mails("keel@example.com", Mails(waiting="keel@example.com", sandbox=True))
    told = capsys.readouterr().out
    assert "SES in eu-west-1 does not send for keel@example.com yet" in told
    assert "aws sesv2 create-email-identity --email-identity keel@example.com" in told
    assert "sandbox" in told


def test_the_digest_of_the_parameters_changes_with_them_alone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    built = tmp_path / "template.yaml"
    monkeypatch.setattr(deploy, "BUILT", built)

    def stamped(**holding: str) -> str:
        built.write_text(f"Tags:\n  {deploy.UNSTAMPED}\n")
        deploy.stamp({"MailSender": "a@example.com", "LinkSite": "https://b.example"} | holding)
        return built.read_text()

    assert stamped() == stamped() == stamped(RateUser="10/20")  # its default
    assert stamped() != stamped(RateUser="20/40")
    built.write_text("Tags: {}\n")
    with pytest.raises(SystemExit, match="no place for the digest"):
        deploy.stamp({})
