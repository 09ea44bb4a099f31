"""How does a user get a new password? By changing it, or by a mailed token when it is forgotten."""

from typing import Any, Final

from keel import clock
from keel.api.authorizer import Caller
from keel.api.principals import user_key
from keel.errors import ApiError
from keel.mails import outbox
from keel.storage import legacy_table as table
from keel.storage.legacy_table import ConditionFailed, Item, Write
from keel.users import mail_tokens, models, password_hashing
from keel.users.schemas import ChangePassword, ForgotPassword, ResetPassword

_SET: Final = "SET #password_hash = :hash, #must_change_password = :no, #epoch = #epoch + :one, #updated_at = :now"


def change(caller: Caller, body: ChangePassword) -> dict[str, Any]:
    """Set a new password and end the user's other sessions; `auth.invalid_credentials`."""
    user = caller.item
    wrong = ApiError.for_field("auth.invalid_credentials", "current_password", "The current password is wrong.")
    if not password_hashing.verify(user.get("password_hash"), body.current_password):
        raise wrong
    values = _values(body.new_password)
    write = table.update(
        user_key(caller.account_id, caller.id),
        f"{_SET}, #kept_session = :session",
        "#password_hash = :before",
        before=user["password_hash"],
        session=caller.session_id,
        **values,
    )
    try:
        table.apply(write)
    except ConditionFailed as refused:
        # Sent again by botocore because its answer was lost, the change meets itself.
        if refused.item is None or refused.item["password_hash"] != values["hash"]:
            raise wrong from None
    return {}


def forgot(body: ForgotPassword) -> dict[str, Any]:
    """Mail a reset token if anybody has this email; the answer and its time do not tell."""
    table.apply(outbox.reset(body.email))
    return {}


def reset(body: ResetPassword) -> dict[str, Any]:
    """Set a new password by a mailed token and end all the user's sessions; `auth.invalid_token`."""
    user, use = mail_tokens.redeem(body.token)
    table.commit(use, _replace(user, body.new_password))
    return {}


def _replace(user: Item, password: str) -> Write:
    return table.update(
        user_key(models.account_of(user), user["sk"]),
        f"{_SET} REMOVE #kept_session",
        "#epoch = :epoch AND attribute_not_exists(#deactivated_at)",
        failed=table.raise_(ApiError("auth.invalid_token")),
        epoch=user["epoch"],
        **_values(password),
    )


def _values(password: str) -> dict[str, Any]:
    return {"hash": password_hashing.hashed(password), "no": False, "one": 1, "now": clock.text(clock.now())}
