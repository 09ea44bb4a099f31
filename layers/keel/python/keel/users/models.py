"""Accounts, the ownership of emails, and users as they are stored and presented. `User` is in `keel.api.principals`."""

from typing import Any, Final

from pynamodb.attributes import UnicodeAttribute

from keel import clock
from keel.api.fields import fold
from keel.api.principals import User, user_key
from keel.errors import ApiError
from keel.storage import table
from keel.storage.attribute_types import IntegerAttribute
from keel.storage.models import Item, Key
from keel.storage.table import Write

_SHOWN: Final = ("email", "name", "role", "must_change_password", "deactivated_at", "created_at", "updated_at")


class Account(Item, discriminator="account"):
    """An account: `<account>#account`, `account`."""

    account_name = UnicodeAttribute()
    active_owners = IntegerAttribute()
    created_at = UnicodeAttribute()


class EmailOwner(Item, discriminator="email"):
    """The user who has an email, in whatever account: `email#<folded email>`, `email`.

    It makes emails unique, and a login finds its user by it.
    """

    owner_account_id = UnicodeAttribute(attr_name="account_id")
    user_id = UnicodeAttribute()


def account_key(account_id: str) -> Key:
    return Key(table.partition(account_id, "account"), "account")


def email_key(email: str) -> Key:
    return Key(f"email#{fold(email)}", "email")


def new_user(account_id: str, user_id: str, now: int, **attributes: Any) -> User:
    """A user who is not stored yet; `attributes` are email, name, role, must_change_password, perhaps password_hash."""
    created = clock.text(now)
    key = user_key(account_id, user_id)
    return User(*key, token_version=1, created_at=created, updated_at=created, **attributes)


def claim_email(user: User, taken: ApiError) -> Write:
    """The write that makes the user the owner of their email. Raises `taken` if somebody else is."""
    owner = EmailOwner(*email_key(user.email), owner_account_id=user.account_id, user_id=user.sk)
    return table.put(owner, EmailOwner.pk.does_not_exist(), on_failure=table.raise_(taken))


def find_by_email(email: str) -> User | None:
    """The user with this email. Reads twice in any case, so that the time does not tell whether there is one."""
    key, nobody = email_key(email), user_key("", "nobody")
    # A text that is not an email is looked up as well. Folded, it can be longer than a partition key can be.
    owner = table.get(EmailOwner, key if len(key.pk.encode()) <= table.PK_BYTES else Key(nobody.pk, "email"))
    if owner is None:
        table.get(User, nobody)
        return None
    return table.get(User, user_key(owner.owner_account_id, owner.user_id))


def present(user: User) -> dict[str, Any]:
    """A user as a client sees it."""
    shown = {name: getattr(user, name) for name in _SHOWN}
    return {"id": user.sk, "account_id": user.account_id, **shown}
