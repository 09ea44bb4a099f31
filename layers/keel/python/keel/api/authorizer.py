"""Authenticate a caller, count the call against the rate limit and check the permission, in one DynamoDB update.

The bucket of a caller with an access token lies on the item of the principal, the user or the app. The update that
draws on it returns the state that can end the token: deactivated, revoked, session ended, epoch increased. A
revocation therefore takes effect on the next request.
"""

from dataclasses import dataclass
from enum import Enum
from typing import Literal

from keel.api import access_tokens, principals, rate_limits
from keel.api.access_tokens import AccessToken
from keel.api.rate_limits import Guard, RateLimitStatus, RejectedCall
from keel.errors import ApiError
from keel.settings import settings
from keel.storage.legacy_table import Item


class Access(Enum):
    """Whose access token an operation takes."""

    PUBLIC = "none"
    ANYONE = "a user's or an app's"
    USER = "a user's"
    OWNER = "an owner's"


@dataclass(frozen=True)
class Caller:
    """An authenticated principal. `item` is its stored item.

    `id` is the user or the app. `user_id` is the user, for an app the user who created it. `session_id` is "" for an
    app.
    """

    kind: Literal["user", "app"]
    account_id: str
    id: str
    user_id: str
    session_id: str
    item: Item


def authorize(authorization: str | None, access: Access, address: str) -> tuple[Caller, RateLimitStatus]:
    """The caller with this Authorization header, if it may call an operation that has this `access`.

    Raises `auth.required`, `auth.invalid_token`, `auth.deactivated`, `auth.forbidden` and `rate_limit.exceeded`. A call
    without a live token counts against the public bucket of its source address.
    """
    try:
        caller, rate_limit = _authenticate(authorization)
    except ApiError as error:
        if not isinstance(error, RejectedCall):
            rate_limits.take_public("public", address)
        raise
    is_owner = caller.kind == "user" and caller.item["role"] == "owner"
    if (access is Access.USER and caller.kind != "user") or (access is Access.OWNER and not is_owner):
        raise RejectedCall("auth.forbidden", rate_limit)
    return caller, rate_limit


def _authenticate(authorization: str | None) -> tuple[Caller, RateLimitStatus]:
    if authorization is None:
        raise ApiError("auth.required")
    scheme, _, credentials = authorization.partition(" ")
    if scheme.lower() != "bearer":
        raise ApiError("auth.invalid_token")
    token = access_tokens.verify(credentials.strip())
    is_user = token.kind == "user"
    key = (principals.user_key if is_user else principals.app_key)(token.account_id, token.principal_id)
    rate = settings().rate_user if is_user else settings().rate_app
    item, rate_limit = rate_limits.take(key, rate, _guard(token))
    caller = Caller(
        kind=token.kind,
        account_id=token.account_id,
        id=token.principal_id,
        user_id=token.principal_id if is_user else item["created_by"],
        session_id=token.session_id,
        item=item,
    )
    return caller, rate_limit


def _guard(token: AccessToken) -> Guard:
    """The condition that the token is live. Calls with a dead token do not count against the principal's bucket."""

    def check(principal: Item | None) -> None:
        if principal is None or not principals.is_live(token.session_id, token.epoch, principal):
            raise ApiError("auth.invalid_token")
        if "deactivated_at" in principal:
            raise ApiError("auth.deactivated")

    if token.kind == "app":
        return Guard(principals.LIVE_APP, {"epoch": token.epoch}, check)
    names = {"ended": principals.ended_name(token.session_id)}
    values = {"epoch": token.epoch, "session": token.session_id, "names": names}
    return Guard(principals.LIVE_SESSION, values, check)
