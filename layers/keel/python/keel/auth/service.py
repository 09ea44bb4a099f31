"""Register, log in, and present the caller."""

from typing import Any

from keel import clock, ids
from keel.api.authorizer import Caller
from keel.auth import sessions
from keel.auth.schemas import Login, Register
from keel.errors import ApiError
from keel.storage import table
from keel.users import models, password_hashing
from keel.users.models import Account


def register(body: Register) -> dict[str, Any]:
    """Open an account with its first owner. Raises `auth.email_taken`."""
    now = clock.now()
    account_id = ids.mint(now)
    user = models.new_user(
        account_id,
        ids.mint(now),
        now,
        email=body.email,
        name=body.name,
        role="owner",
        must_change_password=False,
        password_hash=password_hashing.hashed(body.password),
    )
    account = Account(
        *models.account_key(account_id),
        account_name=body.account_name,
        active_owners=1,
        created_at=clock.text(now),
    )
    tokens, session = sessions.begin(user)
    taken = ApiError.for_field("auth.email_taken", "email")
    table.commit(models.claim_email(user, taken), table.put(account), table.put(user), session)
    return tokens | {"user": models.present(user)}


def login(body: Login) -> dict[str, Any]:
    """Begin a session. Raises `auth.invalid_credentials`, after the same work whatever is wrong, and
    `auth.deactivated`."""
    user = models.find_by_email(body.email)
    is_right = password_hashing.verify(user.password_hash if user else None, body.password)
    if user is None or not is_right:
        raise ApiError("auth.invalid_credentials")
    if user.deactivated_at is not None:
        raise ApiError("auth.deactivated")
    tokens, session = sessions.begin(user)
    table.write(session)
    return tokens | {"user": models.present(user)}


def me(caller: Caller) -> dict[str, Any]:
    """The calling user, with the name of the account."""
    account = table.get(Account, models.account_key(caller.account_id))
    return models.present(caller.user) | {"account_name": account.account_name if account else ""}
