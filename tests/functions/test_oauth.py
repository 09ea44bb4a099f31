"""Test the token endpoint for apps."""

import base64
import json
from urllib.parse import quote, quote_plus, urlencode

import pytest

FORM = {"Content-Type": "application/x-www-form-urlencoded"}
GRANT = {"grant_type": "client_credentials"}


def basic(client_id, secret, scheme="Basic"):
    return {"Authorization": f"{scheme} {base64.b64encode(f'{client_id}:{secret}'.encode()).decode()}"}


@pytest.fixture
def credentials(owner, app):
    return app(owner())["credentials"]


def every_form(credentials):
    """The same request in every form in which clients send it: (raw body, headers)."""
    client_id, secret = credentials.values()
    encoded = quote(client_id, safe=""), quote(secret, safe="")
    every = {letter: f"%{ord(letter):02X}" for letter in "_-kl"}
    escaped = ["".join(every.get(letter, letter) for letter in part) for part in (client_id, secret)]
    return {
        "json": (json.dumps(GRANT | credentials), {"Content-Type": "application/json"}),
        "json, undeclared": (json.dumps(GRANT | credentials), {"Content-Type": "text/plain"}),
        "json, declared a form": (json.dumps(GRANT | credentials), FORM),
        "form": (urlencode(GRANT | credentials), FORM),
        "form, binary": (urlencode(GRANT | credentials).encode(), FORM),
        "form with charset": (
            urlencode(GRANT | credentials),
            {"content-type": "Application/X-WWW-Form-URLencoded ; charset=UTF-8"},
        ),
        "form with more": (urlencode(GRANT | credentials | {"scope": "", "audience": "keel"}), FORM),
        "basic and form": ("grant_type=client_credentials", FORM | basic(client_id, secret)),
        "basic and json": (json.dumps(GRANT), basic(client_id, secret)),
        "basic, lower case": (json.dumps(GRANT), basic(client_id, secret, "basic")),
        "basic, percent-encoded": (json.dumps(GRANT), basic(*encoded)),
        "basic, all percent-encoded": (json.dumps(GRANT), basic(*escaped)),
        "basic and blank fields": (
            urlencode(GRANT | {"client_id": "", "client_secret": ""}),
            FORM | basic(client_id, secret),
        ),
        "with a bearer that is ignored": (json.dumps(GRANT | credentials), {"Authorization": "Bearer x"}),
    }


def test_every_form_of_request_gets_a_token(call, credentials):
    for form, (raw, headers) in every_form(credentials).items():
        answer = call("oauth-token", raw=raw, headers=headers)
        assert answer.status == 200, form
        assert answer.result.keys() == {"access_token", "token_type", "expires_in"}
        assert answer.result["token_type"] == "Bearer"
        assert answer.result["expires_in"] == 3600
        assert call("contacts-list", token=answer.result["access_token"]).status == 200


@pytest.mark.parametrize("wrong", [{}, {"grant_type": None}, {"grant_type": ""}, {"grant_type": "password"}])
def test_the_grant_is_judged_first(call, wrong):
    answer = call("oauth-token", wrong)
    assert (answer.status, answer.code) == (400, "oauth.unsupported_grant_type")
    assert call("oauth-token", wrong, headers={"Authorization": "Basic !"}).code == "oauth.unsupported_grant_type"


@pytest.mark.parametrize("missing", ["client_id", "client_secret"])
@pytest.mark.parametrize("value", [None, "", "  "])
def test_both_credentials_are_needed(call, credentials, missing, value):
    answer = call("oauth-token", GRANT | credentials | {missing: value})
    assert (answer.status, answer.code) == (400, "oauth.missing_credentials")
    parts = credentials | {missing: value or ""}
    answer = call("oauth-token", GRANT, headers=basic(*parts.values()))
    assert answer.code == "oauth.missing_credentials"


@pytest.mark.parametrize(
    "header",
    [
        "Basic",
        "Basic ",
        "Basic !!!",
        "Basic YQ",
        "Basic " + base64.b64encode(b"no colon").decode(),
        "Basic /w==",
        "Basic \u00e9",
    ],
)
def test_a_malformed_basic_header_brings_no_credentials(call, credentials, header):
    for body in (GRANT, GRANT | credentials):
        answer = call("oauth-token", body, headers={"Authorization": header})
        assert (answer.status, answer.code) == (400, "oauth.missing_credentials")


def test_credentials_both_ways_at_once_are_refused(call, credentials):
    headers = basic(*credentials.values())
    for more in (credentials, {"client_id": credentials["client_id"]}, {"client_secret": "x"}):
        answer = call("oauth-token", GRANT | more, headers=headers)
        assert (answer.status, answer.code) == (400, "oauth.invalid_request")


@pytest.mark.parametrize(
    ("raw", "headers"),
    [
        ("[]", {}),
        ("{", {}),
        ("grant_type=client_credentials", {}),
        ('{"grant_type": 1}', {}),
        ('{"client_id": {}}', {}),
        (b"\xff", {}),
        (b"grant_type=\xff", FORM),
        ("grant_type=%ff", FORM),
        ("grant_type=client_credentials&grant_type=client_credentials", FORM),
        ("&".join(f"p{number}=" for number in range(101)), FORM),
    ],
)
def test_a_malformed_body_is_refused(call, raw, headers):
    answer = call("oauth-token", raw=raw, headers=headers)
    assert (answer.status, answer.code) == (400, "oauth.invalid_request")


def test_whoever_is_not_an_app_gets_no_token(call, credentials, owner, app):
    other = app(owner())["credentials"]
    client_id, secret = credentials.values()
    for wrong in (
        {"client_id": "robot"},
        {"client_id": "kl_ci_"},
        {"client_id": client_id + "A"},
        {"client_id": client_id.upper()},
        {"client_id": other["client_id"]},
        {"client_id": "x" * 1000},
        {"client_secret": "x"},
        {"client_secret": secret[:-1]},
        {"client_secret": secret + " "},
        {"client_secret": other["client_secret"]},
        {"client_secret": "\u00e9" * 1000},
    ):
        answer = call("oauth-token", GRANT | credentials | wrong)
        assert (answer.status, answer.code) == (401, "oauth.invalid_client"), wrong
    assert call("oauth-token", GRANT, headers=basic(client_id, quote_plus("a b"))).code == "oauth.invalid_client"
    assert call("oauth-token", GRANT | credentials).status == 200


def test_a_token_costs_two_round_trips(call, credentials, round_trips):
    with round_trips() as trips:
        assert call("oauth-token", GRANT | credentials).status == 200
    assert len(trips) == 2
