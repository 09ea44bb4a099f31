"""Who may begin a session? Registration, login, and what a user is told about themself."""

from typing import Any

from keel import clock, ids
from keel.api.authorizer import Caller
from keel.auth import sessions
from keel.auth.schemas import Login, Register
from keel.errors import ApiError
from keel.storage import legacy_table as table
from keel.users import models, password_hashing


def register(body: Register) -> dict[str, Any]:
    """Open an account with its first owner; `auth.email_taken`."""
    now = clock.now()
    account_id = ids.mint(now)
    user = models.new(
        account_id,
        ids.mint(now),
        now,
        email=body.email,
        name=body.name,
        role="owner",
        must_change_password=False,
        password_hash=password_hashing.hashed(body.password),
    )
    key = models.account_key(account_id)
    account = {
        "pk": key.pk,
        "sk": key.sk,
        "kind": "account",
        "account_name": body.account_name,
        "active_owners": 1,
        "created_at": clock.text(now),
    }
    granted, session = sessions.begin(account_id, user["sk"], user["epoch"])
    taken = ApiError.for_field("auth.email_taken", "email")
    table.commit(models.claim(user, taken), table.put(account), table.put(user), session)
    return granted | {"user": models.view(user)}


def login(body: Login) -> dict[str, Any]:
    """Begin a session; `auth.invalid_credentials`, after the same work whatever is wrong, `auth.deactivated`."""
    user = models.find(body.email)
    right = password_hashing.verify(user.get("password_hash") if user else None, body.password)
    if user is None or not right:
        raise ApiError("auth.invalid_credentials")
    if "deactivated_at" in user:
        raise ApiError("auth.deactivated")
    granted, session = sessions.begin(models.account_of(user), user["sk"], user["epoch"])
    table.apply(session)
    return granted | {"user": models.view(user)}


def me(caller: Caller) -> dict[str, Any]:
    account = table.get(models.account_key(caller.account_id))
    return models.view(caller.item) | {"account_name": account["account_name"] if account else ""}
