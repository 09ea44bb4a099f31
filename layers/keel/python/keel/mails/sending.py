"""Send the mails of the outbox through SES, each once unless a function dies between sending and deleting it.

A mail that SES refuses for good is set aside, so that it holds up no other. A mail that cannot be sent now is retried.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from botocore.exceptions import BotoCoreError, ClientError

from keel.logs import describe, logger
from keel.mails import outbox
from keel.mails.outbox import Mail, Purpose
from keel.settings import MailSettings, load_settings
from keel.storage import clients
from keel.storage.models import Key
from keel.storage.table import RetriesExhausted

# A mail contains nothing that a user wrote: an invitation must not carry a stranger's words to a stranger.
_TEXTS: Final[dict[Purpose, tuple[str, str]]] = {
    "invitation": (
        "You have been invited",
        "You have been invited to a CRM account.\n\n"
        "Open this link to set your password. It works once and expires in 7 days:\n\n{link}\n",
    ),
    "reset": (
        "Reset your password",
        "We received a request to reset the password of your CRM account.\n\n"
        "Open this link to set a new password. It works once and expires in an hour:\n\n{link}\n\n"
        "If you did not request this, ignore this email.\n",
    ),
}
_RETRYABLE: Final = frozenset(
    {"TooManyRequestsException", "LimitExceededException", "ThrottlingException", "Throttling"}
)


@dataclass(frozen=True)
class Recipient:
    """The address that a mail goes to, and the token in its link."""

    account_id: str
    email: str
    token: str


# Returns None if there is nobody to send the mail to.
FindRecipient = Callable[[Mail], Recipient | None]


def send_or_set_aside(key: Key, find_recipient: FindRecipient) -> None:
    """Send a mail of the outbox. Raises what a retry may solve. For any other error the mail is set aside."""
    try:
        send(key, find_recipient)
    except (BotoCoreError, ClientError, RetriesExhausted):
        raise
    except Exception as error:  # noqa: BLE001 - one mail must not stop the others
        logger.error("email_failed", **describe(error))
        outbox.set_aside(key, type(error).__name__)


def send(key: Key, find_recipient: FindRecipient) -> None:
    """Send a mail of the outbox, if it has not been sent and if it has a recipient."""
    mail = outbox.find(key)
    if mail is None:
        return
    recipient = find_recipient(mail)
    if recipient is not None:
        subject, text = _TEXTS[mail.purpose]
        link = f"{load_settings(MailSettings).link_site}?token={recipient.token}"
        try:
            _send(recipient.email, subject, text.format(link=link))
        except ClientError as error:
            if not _is_final(error):
                raise
            logger.error("email_failed", account_id=recipient.account_id, **describe(error))
            outbox.set_aside(key, error.response["Error"]["Code"])
            return
        logger.info("email_sent", account_id=recipient.account_id, purpose=mail.purpose)
    outbox.delete(key)


def _send(to: str, subject: str, text: str) -> None:
    clients.client("sesv2").send_email(
        FromEmailAddress=load_settings(MailSettings).sender,
        Destination={"ToAddresses": [to]},
        Content={
            "Simple": {
                "Subject": {"Data": subject, "Charset": "UTF-8"},
                "Body": {"Text": {"Data": text, "Charset": "UTF-8"}},
            }
        },
    )


def _is_final(error: ClientError) -> bool:
    """Whether SES would refuse this mail again, because of the mail and not because of a temporary condition."""
    status = error.response.get("ResponseMetadata", {}).get("HTTPStatusCode", 500)
    return 400 <= status < 500 and error.response["Error"]["Code"] not in _RETRYABLE
