"""Test that an altered access token is rejected."""

import base64
import json
import time
import uuid
from typing import Any

import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric import rsa

from keel.api import access_tokens, base64url, signing_keys


@pytest.fixture
def claims(owner):
    """The claims of a live token, and of its account's owner."""
    session = owner()
    return jwt.decode(session.token, options={"verify_signature": False})


@pytest.fixture
def signed(functions):
    """Signs claims as Keel does, but for what is given."""

    def signed(claims, *, key=None, algorithm="HS256", **header):
        with functions.running("auth"):
            ring = signing_keys.ring()
        headers = {"kid": ring.active, "typ": "at+jwt"} | header
        return jwt.encode(claims, ring.keys[ring.active] if key is None else key, algorithm, headers=headers)

    return signed


def refused(call, token):
    answer = call("auth-me", token=token)
    return (answer.status, answer.code) == (401, "auth.invalid_token")


def test_the_control_is_taken(call, claims, signed):
    assert call("auth-me", token=signed(claims)).status == 200


@pytest.mark.parametrize("name", ["iss", "sub", "account", "kind", "session", "epoch", "iat", "exp"])
def test_every_claim_must_be_there_and_of_its_type(call, claims, signed, name):
    assert refused(call, signed({key: value for key, value in claims.items() if key != name}))
    wrong: Any = str(claims[name]) if isinstance(claims[name], int) else 1
    values: list[Any] = [None, True, {}, [claims[name]], 1.5, wrong]
    for value in values:
        try:
            token = signed(claims | {name: value})
        except TypeError:  # PyJWT itself does not write such an issuer
            continue
        assert refused(call, token), (name, value)


@pytest.mark.parametrize(
    "wrong",
    [
        {"iss": "other"},
        {"iss": ""},
        {"kind": "app"},
        {"kind": "owner"},
        {"sub": str(uuid.uuid4())},
        {"sub": ""},
        {"sub": "#"},
        {"account": str(uuid.uuid4())},
        {"account": ""},
        {"epoch": 0},
        {"epoch": 2},
        {"epoch": 10**40},
        {"exp": int(time.time()) - 1},
        {"exp": -1},
        {"iat": int(time.time()) + 3_600},
        {"nbf": int(time.time()) + 3_600},
    ],
)
def test_a_claim_that_is_not_true_is_refused(call, claims, signed, wrong):
    assert refused(call, signed(claims | wrong))


@pytest.mark.parametrize(
    "header",
    [
        {"typ": "JWT"},
        {"typ": None},
        {"typ": "AT+JWT"},
        {"kid": None},
        {"kid": ""},
        {"kid": "k2"},
        {"kid": "active"},
        {"crit": ["x"]},
    ],
)
def test_a_header_that_is_not_ours_is_refused(call, claims, signed, header):
    if header.get("kid", "") is None:
        token = jwt.encode(claims, "x" * 64, "HS256", headers={"typ": "at+jwt"})
    else:
        token = signed(claims, **header)
    assert refused(call, token)


def test_another_key_or_algorithm_is_refused(call, claims, signed, functions):
    assert refused(call, signed(claims, key=b"x" * 64))
    for algorithm in ("HS384", "HS512"):
        assert refused(call, signed(claims, algorithm=algorithm))
    private = rsa.generate_private_key(65537, 2048)
    assert refused(call, signed(claims, key=private, algorithm="RS256"))
    none = {"alg": "none", "kid": "k1", "typ": "at+jwt"}
    head, body = (base64url.encode(json.dumps(part).encode()) for part in (none, claims))
    for token in (f"{head}.{body}.", f"{head}.{body}", f"{head}.{body}.AA"):
        assert refused(call, token)


def test_no_altered_token_is_taken(call, claims, signed):
    token = signed(claims)
    head, body, signature = token.split(".")
    raised = base64url.encode(json.dumps(claims | {"exp": claims["exp"] + 1}).encode())
    for altered in (
        f"{head}.{raised}.{signature}",
        f"{head}.{body}.{signature[:-4]}",
        f"{head}.{body}.{signature}=",
        # The last character of 32 bytes in base64 has two bits that mean nothing.
        f"{head}.{body}.{signature[:-1]}{chr(ord(signature[-1]) + 1)}",
        f"{head}.{body}.{signature}.",
        f"{head}.{body}.{signature} x",
        f"{head}.{body}=.{signature}",
        f"{head}.{body}.",
        f"{body}.{head}.{signature}",
        token[:40],
        "..",
        "a.b.c",
        "\u00e9.\u00e9.\u00e9",
        "{}",
        f"{base64url.encode(b'[' * 50_000)}.{body}.{signature}",
    ):
        assert refused(call, altered), altered


