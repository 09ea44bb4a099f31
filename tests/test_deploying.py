"""Deployment to AWS: the checks before it and the digest of the parameters, against stand-ins for AWS."""

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import boto3
import pytest
from botocore.exceptions import ClientError

import deploy

SESV2 = boto3.client("sesv2", region_name="eu-west-1")


def stack(response: str | ClientError) -> Any:
    """CloudFormation with a stack in this status, or one that raises this error."""

    def describe_stacks(**_: Any) -> Any:
        if isinstance(response, ClientError):
            raise response
        return {"Stacks": [{"StackStatus": response, "Outputs": []}]}

    return SimpleNamespace(describe_stacks=describe_stacks)


def error(code: str, message: str) -> ClientError:
    return ClientError({"Error": {"Code": code, "Message": message}}, "DescribeStacks")


def test_stack_that_was_never_created_is_a_first_deployment() -> None:
    assert deploy.described(stack("UPDATE_COMPLETE")) is not None
    assert deploy.described(stack("UPDATE_ROLLBACK_COMPLETE")) is not None
    assert deploy.described(stack("REVIEW_IN_PROGRESS")) is None
    assert deploy.described(stack(error("ValidationError", "Stack with id keel does not exist"))) is None


@pytest.mark.parametrize("status", deploy.UNFINISHED)
def test_failed_stack_must_be_deleted_first(status: str) -> None:
    with pytest.raises(SystemExit, match=f"{status}.*sam delete --stack-name keel"):
        deploy.described(stack(status))


def test_access_denied_is_not_a_missing_stack() -> None:
    with pytest.raises(ClientError, match="AccessDenied"):
        deploy.described(stack(error("AccessDenied", "not authorized")))


class Ses:
    """SES in a region, with verified identities and one that waits for verification."""

    exceptions, meta = SESV2.exceptions, SESV2.meta

    def __init__(self, *verified: str, waiting: str = "", sandbox: bool = False) -> None:
        self._identities = dict.fromkeys(verified, True) | {waiting: False}
        self._sandbox = sandbox

    def get_email_identity(self, EmailIdentity: str) -> Any:  # noqa: N803 - boto3's name
        if EmailIdentity not in self._identities:
            raise SESV2.exceptions.NotFoundException({"Error": {}}, "GetEmailIdentity")
        return {"VerifiedForSendingStatus": self._identities[EmailIdentity]}

    def get_account(self) -> Any:
        return {"ProductionAccessEnabled": not self._sandbox}


@pytest.mark.parametrize("verified", ["keel@example.com", "example.com"])
def test_verified_sender_gets_no_warning(verified: str, capsys: pytest.CaptureFixture[str]) -> None:
    deploy.warn_about_email("keel@example.com", Ses(verified))
    assert capsys.readouterr().out == ""


def test_warning_about_email_names_the_command_that_verifies_the_sender(capsys: pytest.CaptureFixture[str]) -> None:
    deploy.warn_about_email("keel@example.com", Ses(waiting="keel@example.com", sandbox=True))
    output = capsys.readouterr().out
    assert "SES in eu-west-1 does not send email from keel@example.com yet" in output
    assert "aws sesv2 create-email-identity --email-identity keel@example.com" in output
    assert "sandbox" in output


def test_digest_changes_only_with_the_parameters(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    built = tmp_path / "template.yaml"
    monkeypatch.setattr(deploy, "BUILT", built)

    def stamped(**parameters: str) -> str:
        built.write_text(f"Tags:\n  {deploy.UNSTAMPED}\n")
        deploy.stamp({"MailSender": "a@example.com", "LinkSite": "https://b.example"} | parameters)
        return built.read_text()

    assert stamped() == stamped() == stamped(RateUser="10/20")  # its default
    assert stamped() != stamped(RateUser="20/40")
    built.write_text("Tags: {}\n")
    with pytest.raises(SystemExit, match="for the digest of the parameters"):
        deploy.stamp({})
