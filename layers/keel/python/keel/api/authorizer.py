"""Authenticate a caller, count the call against the rate limit and check the permission, in one DynamoDB update.

The bucket of a caller with an access token lies on the item of the principal, the user or the app. The update that
draws on it returns the state that can end the token: deactivated, revoked, session ended, epoch increased. A
revocation therefore takes effect on the next request.
"""

from dataclasses import dataclass
from enum import Enum
from typing import Final, Literal

from pynamodb.expressions.condition import Condition

from keel.api import access_tokens, rate_limits
from keel.api.access_tokens import AccessToken
from keel.api.principals import OAuthApp, User, app_key, ended_name, user_key
from keel.api.rate_limits import Guard, RateLimitStatus, RejectedCall
from keel.errors import ApiError
from keel.settings import settings


class Access(Enum):
    """Whose access token an operation takes."""

    PUBLIC = "none"
    ANYONE = "a user's or an app's"
    USER = "a user's"
    OWNER = "an owner's"


@dataclass(frozen=True)
class Caller:
    """An authenticated principal. `principal` is its stored item.

    `id` is the user or the app. `user_id` is the user, for an app the user who created it. `session_id` is "" for an
    app.
    """

    kind: Literal["user", "app"]
    account_id: str
    id: str
    user_id: str
    session_id: str
    principal: User | OAuthApp

    @property
    def user(self) -> User:
        """The user who calls an operation that only users may call."""
        if not isinstance(self.principal, User):
            raise TypeError("the caller is an app")
        return self.principal


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
    is_owner = isinstance(caller.principal, User) and caller.principal.role == "owner"
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
    if token.kind == "user":
        user, rate_limit = rate_limits.take(
            User, user_key(token.account_id, token.principal_id), settings().rate_user, _session_guard(token)
        )
        return Caller("user", token.account_id, user.sk, user.sk, token.session_id, user), rate_limit
    app, rate_limit = rate_limits.take(
        OAuthApp, app_key(token.account_id, token.principal_id), settings().rate_app, _app_guard(token)
    )
    return Caller("app", token.account_id, app.sk, app.created_by, "", app), rate_limit


_UNREVOKED: Final[Condition] = OAuthApp.revoked_at.does_not_exist()
_NOT_DEACTIVATED: Final[Condition] = User.deactivated_at.does_not_exist()


def _app_guard(token: AccessToken) -> Guard:
    """The condition that an app's token is live. Calls with a dead token do not count against the app's bucket."""

    def check(app: OAuthApp | None) -> None:
        if app is None or not app.is_live(token.token_version):
            raise ApiError("auth.invalid_token")

    return Guard(_UNREVOKED & (OAuthApp.token_version == token.token_version), check)


def _session_guard(token: AccessToken) -> Guard:
    """The condition that a user's token is live. Calls with a dead token do not count against the user's bucket."""

    def check(user: User | None) -> None:
        if user is None or not user.is_live(token.session_id, token.token_version):
            raise ApiError("auth.invalid_token")
        if user.deactivated_at is not None:
            raise ApiError("auth.deactivated")

    is_of_version = (User.token_version == token.token_version) | (User.kept_session == token.session_id)
    has_not_ended = User.ended_sessions[ended_name(token.session_id)].does_not_exist()
    return Guard(_NOT_DEACTIVATED & has_not_ended & is_of_version, check)
