"""Mailed tokens: they set a new password, once, within their lifetime.

A token ends when another password is set, and when its user is deactivated.
"""

from typing import Final

from keel import clock
from keel.api import access_tokens
from keel.api.principals import User, user_key
from keel.errors import ApiError
from keel.storage import table
from keel.storage.attribute_types import IntegerAttribute
from keel.storage.models import Item, Key
from keel.storage.table import Write

PREFIX: Final = "kl_mt_"


class MailToken(Item, discriminator="mail_token"):
    """A token that has been mailed and not used: `<account>#mail_token`, `<user>#<hash of the token>`."""

    token_version = IntegerAttribute(attr_name="epoch")  # of the user when the token was mailed
    expires = IntegerAttribute()  # in milliseconds
    ttl = IntegerAttribute()


def mint(user: User, lifetime: int) -> str:
    """A new token for a user, valid for `lifetime` milliseconds."""
    token = access_tokens.with_ids(PREFIX, user.account_id, user.sk)
    expires = clock.now() + lifetime
    key = _key(user.account_id, user.sk, token)
    item = MailToken(*key, token_version=user.token_version, expires=expires, ttl=expires // clock.SECOND + 1)
    table.write(table.put(item))
    return token


def redeem(token: str) -> tuple[User, Write]:
    """The user of a token, and the write that uses the token up.

    Raises `auth.invalid_token`, and `auth.deactivated` for the live token of a deactivated user.
    """
    named = access_tokens.ids_of(PREFIX, token, 2)
    if named is None:
        raise ApiError("auth.invalid_token")
    account_id, user_id = named
    token_key, owner_key = _key(account_id, user_id, token), user_key(account_id, user_id)
    items = table.batch_get([token_key, owner_key])
    stored, user = items.get(token_key), items.get(owner_key)
    if not isinstance(stored, MailToken) or not isinstance(user, User):
        raise ApiError("auth.invalid_token")
    if stored.expires <= clock.now() or stored.token_version != user.token_version:
        raise ApiError("auth.invalid_token")
    if user.deactivated_at is not None:
        raise ApiError("auth.deactivated")
    used = table.raise_(ApiError("auth.invalid_token"))
    return user, table.delete(MailToken, token_key, MailToken.pk.exists(), on_failure=used)


def _key(account_id: str, user_id: str, token: str) -> Key:
    return Key(table.partition(account_id, "mail_token"), f"{user_id}#{access_tokens.digest(token)}")
