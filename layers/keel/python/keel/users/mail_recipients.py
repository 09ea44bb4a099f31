"""Find the user whom a mail of the outbox is for, and make the token that it carries."""

from keel import clock
from keel.api.principals import User, user_key
from keel.mails.outbox import Mail, Purpose
from keel.mails.sending import Recipient
from keel.storage import table
from keel.users import mail_tokens, models

_LIFETIMES: dict[Purpose, int] = {"invitation": 7 * clock.DAY, "reset": clock.HOUR}


def find(mail: Mail) -> Recipient | None:
    """The recipient of a mail, None if there is no such user or if the user is deactivated."""
    user = _user_of(mail)
    if user is None or user.deactivated_at is not None:
        return None
    return Recipient(user.account_id, user.email, mail_tokens.mint(user, _LIFETIMES[mail.purpose]))


def _user_of(mail: Mail) -> User | None:
    if mail.purpose == "reset":
        return models.find_by_email(mail.email or "")
    return table.get(User, user_key(mail.account_id, mail.user_id or ""))
