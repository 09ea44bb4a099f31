"""What does a bearer hold? Access tokens (signed, short-lived) and opaque secrets (stored as hashes).

An access token is a JWT, HS256, that says who calls; whether it still may is the gate's to find out.
Refresh tokens, mailed tokens and client ids carry the ids of what they belong to, so that they are found
under the account's keys without an index; what proves them is the random part, of which only a hash is
stored.
"""

import hashlib
import hmac
import os
import time
import uuid
from dataclasses import dataclass
from functools import lru_cache
from typing import Final, Literal

import jwt

from keel import clock, ids
from keel.api import base64url, signing_keys
from keel.errors import ApiError

USER_TOKEN_SECONDS: Final = 900
APP_TOKEN_SECONDS: Final = 3600

_ALGORITHM: Final = "HS256"
_TYPE: Final = "at+jwt"
_ISSUER: Final = "keel"
_CLAIMS: Final = {
    "iss": str,
    "sub": str,
    "account": str,
    "kind": str,
    "session": str,
    "epoch": int,
    "iat": int,
    "exp": int,
}


@dataclass(frozen=True)
class AccessToken:
    """Who calls: a `user` in a session, or an `app` (session "").

    `epoch` is the principal's epoch when the token's session began: moving it on ends all tokens.
    """

    kind: Literal["user", "app"]
    account_id: str
    principal_id: str
    session_id: str
    epoch: int


def issue(token: AccessToken) -> str:
    """The token, signed with the active key; it lives 15 minutes for a user, an hour for an app."""
    ring = signing_keys.ring()
    issued = clock.now() // 1_000
    lifetime = USER_TOKEN_SECONDS if token.kind == "user" else APP_TOKEN_SECONDS
    claims = {
        "iss": _ISSUER,
        "sub": token.principal_id,
        "account": token.account_id,
        "kind": token.kind,
        "session": token.session_id,
        "epoch": token.epoch,
        "iat": issued,
        "exp": issued + lifetime,
    }
    headers = {"kid": ring.active, "typ": _TYPE}
    return jwt.encode(claims, ring.keys[ring.active], _ALGORITHM, headers=headers)


@dataclass(frozen=True)
class _Verified:
    """A token that was right when it was first seen; what it stands on may have ended since."""

    token: AccessToken
    expires: int  # in seconds
    kid: str
    key: bytes


def verify(text: str) -> AccessToken:
    """Who an access token speaks for; `auth.invalid_token` unless every part of it is right."""
    found = _verified(text)
    is_over = found.expires <= time.time()
    if is_over or signing_keys.ring(knowing=found.kid).keys.get(found.kid) != found.key:
        raise ApiError("auth.invalid_token")
    return found.token


@lru_cache(maxsize=1_000)  # a client calls with the same one for as long as it lives
def _verified(text: str) -> _Verified:
    try:
        # PyJWT takes any spelling of the same bytes; an altered token is none of ours.
        if any(base64url.decode(part) is None for part in text.split(".")):
            raise ApiError("auth.invalid_token")
        header = jwt.get_unverified_header(text)
        kid = header.get("kid")
        if header.get("typ") != _TYPE or not isinstance(kid, str):
            raise ApiError("auth.invalid_token")
        key = signing_keys.ring(knowing=kid).keys.get(kid)
        if key is None:
            raise ApiError("auth.invalid_token")
        claims = jwt.decode(text, key, [_ALGORITHM], issuer=_ISSUER, options={"require": list(_CLAIMS)})
    # ValueError: PyJWT lets some malformed base64 and non-ASCII text through to its decoders.
    except (jwt.PyJWTError, ValueError, OverflowError, RecursionError):
        raise ApiError("auth.invalid_token") from None
    typed = all(type(claims[name]) is kind for name, kind in _CLAIMS.items())
    named = typed and ids.parse(claims["sub"]) and ids.parse(claims["account"])
    if not named or claims["kind"] not in ("user", "app"):
        raise ApiError("auth.invalid_token")
    token = AccessToken(claims["kind"], claims["account"], claims["sub"], claims["session"], claims["epoch"])
    return _Verified(token, claims["exp"], kid, key)


# --- Opaque secrets ---------------------------------------------------------------------------------

_SECRET_BYTES: Final = 32
_SEAL_BYTES: Final = 16


def digest(secret: str) -> str:
    """What is stored of a secret; it is random and long, so a plain hash is enough."""
    return hashlib.sha256(secret.encode()).hexdigest()


def random_secret(prefix: str) -> str:
    return prefix + base64url.encode(os.urandom(_SECRET_BYTES))


def sealed(token: str) -> str:
    """The token with a seal, by which it is known as one of ours when it is no longer good."""
    return f"{token}.{_seals(token)[0]}"


def unsealed(text: str) -> tuple[str, bool]:
    """The token under a seal, and whether the seal is ours: of a key that is still in the ring."""
    token, _, seal = text.rpartition(".")
    given = seal.encode()
    return token, any(hmac.compare_digest(given, each.encode()) for each in _seals(token))


def _seals(token: str) -> list[str]:
    keys = signing_keys.ring().derive("seal")
    return [base64url.encode(hmac.digest(key, token.encode(), hashlib.sha256)[:_SEAL_BYTES]) for key in keys]


def with_ids(prefix: str, *ids: str, secret: bool = True) -> str:
    """A text that names these ids and, unless told otherwise, ends in 32 random bytes."""
    packed = b"".join(uuid.UUID(id_).bytes for id_ in ids)
    return prefix + base64url.encode(packed + (os.urandom(_SECRET_BYTES) if secret else b""))


def ids_of(prefix: str, text: str, count: int, *, secret: bool = True) -> list[str] | None:
    """The ids in a text that `with_ids` made; None for any other text."""
    if not text.startswith(prefix):
        return None
    raw = base64url.decode(text[len(prefix) :])
    if raw is None or len(raw) != 16 * count + (_SECRET_BYTES if secret else 0):
        return None
    return [str(uuid.UUID(bytes=raw[at : at + 16])) for at in range(0, 16 * count, 16)]
