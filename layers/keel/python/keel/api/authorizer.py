"""Who may come in? Authentication, rate limit and permission, in one round trip to the table.

Each call takes a token from a bucket, by one conditional UpdateItem. For a caller with a live access
token the bucket lies on the item of the principal, the user or the app, so that the same round trip
brings the state that can refuse it: deactivated, revoked, a session or an epoch that has ended. That is
why a revocation works on the next request.

The bucket is kept as one number, `full_at`: the instant, in microseconds, at which the bucket will be full
again (the generic cell rate algorithm). DynamoDB has no `max()`, so there are two forms of the update: one
for a bucket that is full, one for a bucket in use. What this process saw last tells which to try first;
the refusal of the wrong one tells enough to send the other.
"""

import time
from dataclasses import dataclass
from enum import Enum
from typing import Any, Final, Literal

from keel import clock
from keel.api import access_tokens
from keel.api.access_tokens import AccessToken
from keel.errors import ApiError
from keel.settings import Rate, settings
from keel.storage import legacy_table as table
from keel.storage.legacy_table import ConditionFailed, Item, Key

_SECOND: Final = 1_000_000
_TRIES: Final = 6
_REMEMBERED: Final = 10_000


class Access(Enum):
    """Whose token an operation takes."""

    PUBLIC = "none"
    ANYONE = "a user's or an app's"
    USER = "a user's"
    OWNER = "an owner's"


@dataclass(frozen=True)
class Caller:
    """Whoever has been let in. `user_id` is the user, for an app the one who created it; `item` is the
    principal as it is stored."""

    kind: Literal["user", "app"]
    account_id: str
    id: str
    user_id: str
    session_id: str
    item: Item


@dataclass(frozen=True)
class Allowance:
    """What a bucket has left: whole calls, and whole seconds until it is full."""

    limit: int
    remaining: int
    reset: int


class RejectedCall(ApiError):
    """`rate_limit.exceeded` or `auth.forbidden`: it tells what the bucket has left."""

    def __init__(self, code: str, allowance: Allowance, retry_after: int | None = None) -> None:
        self.allowance = allowance
        super().__init__(code, retry_after=retry_after)


def user_key(account_id: str, user_id: str) -> Key:
    return Key(table.partition(account_id, "user"), user_id)


def app_key(account_id: str, app_id: str) -> Key:
    return Key(table.partition(account_id, "oauth_app"), app_id)


def authorize_public(bucket: str, rate: Rate, address: str) -> Allowance:
    """Let anybody in who is within this bucket's rate for an address."""
    _, allowance = _take(Key(f"address#{address}", bucket), rate)
    return allowance


def authorize(authorization: str | None, access: Access, address: str) -> tuple[Caller, Allowance]:
    """Let the bearer of a live token in.

    Raises `auth.required`, `auth.invalid_token`, `auth.deactivated`, `auth.forbidden` and
    `rate_limit.exceeded`. A call without a live token draws on the public bucket of its address.
    """
    try:
        caller, allowance = _authenticate(authorization)
    except ApiError as fault:
        if not isinstance(fault, RejectedCall):
            authorize_public("public", settings().rate_public, address)
        raise
    is_owner = caller.kind == "user" and caller.item["role"] == "owner"
    if (access is Access.USER and caller.kind != "user") or (access is Access.OWNER and not is_owner):
        raise RejectedCall("auth.forbidden", allowance)
    return caller, allowance


def _authenticate(authorization: str | None) -> tuple[Caller, Allowance]:
    if authorization is None:
        raise ApiError("auth.required")
    scheme, _, credentials = authorization.partition(" ")
    if scheme.lower() != "bearer":
        raise ApiError("auth.invalid_token")
    token = access_tokens.verify(credentials.strip())
    is_user = token.kind == "user"
    key = (user_key if is_user else app_key)(token.account_id, token.principal_id)
    rate = settings().rate_user if is_user else settings().rate_app
    item, allowance = _take(key, rate, token)
    caller = Caller(
        kind=token.kind,
        account_id=token.account_id,
        id=token.principal_id,
        user_id=token.principal_id if is_user else item["created_by"],
        session_id=token.session_id,
        item=item,
    )
    return caller, allowance


def _check_live(token: AccessToken, principal: Item | None) -> None:
    """Raise unless nothing that happened since the token was issued has ended it."""
    if principal is None or not is_live(token.session_id, token.epoch, principal):
        raise ApiError("auth.invalid_token")
    if "deactivated_at" in principal:
        raise ApiError("auth.deactivated")


