"""Fixtures for tests of operations: sent mails, members and apps of an account."""

import re
import uuid
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import boto3
import pytest

from tests.harness.gateway import Session, fresh_address
from tests.harness.stand_ins import ACCOUNT, PARAMETERS, REGION, StandIns
from tests.harness.streams import Pump

PASSWORD = "a password of one's own"


@dataclass(frozen=True)
class Mail:
    sender: str
    to: str
    subject: str
    text: str

    @property
    def token(self) -> str:
        """The token of the link that the mail ends in."""
        [token] = re.findall(r"\?token=(\S+)$", self.text, re.MULTILINE)
        return str(token)


@pytest.fixture
def mails(stand_ins: StandIns, pump: Pump) -> Iterator[Callable[[], list[Mail]]]:
    """`mails()` sends what lies in the outbox and gives what went out since the last call."""
    from moto.ses.models import ses_backends

    boto3.client("sesv2").create_email_identity(EmailIdentity=PARAMETERS["MailSender"])
    backend: Any = ses_backends[ACCOUNT][REGION]

    def mails() -> list[Mail]:
        before = len(backend.sent_messages)
        pump("mailer")
        sent = backend.sent_messages[before:]
        return [Mail(each.source, each.destinations["ToAddresses"][0], each.subject, each.body) for each in sent]

    yield mails
    boto3.client("sesv2").delete_email_identity(EmailIdentity=PARAMETERS["MailSender"])


@pytest.fixture
def login(call: Any) -> Callable[..., Session]:
    """Begins another session: `login(ada.user["email"], ada.password)`."""

    def login(email: str, password: str) -> Session:
        result = call("auth-login", {"email": email, "password": password}, address=fresh_address()).result
        return Session(result["access_token"], result["refresh_token"], result["user"], password)

    return login


@pytest.fixture
def member(call: Any, mails: Callable[[], list[Mail]], login: Callable[..., Session]) -> Callable[..., Session]:
    """Invites a user to an account who accepts and logs in: `member(ada, role="owner")`."""

    def member(inviter: Session, **fields: Any) -> Session:
        body = {"email": f"{uuid.uuid4().hex}@example.com", "name": "Grace Member"} | fields
        assert call("users-invite", body, token=inviter.token).status == 200
        [mail] = mails()
        accepted = {"token": mail.token, "new_password": PASSWORD}
        assert call("users-reset-password", accepted, address=fresh_address()).result == {}
        return login(body["email"], PASSWORD)

    return member


@pytest.fixture
def app(call: Any) -> Callable[..., dict[str, Any]]:
    """An OAuth app of an account with a token: `app(ada)["token"]`; keys `app`, `client_secret`, `token`."""

    def app(creator: Session, name: str = "Robot") -> dict[str, Any]:
        made = call("oauth-apps-create", {"name": name}, token=creator.token).result
        credentials = {"client_id": made["app"]["client_id"], "client_secret": made["client_secret"]}
        asked = {"grant_type": "client_credentials", **credentials}
        token = call("oauth-token", asked, address=fresh_address()).result["access_token"]
        return {**made, "token": token, "credentials": credentials}

    return app