@pytest.mark.parametrize("scheme", ["Basic", "Token", "", "Bearer:"])
def test_another_scheme_is_refused(call, owner, scheme):
    answer = call("auth-me", headers={"Authorization": f"{scheme} {owner().token}"})
    assert (answer.status, answer.code) == (401, "auth.invalid_token")


@pytest.mark.parametrize("header", ["", "Bearer", "Bearer ", " "])
def test_a_header_without_a_token_is_refused(call, header):
    assert call("auth-me", headers={"Authorization": header}).code == "auth.invalid_token"


def test_the_scheme_is_written_in_any_case(call, owner):
    assert call("auth-me", headers={"authorization": f"bEARER {owner().token}"}).status == 200


def test_tokens_of_other_kinds_are_no_access_tokens(call, owner, mails):
    ada = owner()
    assert call("users-forgot-password", {"email": ada.user["email"]}).status == 200
    [mail] = mails()
    for token in (ada.refresh_token, mail.token, ada.user["id"]):
        assert refused(call, token)


def test_an_app_can_not_pass_for_a_user_nor_a_user_for_an_app(call, owner, app, signed):
    robot = app(owner())
    claims = jwt.decode(robot["token"], options={"verify_signature": False})
    assert call("contacts-list", token=signed(claims)).status == 200
    for kind, session in (("user", ""), ("user", str(uuid.uuid4()))):
        answer = call("contacts-list", token=signed(claims | {"kind": kind, "session": session}))
        assert answer.code == "auth.invalid_token"


def test_a_rotated_key_is_accepted_until_it_is_removed(call, owner, monkeypatch):
    ada = owner()
    ring = signing_keys.ring()
    [(kid, key)] = ring.keys.items()
    monkeypatch.setattr(signing_keys, "_ring", signing_keys.KeyRing("k2", {"k2": b"n" * 64, kid: key}, ring.asked_at))
    assert call("auth-me", token=ada.token).status == 200
    fresh = call("auth-login", {"email": ada.user["email"], "password": ada.password}).result["access_token"]
    assert jwt.get_unverified_header(fresh)["kid"] == "k2"
    monkeypatch.setattr(signing_keys, "_ring", signing_keys.KeyRing("k2", {"k2": b"n" * 64}, ring.asked_at))
    assert call("auth-me", token=fresh).status == 200


def test_a_token_that_was_taken_before_is_refused_from_its_last_second_on(call, owner, monkeypatch):
    from keel.api import access_tokens

    token = owner().token
    now = time.time()
    for passed, code in (
        (0, None),
        (access_tokens.USER_TOKEN_SECONDS - 2, None),
        (access_tokens.USER_TOKEN_SECONDS + 1, "auth.invalid_token"),
    ):
        monkeypatch.setattr("keel.api.access_tokens.time.time", lambda passed=passed: now + passed)
        assert call("auth-me", token=token).code == code


@pytest.mark.parametrize("secret", [True, False])
def test_opaque_tokens_have_one_spelling(secret):
    ids = [str(uuid.uuid4()), str(uuid.uuid4())]
    token = access_tokens.with_ids("kl_xx_", *ids, secret=secret)
    assert access_tokens.ids_of("kl_xx_", token, 2, secret=secret) == ids
    raw = base64.urlsafe_b64decode(token[6:] + "==" if len(token[6:]) % 4 else token[6:])
    padded = "kl_xx_" + base64.urlsafe_b64encode(raw).decode()
    for other in (token + "A", token[:-1], token.replace("kl_xx_", "kl_yy_"), padded + "=", token + "\n"):
        assert access_tokens.ids_of("kl_xx_", other, 2, secret=secret) is None
    assert access_tokens.ids_of("kl_xx_", token, 3, secret=secret) is None
