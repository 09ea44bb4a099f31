"""What does a mailed token allow? To set a new password, once, within its time, for as long as no other
password has been set and no deactivation has come between."""

from typing import Final

from keel import clock
from keel.api import access_tokens
from keel.api.principals import user_key
from keel.errors import ApiError
from keel.storage import legacy_table as table
from keel.storage.legacy_table import Item, Key, Write

PREFIX: Final = "kl_mt_"


def mint(account_id: str, user: Item, lifetime: int) -> str:
    """A new token for a user, good for `lifetime` milliseconds."""
    token = access_tokens.with_ids(PREFIX, account_id, user["sk"])
    where = _key(account_id, user["sk"], token)
    expires = clock.now() + lifetime
    item = {
        "pk": where.pk,
        "sk": where.sk,
        "kind": "mail_token",
        "epoch": user["epoch"],
        "expires": expires,
        "ttl": expires // clock.SECOND + 1,
    }
    table.apply(table.put(item))
    return token


def redeem(token: str) -> tuple[Item, Write]:
    """The user whom a token belongs to, and the write that uses it up.

    Raises `auth.invalid_token`, and `auth.deactivated` for the live token of a deactivated user.
    """
    named = access_tokens.ids_of(PREFIX, token, 2)
    if named is None:
        raise ApiError("auth.invalid_token")
    account_id, user_id = named
    where, owner = _key(account_id, user_id, token), user_key(account_id, user_id)
    found = table.batch_get([where, owner])
    item, user = found.get(where), found.get(owner)
    if item is None or user is None or item["expires"] <= clock.now() or item["epoch"] != user["epoch"]:
        raise ApiError("auth.invalid_token")
    if "deactivated_at" in user:
        raise ApiError("auth.deactivated")
    used = table.raise_(ApiError("auth.invalid_token"))
    return user, table.delete(where, "attribute_exists(pk)", failed=used)


def _key(account_id: str, user_id: str, token: str) -> Key:
    return Key(table.partition(account_id, "mail_token"), f"{user_id}#{access_tokens.digest(token)}")
