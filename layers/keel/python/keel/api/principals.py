"""Principals: the users and OAuth apps that hold access tokens, how they are stored, and what ends their tokens."""

from pynamodb.attributes import BooleanAttribute, UnicodeAttribute

from keel.storage import table
from keel.storage.attribute_types import (
    DocumentAttribute,
    IntegerAttribute,
    OptionalIntegerAttribute,
    OptionalTextAttribute,
)
from keel.storage.models import Item, Key


class Principal(Item):
    """What users and apps have in common."""

    # Stored in every access token and refresh token. Increasing it ends them all.
    token_version = IntegerAttribute(attr_name="epoch")
    full_at = OptionalIntegerAttribute()  # of the rate limit, see `keel.api.rate_limits`
    created_at = UnicodeAttribute()
    updated_at = UnicodeAttribute()


class User(Principal, discriminator="user"):
    """A person who works with an account: `<account>#user`, sorted by id."""

    email = UnicodeAttribute()
    name = UnicodeAttribute()
    role = UnicodeAttribute()  # owner or member
    must_change_password = BooleanAttribute()
    password_hash = OptionalTextAttribute()  # None until an invited user has chosen a password
    deactivated_at = OptionalTextAttribute()
    # The sessions that ended within the lifetime of an access token, with the time in milliseconds.
    ended_sessions = DocumentAttribute(default=dict)
    kept_session = OptionalTextAttribute()  # spared by the last increase of `token_version`

    def is_live(self, session_id: str, token_version: int) -> bool:
        """Whether a session that began with this token version has not ended. Deactivation is not considered.

        A session ends by itself (`ended_sessions`), or with all others when `token_version` is increased. A password
        change spares the session that made it (`kept_session`).
        """
        if ended_name(session_id) in self.ended_sessions:
            return False
        return token_version == self.token_version or bool(session_id and session_id == self.kept_session)


class OAuthApp(Principal, discriminator="oauth_app"):
    """A program that works with an account: `<account>#oauth_app`, sorted by id."""

    name = UnicodeAttribute()
    created_by = UnicodeAttribute()
    secret_digest = UnicodeAttribute()
    client_secret_prefix = UnicodeAttribute()
    last_used_at = OptionalTextAttribute()
    revoked_at = OptionalTextAttribute()

    def is_live(self, token_version: int) -> bool:
        """Whether the app is not revoked and its secret is the one that the token was issued for."""
        return self.revoked_at is None and token_version == self.token_version


def user_key(account_id: str, user_id: str) -> Key:
    return Key(table.partition(account_id, "user"), user_id)


def app_key(account_id: str, app_id: str) -> Key:
    return Key(table.partition(account_id, "oauth_app"), app_id)


def ended_name(session_id: str) -> str:
    """The key of a session in `ended_sessions`. An expression could not address one with hyphens."""
    return "s" + session_id.replace("-", "")
