"""Test the verification of signed webhooks in the client."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from standardwebhooks import Webhook

from keel_crm import SignatureError, verify

SECRET = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
BODY = '{"event":"contact.created","timestamp":"2026-06-01T12:00:00.000Z","data":{"first_name":"Zoë"}}'


def headers(*, age: timedelta = timedelta(0), secret: str = SECRET) -> dict[str, str]:
    sent = datetime.now(UTC) - age
    signature = Webhook(secret).sign("msg_1", sent, BODY)
    return {
        "Webhook-Id": "msg_1",
        "Webhook-Timestamp": str(int(sent.timestamp())),
        "Webhook-Signature": signature,
    }


def test_a_signed_delivery_gives_its_event() -> None:
    event = verify(SECRET, headers(), BODY.encode())
    assert (event["event"], event["data"]) == ("contact.created", {"first_name": "Zoë"})


def test_a_delivery_signed_with_two_secrets_is_trusted_by_both() -> None:
    other = "whsec_" + "A" * 32
    now = datetime.now(UTC)
    signatures = [Webhook(secret).sign("msg_1", now, BODY) for secret in (other, SECRET)]
    both = {"Webhook-Id": "msg_1", "Webhook-Timestamp": str(int(now.timestamp()))}
    both["Webhook-Signature"] = " ".join(signatures)
    assert verify(SECRET, both, BODY.encode()) == verify(other, both, BODY.encode())


@pytest.mark.parametrize(
    ("changed", "body"),
    [
        ({}, BODY.replace("Zoë", "Eve").encode()),
        ({"secret": "whsec_" + "A" * 32}, BODY.encode()),
        ({"age": timedelta(minutes=6)}, BODY.encode()),
        ({"age": timedelta(minutes=-6)}, BODY.encode()),
        ({}, b"\xff\xfe"),
    ],
)
def test_any_other_delivery_is_refused(changed: dict[str, Any], body: bytes) -> None:
    with pytest.raises(SignatureError):
        verify(SECRET, headers(**changed), body)


@pytest.mark.parametrize(
    "wrong",
    [
        {"Webhook-Id": ""},
        {"Webhook-Signature": "nonsense"},
        {"Webhook-Signature": "v1,=not base64="},
        {"Webhook-Timestamp": "yesterday"},
    ],
)
def test_a_delivery_with_a_malformed_header_is_refused(wrong: dict[str, str]) -> None:
    with pytest.raises(SignatureError):
        verify(SECRET, headers() | wrong, BODY.encode())


@pytest.mark.parametrize("secret", ["", "whsec_", "whsec_!!!", "whsec_é"])
def test_a_secret_that_is_none_trusts_nothing(secret: str) -> None:
    with pytest.raises(SignatureError, match="not the secret of a webhook endpoint"):
        verify(secret, headers(), BODY.encode())
