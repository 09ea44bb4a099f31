"""Mails to be sent: items that a transaction leaves in the table, and that are deleted once the mail is sent.

The table's stream brings them to the mailer. They hold no token. The mailer makes the token when it sends the mail, so
that neither the stream nor a backup of the table contains one.
"""

from typing import Final, Literal

from pynamodb.attributes import Attribute, UnicodeAttribute
from pynamodb.constants import STRING

from keel import clock, ids
from keel.storage import table
from keel.storage.attribute_types import IntegerAttribute, OptionalTextAttribute
from keel.storage.models import Item, Key
from keel.storage.table import Write

_KIND: Final = "mail"
_KEPT: Final = 14 * clock.DAY  # for an operator to look at, if it is never sent

Purpose = Literal["invitation", "reset"]


class _PurposeAttribute(Attribute[Purpose]):
    attr_type = STRING


class Mail(Item, discriminator=_KIND):
    """A mail of the outbox.

    An invitation names its user: `<account>#mail`, sorted by id. A reset names the email that it was requested for, and
    has a partition of its own, `mail#<id>`: anybody may request any number of them.
    """

    purpose = _PurposeAttribute()
    user_id = OptionalTextAttribute()
    email = OptionalTextAttribute()
    created_at = UnicodeAttribute()
    failed_at = OptionalTextAttribute()
    reason = OptionalTextAttribute()
    ttl = IntegerAttribute()


def invitation(account_id: str, user_id: str) -> Write:
    """The write that invites a user of the account."""
    now = clock.now()
    return _write(Key(table.partition(account_id, _KIND), ids.mint(now)), now, "invitation", user_id=user_id)


def reset(email: str) -> Write:
    """The write that mails a reset token to the user with this email, if there is one.

    The mailer finds that out, so that the request takes the same time in both cases.
    """
    now = clock.now()
    return _write(Key(f"{_KIND}#{ids.mint(now)}", _KIND), now, "reset", email=email)


def find(key: Key) -> Mail | None:
    """The mail, while it waits to be sent."""
    mail = table.get(Mail, key)
    return None if mail is None or mail.failed_at is not None else mail


def delete(key: Key) -> None:
    """Delete a mail that has been sent."""
    table.write(table.delete(Mail, key))


def set_aside(key: Key, reason: str) -> None:
    """Keep a mail that cannot be sent, without another attempt."""
    actions = [Mail.failed_at.set(clock.text(clock.now())), Mail.reason.set(reason)]
    table.write(table.update(Mail, key, actions))


def _write(key: Key, now: int, purpose: Purpose, *, user_id: str | None = None, email: str | None = None) -> Write:
    mail = Mail(
        *key,
        purpose=purpose,
        user_id=user_id,
        email=email,
        created_at=clock.text(now),
        ttl=(now + _KEPT) // clock.SECOND,
    )
    return table.put(mail)
