"""Which mails are to be sent? Items that a transaction leaves behind, and that go once their mail is sent.

The table's stream brings them to the mailer. They hold no token: the mailer makes it when it sends the mail,
so that neither the stream nor a backup of the table has ever seen one.
"""

from typing import Any, Final, Literal

from keel import clock, ids
from keel.storage import legacy_table as table
from keel.storage.legacy_table import Item, Key, Write

KIND: Final = "mail"
_KEPT: Final = 14 * clock.DAY  # for an operator to look at, should it never be sent

Purpose = Literal["invitation", "reset"]


def invitation(account_id: str, user_id: str) -> Write:
    """Invite a user of the account."""
    return _write(table.partition(account_id, KIND), "invitation", user_id=user_id)


def reset(email: str) -> Write:
    """Mail a reset token to whoever has this email, if anybody has: that is not asked here, so that the
    call takes the same time."""
    return _write(KIND, "reset", email=email)


def find(key: Key) -> Item | None:
    """The mail, while it waits to be sent."""
    item = table.get(key)
    return None if item is None or "failed_at" in item else item


def sent(key: Key) -> None:
    table.apply(table.delete(key))


def put_aside(key: Key, reason: str) -> None:
    """Keep a mail that cannot be sent, without trying it again."""
    table.apply(table.update(key, "SET #failed_at = :at, #reason = :reason", at=clock.text(clock.now()), reason=reason))


def _write(partition: str, purpose: Purpose, **recipient: Any) -> Write:
    now = clock.now()
    item = {
        "pk": partition,
        "sk": ids.mint(now),
        "kind": KIND,
        "purpose": purpose,
        "created_at": clock.text(now),
        "ttl": (now + _KEPT) // clock.SECOND,
        **recipient,
    }
    if partition == KIND:
        # A partition of its own for each: anybody may ask for these, as many as they like.
        item |= {"pk": f"{KIND}#{item['sk']}", "sk": KIND}
    return table.put(item)
