"""Sessions: begin, refresh and end them.

A session is an item with the hash of its one valid refresh token. Access tokens are not stored. The session ends for
them by its entry in the user's `ended_sessions`, which the authorizer reads on every call.
"""

from typing import Any, Final

from pynamodb.attributes import UnicodeAttribute

from keel import clock, ids
from keel.api import access_tokens
from keel.api.access_tokens import AccessToken
from keel.api.principals import User, ended_name, user_key
from keel.errors import ApiError
from keel.storage import table
from keel.storage.attribute_types import IntegerAttribute
from keel.storage.models import Item, Key
from keel.storage.table import ConditionFailed, Write

PREFIX: Final = "kl_rt_"
_LIFETIME: Final = 30 * clock.DAY  # since the last refresh
# The clocks of two functions may differ: an entry outlives the last access token by a little.
_REMEMBERED: Final = access_tokens.USER_TOKEN_SECONDS * clock.SECOND + clock.MINUTE


class Session(Item, discriminator="session"):
    """A session of a user: `<account>#session`, `<user>#<session>`."""

    digest = UnicodeAttribute()  # of the refresh token
    token_version = IntegerAttribute(attr_name="epoch")  # of the user when the session began
    expires = IntegerAttribute()  # in milliseconds
    ttl = IntegerAttribute()


def session_key(account_id: str, user_id: str, session_id: str) -> Key:
    return Key(table.partition(account_id, "session"), f"{user_id}#{session_id}")


def begin(user: User) -> tuple[dict[str, Any], Write]:
    """The first tokens of a new session, as a client gets them, and the write that stores the session."""
    now = clock.now()
    session_id = ids.mint(now)
    refresh_token = access_tokens.signed(access_tokens.with_ids(PREFIX, user.account_id, user.sk, session_id))
    session = Session(
        *session_key(user.account_id, user.sk, session_id),
        digest=access_tokens.digest(refresh_token),
        token_version=user.token_version,
        expires=now + _LIFETIME,
        ttl=_ttl(now),
    )
    return _tokens(user, session_id, user.token_version, refresh_token), table.put(session)


def refresh(refresh_token: str) -> dict[str, Any]:
    """New tokens for a refresh token, which works once. Raises `auth.invalid_token` and `auth.deactivated`.

    Reusing a refresh token ends its session, since one of the two who hold it has stolen it. A token that Keel never
    issued ends nothing. Otherwise whoever learns the id of a session could end it.
    """
    token, is_signed = access_tokens.verify_signature(refresh_token)
    named = access_tokens.ids_of(PREFIX, token, 3)
    if named is None:
        raise ApiError("auth.invalid_token")
    session_id = named[2]
    session, user = _find(*named)
    digest = access_tokens.digest(refresh_token)
    if session.digest != digest and not is_signed:
        raise ApiError("auth.invalid_token")
    if session.digest == digest and user.deactivated_at is not None:
        raise ApiError("auth.deactivated")
    renewed = access_tokens.signed(access_tokens.with_ids(PREFIX, *named))
    try:
        table.write(_renew(session, digest, renewed))
    except ConditionFailed as failed:
        # botocore repeats a call whose response was lost, and the repetition meets its own change.
        if failed.item is None or failed.item.digest != access_tokens.digest(renewed):
            end(user, session_id)
            raise ApiError("auth.invalid_token") from None
    return _tokens(user, session_id, session.token_version, renewed)


def _find(account_id: str, user_id: str, session_id: str) -> tuple[Session, User]:
    """A session that has not ended, and its user. Raises `auth.invalid_token`. Deactivation is not considered."""
    key, owner_key = session_key(account_id, user_id, session_id), user_key(account_id, user_id)
    items = table.batch_get([key, owner_key])
    session, user = items.get(key), items.get(owner_key)
    if not isinstance(session, Session) or not isinstance(user, User) or session.expires <= clock.now():
        raise ApiError("auth.invalid_token")
    if not user.is_live(session_id, session.token_version):
        raise ApiError("auth.invalid_token")
    return session, user


def _renew(session: Session, digest: str, renewed: str) -> Write:
    """Replace the refresh token with this hash, if it still is the valid one."""
    now = clock.now()
    actions = [
        Session.digest.set(access_tokens.digest(renewed)),
        Session.expires.set(now + _LIFETIME),
        Session.ttl.set(_ttl(now)),
    ]
    return table.update(Session, session.key, actions, Session.digest == digest)


def end(user: User, session_id: str) -> None:
    """End a session with all its tokens, immediately."""
    delete = table.delete(Session, session_key(user.account_id, user.sk, session_id))
    while True:
        before, now = user.ended_sessions, clock.now()
        after = {name: at for name, at in before.items() if at > now - _REMEMBERED}
        after[ended_name(session_id)] = now
        actions = [User.ended_sessions.set(after)]
        try:
            table.commit(table.update(User, user.key, actions, User.ended_sessions == before), delete)
        except ConditionFailed as failed:
            if failed.item is None:
                return
            user = failed.item
        else:
            return


def _ttl(now: int) -> int:
    return (now + _LIFETIME) // clock.SECOND + 1


def _tokens(user: User, session_id: str, token_version: int, refresh_token: str) -> dict[str, Any]:
    access_token = AccessToken("user", user.account_id, user.sk, session_id, token_version)
    return {
        "access_token": access_tokens.issue(access_token),
        "refresh_token": refresh_token,
        "expires_in": access_tokens.USER_TOKEN_SECONDS,
    }
