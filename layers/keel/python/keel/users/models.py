"""How are users and accounts kept? Their items, the ownership of emails, and what of it a client sees."""

from typing import Any

from keel import clock
from keel.api.fields import fold
from keel.api.principals import user_key
from keel.errors import ApiError
from keel.storage import legacy_table as table
from keel.storage.legacy_table import Item, Key, Write

_SHOWN = ("email", "name", "role", "must_change_password")


def account_key(account_id: str) -> Key:
    return Key(table.partition(account_id, "account"), "account")


def email_key(email: str) -> Key:
    """The item of whoever has this email, in whatever account: a login has nothing else to go by."""
    return Key(f"email#{fold(email)}", "email")


def new(account_id: str, user_id: str, now: int, **fields: Any) -> Item:
    """A user with these fields: email, name, role, must_change_password and perhaps password_hash."""
    key = user_key(account_id, user_id)
    return {
        "pk": key.pk,
        "sk": key.sk,
        "kind": "user",
        "epoch": 1,
        "ended_sessions": {},
        "created_at": clock.text(now),
        "updated_at": clock.text(now),
        **fields,
    }


def claim(user: Item, taken: ApiError) -> Write:
    """The write that gives the email to its user, unless somebody has it."""
    key = email_key(user["email"])
    item = {"pk": key.pk, "sk": key.sk, "kind": "email", "account_id": account_of(user), "user_id": user["sk"]}
    return table.put(item, "attribute_not_exists(pk)", failed=table.raise_(taken))


def find(email: str) -> Item | None:
    """The user with this email. It takes two reads in any case, so that time does not tell."""
    key, nobody = email_key(email), user_key("", "nobody")
    # What is no email is asked for, too, and folded it can be longer than what anything is kept under.
    owner = table.get(key if len(key.pk.encode()) <= table.PK_BYTES else nobody)
    if owner is None:
        table.get(nobody)
        return None
    return table.get(user_key(owner["account_id"], owner["user_id"]))


def account_of(user: Item) -> str:
    return str(user["pk"]).partition("#")[0]


def view(user: Item) -> dict[str, Any]:
    """A user as a client sees it."""
    return {
        "id": user["sk"],
        "account_id": account_of(user),
        **{name: user[name] for name in _SHOWN},
        "deactivated_at": user.get("deactivated_at"),
        "created_at": user["created_at"],
        "updated_at": user["updated_at"],
    }
