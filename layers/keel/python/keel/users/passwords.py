"""Set a new password: change it, or reset it with a mailed token."""

from typing import Any

from pynamodb.expressions.update import Action

from keel import clock
from keel.api.authorizer import Caller
from keel.api.principals import User
from keel.errors import ApiError
from keel.mails import outbox
from keel.storage import table
from keel.storage.table import ConditionFailed, Write
from keel.users import mail_tokens, password_hashing
from keel.users.schemas import ChangePassword, ForgotPassword, ResetPassword


def change(caller: Caller, body: ChangePassword) -> dict[str, Any]:
    """Set a new password and end the user's other sessions. Raises `auth.invalid_credentials`."""
    user = caller.user
    wrong = ApiError.for_field("auth.invalid_credentials", "current_password", "current_password is incorrect.")
    if not password_hashing.verify(user.password_hash, body.current_password):
        raise wrong
    hashed = password_hashing.hashed(body.new_password)
    actions = [*_set_password(hashed), User.kept_session.set(caller.session_id)]
    try:
        table.write(table.update(User, user.key, actions, User.password_hash == user.password_hash))
    except ConditionFailed as failed:
        # botocore repeats a call whose response was lost, and the repetition meets its own change.
        if failed.item is None or failed.item.password_hash != hashed:
            raise wrong from None
    return {}


def forgot(body: ForgotPassword) -> dict[str, Any]:
    """Mail a reset token if a user has this email. Neither the response nor its time tells whether one has."""
    table.write(outbox.reset(body.email))
    return {}


def reset(body: ResetPassword) -> dict[str, Any]:
    """Set a new password with a mailed token and end all the user's sessions. Raises `auth.invalid_token`."""
    user, use_token = mail_tokens.redeem(body.token)
    table.commit(use_token, _replace(user, body.new_password))
    return {}


def _replace(user: User, password: str) -> Write:
    actions = [*_set_password(password_hashing.hashed(password)), User.kept_session.remove()]
    is_unchanged = (User.token_version == user.token_version) & User.deactivated_at.does_not_exist()
    invalid = table.raise_(ApiError("auth.invalid_token"))
    return table.update(User, user.key, actions, is_unchanged, on_failure=invalid)


def _set_password(hashed: str) -> list[Action]:
    return [
        User.password_hash.set(hashed),
        User.must_change_password.set(False),
        User.token_version.set(User.token_version + 1),
        User.updated_at.set(clock.text(clock.now())),
    ]