def is_live(session_id: str, epoch: int, principal: Item) -> bool:
    """Whether a session of this epoch goes on, a deactivation aside.

    A session ends by itself (`ended_sessions`), or with all others when the principal's epoch moves on;
    a password change spares the session that made it (`kept_session`).
    """
    if "revoked_at" in principal or ended_name(session_id) in principal.get("ended_sessions", {}):
        return False
    return bool(epoch == principal["epoch"] or (session_id and session_id == principal.get("kept_session")))


def ended_name(session_id: str) -> str:
    """A session's name in `ended_sessions`."""
    return "s" + session_id.replace("-", "")


def _live(token: AccessToken) -> tuple[str, dict[str, Any]]:
    """What `_check_live` demands, as a condition with what it names: a dead token takes nothing from its principal's
    bucket."""
    condition = "attribute_not_exists(#deactivated_at) AND attribute_not_exists(#revoked_at)"
    if token.kind == "app":
        return f"{condition} AND #epoch = :epoch", {"epoch": token.epoch}
    condition += " AND attribute_not_exists(#ended_sessions.#ended)"
    condition += " AND (#epoch = :epoch OR #kept_session = :session)"
    names = {"ended": ended_name(token.session_id)}
    return condition, {"epoch": token.epoch, "session": token.session_id, "names": names}


# --- The bucket -------------------------------------------------------------------------------------

_last_seen: dict[Key, int] = {}


def _take(key: Key, rate: Rate, token: AccessToken | None = None) -> tuple[Item, Allowance]:
    """Take a call from a bucket; gives the item that holds it.

    With a token it is the item of the token's principal, and nothing is taken unless the token is live, which is
    decided before anything else. Without, the item is made when it is missing, and goes by itself some time later.
    """
    cost = _SECOND // rate.per_second
    full_at = _last_seen.get(key, 0)
    # A refill that came too late was overtaken by another call. Among many, the bucket may be full and in use
    # by turns faster than this one can follow; so it then draws on the bucket as it was seen, full or not.
    crowded = False
    for _ in range(_TRIES):
        now = time.time_ns() // 1_000
        # A bucket in use may be emptied down to its last call, and no further.
        latest = now + (rate.burst - 1) * cost
        if full_at <= now and not crowded:
            write = _refill(key, now, cost, token)
        else:
            write = _drain(key, min(now, full_at - 1), latest, cost, token)
        try:
            item = table.apply(write, returning="ALL_NEW")
        except ConditionFailed as refused:
            if token:
                _check_live(token, refused.item)
            full_at = (refused.item or {}).get("full_at", 0)
            _remember(key, full_at)
            # The refusal may have been long in coming: only by the present clock is the bucket empty.
            latest += time.time_ns() // 1_000 - now
            if full_at > latest:
                break
            crowded = full_at > now
            continue
        _remember(key, item["full_at"])
        return item, _allowance(rate, cost, max(cost, item["full_at"] - now))
    # Over the rate, or so many calls at once that this one found no gap.
    retry_after = max(1, -(-(full_at - latest) // _SECOND))
    raise RejectedCall("rate_limit.exceeded", _allowance(rate, cost, full_at - now), retry_after)


def _refill(key: Key, now: int, cost: int, token: AccessToken | None) -> table.Write:
    """Take the first call of a bucket that is full."""
    unused = "(attribute_not_exists(#full_at) OR #full_at <= :now)"
    return _change(key, "#full_at = :full_at", unused, token, now=now, full_at=now + cost)


def _drain(key: Key, since: int, latest: int, cost: int, token: AccessToken | None) -> table.Write:
    """Take a further call from a bucket in use, or from one that has become full after `since`."""
    condition = "#full_at > :since AND #full_at <= :latest"
    return _change(key, "#full_at = #full_at + :cost", condition, token, since=since, latest=latest, cost=cost)


def _change(key: Key, change: str, condition: str, token: AccessToken | None, **values: Any) -> table.Write:
    if token:
        live, known = _live(token)
        return table.update(key, f"SET {change}", f"{condition} AND {live}", **values, **known)
    ttl = clock.now() // 1_000 + 3_600
    return table.update(key, f"SET {change}, #ttl = :ttl", condition, ttl=ttl, **values)


def _remember(key: Key, full_at: int) -> None:
    if len(_last_seen) >= _REMEMBERED:
        _last_seen.clear()
    _last_seen[key] = full_at


def _allowance(rate: Rate, cost: int, until_full: int) -> Allowance:
    remaining = max(0, (rate.burst * cost - until_full) // cost)
    return Allowance(rate.burst, remaining, max(0, -(-until_full // _SECOND)))
