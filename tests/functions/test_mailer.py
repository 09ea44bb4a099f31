"""Test that mails of the outbox are sent once, and that none holds up the others."""

import uuid

import boto3
import pytest
from botocore.exceptions import ClientError

from keel.storage import clients
from keel.storage.models import Key
from tests.harness import items
from tests.harness.stand_ins import PARAMETERS
from tests.harness.wire import refusal


@pytest.fixture
def ses(mails, monkeypatch):
    """SES as it fails: `ses["code@example.com"] = (code, status)` is what a mail to this address meets."""
    failures: dict[str, tuple[str, int]] = {}
    client = clients.client("sesv2")
    send = client.send_email

    def send_email(**request):
        [to] = request["Destination"]["ToAddresses"]
        if to in failures:
            code, status = failures[to]
            metadata = {"HTTPStatusCode": status}
            raise ClientError({"Error": {"Code": code}, "ResponseMetadata": metadata}, "SendEmail")  # type: ignore[typeddict-item]
        return send(**request)

    monkeypatch.setattr(client, "send_email", send_email)
    return failures


@pytest.fixture
def invited(call, owner):
    def invited():
        email = f"{uuid.uuid4().hex}@example.com"
        assert call("users-invite", {"email": email, "name": "Grace"}, token=owner().token).status == 200
        return email

    return invited


def waiting(functions, record):
    """What the outbox has of the mail of a stream record."""
    keys = record["dynamodb"]["Keys"]
    with functions.running("mailer"):
        return items.read(Key(keys["pk"]["S"], keys["sk"]["S"]))


def test_an_invitation_says_what_it_is_and_ends_in_its_link(invited, mails):
    email = invited()
    [mail] = mails()
    assert (mail.sender, mail.to) == (PARAMETERS["MailSender"], email)
    assert "invited" in mail.subject
    assert "7 days" in mail.text
    assert f"{PARAMETERS['LinkSite']}?token={mail.token}" in mail.text.splitlines()


def test_a_reset_says_what_it_is_and_ends_in_its_link(call, owner, mails):
    ada = owner(name="Buy at http://evil.example", account_name="Buy at http://evil.example")
    assert call("users-forgot-password", {"email": ada.user["email"]}).status == 200
    [mail] = mails()
    assert "password" in mail.subject
    assert "an hour" in mail.text
    assert mail.token.startswith("kl_mt_")
    assert "evil" not in mail.text + mail.subject


def test_a_record_that_comes_again_sends_nothing(invited, mails, pump, invoke, functions):
    invited()
    boto3.client("sesv2").create_email_identity(EmailIdentity=PARAMETERS["MailSender"])
    records = pump("mailer").records["mailer"]
    assert waiting(functions, records[0]) is None
    again = invoke("mailer", {"Records": records})
    assert again == {"batchItemFailures": []}
    assert mails() == []


def test_a_mail_that_ses_refuses_goes_aside_and_the_others_go_out(invited, mails, ses, pump, functions, log_lines):
    refused, fine = invited(), invited()
    ses[refused] = ("MessageRejected", 400)
    pumped = pump("mailer")
    assert pumped.answers["mailer"] == [{"batchItemFailures": []}]
    aside, gone = (waiting(functions, record) for record in pumped.records["mailer"])
    assert aside["reason"] == "MessageRejected"
    assert aside["failed_at"]
    assert gone is None
    assert any(line["message"] == "email_failed" and line["aws_code"] == "MessageRejected" for line in log_lines())
    assert fine != refused


def test_a_mail_that_makes_the_mailer_fail_goes_aside_and_the_others_go_out(
    invited, mails, pump, functions, monkeypatch
):
    from keel.users import mail_tokens

    mint, failures = mail_tokens.mint, iter([TypeError("unexpected")])

    def failing_once(*given):
        for failure in failures:
            raise failure
        return mint(*given)

    monkeypatch.setattr(mail_tokens, "mint", failing_once)
    invited(), invited()
    pumped = pump("mailer")
    assert pumped.answers["mailer"] == [{"batchItemFailures": []}]
    aside, gone = (waiting(functions, record) for record in pumped.records["mailer"])
    assert aside["reason"] == "TypeError"
    assert gone is None


@pytest.mark.parametrize(
    ("code", "status"), [("TooManyRequestsException", 429), ("LimitExceededException", 400), ("InternalFailure", 500)]
)
def test_a_mail_that_cannot_go_now_is_tried_again(invited, mails, ses, pump, invoke, code, status):
    busy, fine = invited(), invited()
    ses[busy] = (code, status)
    pumped = pump("mailer")
    first, _ = pumped.records["mailer"]
    assert pumped.answers["mailer"] == [
        {"batchItemFailures": [{"itemIdentifier": first["dynamodb"]["SequenceNumber"]}]}
    ]
    ses.clear()
    assert invoke("mailer", {"Records": pumped.records["mailer"]}) == {"batchItemFailures": []}
    assert fine != busy


@pytest.mark.parametrize("operation", ["GetItem", "PutItem", "DeleteItem"])
@pytest.mark.parametrize("code", ["ProvisionedThroughputExceededException", "AccessDeniedException"])
def test_a_mail_that_the_table_stands_in_the_way_of_is_tried_again(
    invited, mails, pump, invoke, inject, functions, operation, code
):
    invited()
    inject(operation, refusal(code))
    pumped = pump("mailer")
    [record] = pumped.records["mailer"]
    assert pumped.answers["mailer"] == [
        {"batchItemFailures": [{"itemIdentifier": record["dynamodb"]["SequenceNumber"]}]}
    ]
    assert invoke("mailer", {"Records": [record]}) == {"batchItemFailures": []}
    assert waiting(functions, record) is None


def test_a_function_that_dies_between_sending_and_noting_it_sends_again(invited, mails, pump, invoke, inject):
    invited()
    inject("DeleteItem", refusal("InternalServerError"))
    pumped = pump("mailer")
    [failure] = pumped.answers["mailer"][0]["batchItemFailures"]
    assert failure["itemIdentifier"] == pumped.records["mailer"][0]["dynamodb"]["SequenceNumber"]
    assert invoke("mailer", {"Records": pumped.records["mailer"]}) == {"batchItemFailures": []}
