"""Does the client trust the deliveries that are signed, and no others?"""

from datetime import UTC, datetime, timedelta

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
    both = headers() | {"Webhook-Signature": f"{Webhook(other).sign('msg_1', datetime.now(UTC), BODY)} v1,x"}
    both["Webhook-Signature"] = f"{both['Webhook-Signature'].split()[0]} {headers()['Webhook-Signature']}"
    assert verify(SECRET, both, BODY.encode())["event"] == "contact.created"


@pytest.mark.parametrize(
    ("given", "body"),
    [
        (headers(), BODY.replace("Zoë", "Eve").encode()),
        (headers(secret="whsec_" + "A" * 32), BODY.encode()),
        (headers(age=timedelta(minutes=6)), BODY.encode()),
        (headers(age=timedelta(minutes=-6)), BODY.encode()),
        ({}, BODY.encode()),
        (headers() | {"Webhook-Signature": "nonsense"}, BODY.encode()),
        (headers() | {"Webhook-Signature": "v1,=not base64="}, BODY.encode()),
        (headers() | {"Webhook-Timestamp": "yesterday"}, BODY.encode()),
        (headers(), b"\xff\xfe"),
    ],
)
def test_any_other_delivery_is_refused(given: dict[str, str], body: bytes) -> None:
    with pytest.raises(SignatureError):
        verify(SECRET, given, body)
