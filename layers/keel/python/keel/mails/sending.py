"""How does a mail leave? From the outbox to SES, once for each mail unless a function dies just between.

What SES will not send goes aside, so that it holds nobody else up; what it cannot send now is tried again.
"""

from typing import Final

from botocore.exceptions import BotoCoreError, ClientError

from keel import clock
from keel.api.principals import user_key
from keel.logs import describe, logger
from keel.mails import outbox
from keel.mails.outbox import Purpose
from keel.settings import mail_settings
from keel.storage import clients
from keel.storage import legacy_table as table
from keel.storage.legacy_table import Item, Key, RetriesExhausted
from keel.users import mail_tokens, models

# Nothing that a user wrote stands in a mail: an invitation must not carry a stranger's words to a stranger.
_TEXTS: Final[dict[Purpose, tuple[int, str, str]]] = {
    "invitation": (
        7 * clock.DAY,
        "You have been invited",
        "You have been invited to work with a CRM account.\n\n"
        "Follow this link to choose your password. It works once, within 7 days:\n\n{link}\n",
    ),
    "reset": (
        clock.HOUR,
        "Reset your password",
        "Somebody, probably you, has asked to reset the password of your CRM account.\n\n"
        "Follow this link to choose a new one. It works once, within an hour:\n\n{link}\n\n"
        "If it was not you, there is nothing to do.\n",
    ),
}
_PASSING: Final = frozenset({"TooManyRequestsException", "LimitExceededException", "ThrottlingException", "Throttling"})


def send_or_set_aside(key: Key) -> None:
    """Send a mail of the outbox. Raises what a retry may solve; for any other error the mail is set aside."""
    try:
        deliver(key)
    except (BotoCoreError, ClientError, RetriesExhausted):
        raise
    except Exception as error:  # noqa: BLE001 - one mail must not stop the others
        logger.error("a mail went aside", **describe(error))
        outbox.put_aside(key, type(error).__name__)


def deliver(key: Key) -> None:
    """Send a mail of the outbox, if it has not been sent and there is somebody to send it to."""
    mail = outbox.find(key)
    if mail is None:
        return
    user = _recipient(mail)
    if user is not None and "deactivated_at" not in user:
        account_id, (lifetime, subject, text) = models.account_of(user), _TEXTS[mail["purpose"]]
        link = f"{mail_settings().link_site}?token={mail_tokens.mint(account_id, user, lifetime)}"
        try:
            _send(user["email"], subject, text.format(link=link))
        except ClientError as error:
            if not _is_final(error):
                raise
            logger.error("a mail went aside", account_id=account_id, **describe(error))
            outbox.put_aside(key, error.response["Error"]["Code"])
            return
        logger.info("a mail went out", account_id=account_id, purpose=mail["purpose"])
    outbox.sent(key)


def _recipient(mail: Item) -> Item | None:
    if mail["purpose"] == "reset":
        return models.find(mail["email"])
    return table.get(user_key(models.account_of(mail), mail["user_id"]))


def _send(to: str, subject: str, text: str) -> None:
    clients.client("sesv2").send_email(
        FromEmailAddress=mail_settings().sender,
        Destination={"ToAddresses": [to]},
        Content={
            "Simple": {
                "Subject": {"Data": subject, "Charset": "UTF-8"},
                "Body": {"Text": {"Data": text, "Charset": "UTF-8"}},
            }
        },
    )


def _is_final(error: ClientError) -> bool:
    """Whether SES would refuse this mail again: a fault of the request, not of the moment."""
    status = error.response.get("ResponseMetadata", {}).get("HTTPStatusCode", 500)
    return 400 <= status < 500 and error.response["Error"]["Code"] not in _PASSING
