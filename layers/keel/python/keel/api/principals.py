"""Principals: the users and apps that hold access tokens, where they are stored, and what ends their tokens."""

from typing import Final

from keel.storage import legacy_table as table
from keel.storage.legacy_table import Item, Key

# The condition that `is_live` checks, for an update of the principal: of an app, and of a user's session.
LIVE_APP: Final = "attribute_not_exists(#deactivated_at) AND attribute_not_exists(#revoked_at) AND #epoch = :epoch"
LIVE_SESSION: Final = (
    "attribute_not_exists(#deactivated_at) AND attribute_not_exists(#revoked_at)"
    " AND attribute_not_exists(#ended_sessions.#ended) AND (#epoch = :epoch OR #kept_session = :session)"
)


def user_key(account_id: str, user_id: str) -> Key:
    return Key(table.partition(account_id, "user"), user_id)


def app_key(account_id: str, app_id: str) -> Key:
    return Key(table.partition(account_id, "oauth_app"), app_id)


def is_live(session_id: str, epoch: int, principal: Item) -> bool:
    """Whether a session that began in this epoch has not ended. Deactivation is not considered.

    A session ends by itself (`ended_sessions`), or with all others when the principal's epoch is increased. A password
    change spares the session that made it (`kept_session`).
    """
    if "revoked_at" in principal or ended_name(session_id) in principal.get("ended_sessions", {}):
        return False
    return bool(epoch == principal["epoch"] or (session_id and session_id == principal.get("kept_session")))


def ended_name(session_id: str) -> str:
    """The key of a session in `ended_sessions`. An expression could not address one with hyphens."""
    return "s" + session_id.replace("-", "")
