"""How does a session begin, go on and end? Refresh tokens that work once, and what tells of their reuse.

A session is an item with the hash of its one good refresh token. Access tokens are not stored: the session
ends for them by its entry in the user's `ended_sessions`, which the gate reads on every call.
"""

from typing import Any, Final

from keel import clock, ids
from keel.api import access_tokens
from keel.api.access_tokens import AccessToken
from keel.api.principals import ended_name, is_live, user_key
from keel.errors import ApiError
from keel.storage import legacy_table as table
from keel.storage.legacy_table import ConditionFailed, Item, Key, Write

PREFIX: Final = "kl_rt_"
_LIFETIME: Final = 30 * clock.DAY  # since the last refresh
# Clocks of two functions may differ: an entry outlives the last access token by a little.
_REMEMBERED: Final = access_tokens.USER_TOKEN_SECONDS * clock.SECOND + clock.MINUTE


def key(account_id: str, user_id: str, session_id: str) -> Key:
    return Key(table.partition(account_id, "session"), f"{user_id}#{session_id}")


def begin(account_id: str, user_id: str, epoch: int) -> tuple[dict[str, Any], Write]:
    """A session's first tokens, as a client gets them, and the write that makes them good."""
    now = clock.now()
    session_id = ids.mint(now)
    refresh_token = access_tokens.sealed(access_tokens.with_ids(PREFIX, account_id, user_id, session_id))
    where = key(account_id, user_id, session_id)
    item = {
        "pk": where.pk,
        "sk": where.sk,
        "kind": "session",
        "digest": access_tokens.digest(refresh_token),
        "epoch": epoch,
        **_expiry(now),
    }
    return _answer(account_id, user_id, session_id, epoch, refresh_token), table.put(item)


def go_on(refresh_token: str) -> dict[str, Any]:
    """New tokens for a refresh token, which works this once; `auth.invalid_token`, `auth.deactivated`.

    Using one again ends its session: one of the two who hold it has stolen it. One that was never given out ends
    nothing, or whoever learns a session's id could end it.
    """
    token, given_out = access_tokens.unsealed(refresh_token)
    named = access_tokens.ids_of(PREFIX, token, 3)
    if named is None:
        raise ApiError("auth.invalid_token")
    account_id, user_id, session_id = named
    session, user = _find(account_id, user_id, session_id)
    digest = access_tokens.digest(refresh_token)
    if session["digest"] != digest and not given_out:
        raise ApiError("auth.invalid_token")
    if session["digest"] == digest and "deactivated_at" in user:
        raise ApiError("auth.deactivated")
    renewed = access_tokens.sealed(access_tokens.with_ids(PREFIX, *named))
    try:
        table.apply(_renew(session, digest, renewed))
    except ConditionFailed as refused:
        # An answer that was lost on the way has botocore send the change again: then it was ours that was made.
        if refused.item is None or refused.item["digest"] != access_tokens.digest(renewed):
            end(user, session_id)
            raise ApiError("auth.invalid_token") from None
    return _answer(account_id, user_id, session_id, session["epoch"], renewed)


def _find(account_id: str, user_id: str, session_id: str) -> tuple[Item, Item]:
    """A session that goes on, a deactivation aside, and its user; `auth.invalid_token`."""
    where, owner = key(account_id, user_id, session_id), user_key(account_id, user_id)
    found = table.batch_get([where, owner])
    session, user = found.get(where), found.get(owner)
    if session is None or user is None or session["expires"] <= clock.now():
        raise ApiError("auth.invalid_token")
    if not is_live(session_id, session["epoch"], user):
        raise ApiError("auth.invalid_token")
    return session, user


def _renew(session: Item, digest: str, renewed: str) -> Write:
    """Put a new refresh token in the place of the one with this hash, if it still is the good one."""
    return table.update(
        Key(session["pk"], session["sk"]),
        "SET #digest = :renewed, #expires = :expires, #ttl = :ttl",
        "#digest = :digest",
        digest=digest,
        renewed=access_tokens.digest(renewed),
        **_expiry(clock.now()),
    )


def end(user: Item, session_id: str) -> None:
    """End a session with all its tokens, at once."""
    owner = Key(user["pk"], user["sk"])
    account_id = user["pk"].partition("#")[0]
    gone = table.delete(key(account_id, user["sk"], session_id))
    while True:
        before, now = user["ended_sessions"], clock.now()
        after = {name: at for name, at in before.items() if at > now - _REMEMBERED}
        after[ended_name(session_id)] = now
        change = table.update(
            owner,
            "SET #ended_sessions = :after",
            "#ended_sessions = :before",
            before=before,
            after=after,
        )
        try:
            table.commit(change, gone)
        except ConditionFailed as changed:
            if changed.item is None:
                return
            user = changed.item
        else:
            return


def _expiry(now: int) -> dict[str, Any]:
    return {"expires": now + _LIFETIME, "ttl": (now + _LIFETIME) // clock.SECOND + 1}


def _answer(account_id: str, user_id: str, session_id: str, epoch: int, refresh_token: str) -> dict[str, Any]:
    return {
        "access_token": access_tokens.issue(AccessToken("user", account_id, user_id, session_id, epoch)),
        "refresh_token": refresh_token,
        "expires_in": access_tokens.USER_TOKEN_SECONDS,
    }
