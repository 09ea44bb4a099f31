"""Issue and verify access tokens, and make the opaque tokens and secrets that are stored as hashes.

An access token is a JWT, signed with HS256, that names the caller. The authorizer finds out whether it is still live.
Refresh tokens, mailed tokens and client ids contain the ids of what they belong to, so that they are found under the
account's keys without an index. Their random part proves them. Only its hash is stored.
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
    """The caller: a `user` in a session, or an `app` (session "").

    `token_version` is that of the principal when the session began. Increasing it there ends all tokens.
    """

    kind: Literal["user", "app"]
    account_id: str
    principal_id: str
    session_id: str
    token_version: int


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
        "epoch": token.token_version,
        "iat": issued,
        "exp": issued + lifetime,
    }
    headers = {"kid": ring.active, "typ": _TYPE}
    return jwt.encode(claims, ring.keys[ring.active], _ALGORITHM, headers=headers)


@dataclass(frozen=True)
class _Verified:
    """A token that was valid when it was first seen. It may have expired since, and its key may be retired."""

    token: AccessToken
    expires: int  # in seconds
    kid: str
    key: bytes


def verify(text: str) -> AccessToken:
    """The caller that an access token names. Raises `auth.invalid_token` unless every part of the token is valid."""
    verified = _verified(text)
    is_expired = verified.expires <= time.time()
    if is_expired or signing_keys.ring(knowing=verified.kid).keys.get(verified.kid) != verified.key:
        raise ApiError("auth.invalid_token")
    return verified.token


@lru_cache(maxsize=1_000)  # a client uses the same token until it expires
def _verified(text: str) -> _Verified:
    try:
        # PyJWT accepts any base64 spelling of the same bytes. An altered token is not one that Keel issued.
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
_SIGNATURE_BYTES: Final = 16


def digest(secret: str) -> str:
    """The hash that is stored of a secret. Secrets are random and long, so a plain hash is enough."""
    return hashlib.sha256(secret.encode()).hexdigest()


def random_secret(prefix: str) -> str:
    return prefix + base64url.encode(os.urandom(_SECRET_BYTES))


def signed(token: str) -> str:
    """The token with a signature, which tells a used token of Keel's from one that Keel never issued."""
    return f"{token}.{_signatures(token)[0]}"


def verify_signature(text: str) -> tuple[str, bool]:
    """The token without its signature, and whether the signature was made with a key that is still in use."""
    token, _, signature = text.rpartition(".")
    encoded = signature.encode()
    return token, any(hmac.compare_digest(encoded, each.encode()) for each in _signatures(token))


def _signatures(token: str) -> list[str]:
    keys = signing_keys.ring().derive("seal")
    return [base64url.encode(hmac.digest(key, token.encode(), hashlib.sha256)[:_SIGNATURE_BYTES]) for key in keys]


def with_ids(prefix: str, *ids: str, secret: bool = True) -> str:
    """A text that contains these ids and, unless `secret` is false, 32 random bytes."""
    packed = b"".join(uuid.UUID(id_).bytes for id_ in ids)
    return prefix + base64url.encode(packed + (os.urandom(_SECRET_BYTES) if secret else b""))


def ids_of(prefix: str, text: str, count: int, *, secret: bool = True) -> list[str] | None:
    """The ids in a text that `with_ids` made, None for any other text."""
    if not text.startswith(prefix):
        return None
    raw = base64url.decode(text[len(prefix) :])
    if raw is None or len(raw) != 16 * count + (_SECRET_BYTES if secret else 0):
        return None
    return [str(uuid.UUID(bytes=raw[at : at + 16])) for at in range(0, 16 * count, 16)]
