"""Test registration, login, refresh tokens and logout."""

import uuid
from concurrent.futures import ThreadPoolExecutor

import pytest
from argon2 import PasswordHasher

from keel import clock, ids
from keel.api import principals, signing_keys
from tests.harness import items
from tests.harness.gateway import fresh_address
from tests.harness.wire import Killed, conflict, losing_answers


def registration(**fields):
    return {"email": f"{uuid.uuid4().hex}@example.com", "password": "twelve monkeys", "name": "Ada"} | fields


def run_concurrently(times, run):
    """What many calls of `run` give when they are made at the same time."""
    with ThreadPoolExecutor(times) as pool:
        return list(pool.map(lambda _: run(), range(times)))


# ---- Registration --------------------------------------------------------------------------------------------------


def test_registering_opens_an_account_with_its_owner(call):
    body = registration(name=" Ada ", account_name="Engines")
    made = call("auth-register", body).result
    assert made.keys() == {"access_token", "refresh_token", "expires_in", "user"}
    assert made["expires_in"] == 900
    user = made["user"]
    assert user == {
        "id": ids.parse(user["id"]),
        "account_id": ids.parse(user["account_id"]),
        "email": body["email"],
        "name": " Ada ",
        "role": "owner",
        "must_change_password": False,
        "deactivated_at": None,
        "created_at": user["created_at"],
        "updated_at": user["created_at"],
    }
    assert call("auth-me", token=made["access_token"]).result == user | {"account_name": "Engines"}


@pytest.mark.parametrize(
    "fields",
    [
        {"email": None},
        {"email": " "},
        {"email": "ada"},
        {"email": "ada@"},
        {"email": " ada@example.com"},
        {"email": f"ada@{'x' * 250}.com"},
        {"email": 7},
        {"password": None},
        {"password": "seven77"},
        {"password": " " * 8},
        {"password": "x" * 129},
        {"password": ["twelve monkeys"]},
        {"password": "twelve\0monkeys"},
        {"name": None},
        {"name": "\t "},
        {"name": "x" * 256},
        {"account_name": 1},
    ],
)
def test_a_malformed_registration_is_refused(call, fields):
    answer = call("auth-register", registration(**fields))
    assert (answer.status, answer.code) == (400, "auth.invalid_request")
    assert [detail["field"] for detail in answer.body["error"]["details"]] == list(fields)


@pytest.mark.parametrize("password", ["eight888", "x" * 128, "\u0436" * 128, "\U0001f511" * 8])
def test_passwords_are_counted_in_characters(call, password):
    body = registration(password=password)
    assert call("auth-register", body).status == 200
    assert call("auth-login", {"email": body["email"], "password": password}).status == 200


@pytest.mark.parametrize("other", [str, str.upper, str.title])
def test_an_email_is_registered_once_whatever_its_case(call, other):
    name = f"straße-{uuid.uuid4().hex}"
    assert call("auth-register", registration(email=f"{name}@example.com")).status == 200
    answer = call("auth-register", registration(email=other(f"{name}@example.com")))
    assert (answer.status, answer.code) == (400, "auth.email_taken")


def test_an_email_that_many_register_at_once_has_one_owner(call):
    body = registration()
    answers = run_concurrently(20, lambda: call("auth-register", body))
    assert sorted(answer.code or "" for answer in answers) == [""] + ["auth.email_taken"] * 19
    [winner] = [answer.result for answer in answers if answer.status == 200]
    assert call("auth-login", body).result["user"] == winner["user"]


# ---- Login ---------------------------------------------------------------------------------------------------------


def test_a_login_begins_a_session_of_its_own(call, owner):
    ada = owner()
    answer = call("auth-login", {"email": ada.user["email"].upper(), "password": ada.password}).result
    assert answer["user"] == ada.user
    assert answer["expires_in"] == 900
    assert answer["access_token"] != ada.token
    assert call("auth-me", token=answer["access_token"]).status == 200


@pytest.mark.parametrize(
    "body",
    [
        {},
        {"email": "ada@example.com"},
        {"password": "twelve monkeys"},
        {"email": "ada@example.com", "password": None},
        {"email": "ada@example.com", "password": 12345678},
        {"email": ["ada@example.com"], "password": "twelve monkeys"},
    ],
)
def test_a_login_without_email_or_password_is_refused(call, body):
    assert call("auth-login", body).code == "auth.invalid_request"


@pytest.mark.parametrize("password", ["", " ", "wrong", "correct horse batter", "correct horse battery ", "x" * 20_000])
def test_a_wrong_password_is_refused(call, owner, password):
    answer = call("auth-login", {"email": owner().user["email"], "password": password})
    assert (answer.status, answer.code) == (401, "auth.invalid_credentials")


def test_an_unknown_email_is_refused_like_a_wrong_password_after_the_same_work(
    costly_passwords, call, owner, round_trips, monkeypatch
):
    ada = owner()
    compared = []
    verify = PasswordHasher.verify

    def spy(self, stored, password):
        compared.append(stored)
        return verify(self, stored, password)

    monkeypatch.setattr(PasswordHasher, "verify", spy)
    with round_trips() as wrong:
        known = call("auth-login", {"email": ada.user["email"], "password": "wrong password"})
    with round_trips() as unknown:
        nobody = call("auth-login", {"email": "nobody@example.com", "password": "wrong password"})
    assert known.body["error"] | {"request_id": ""} == nobody.body["error"] | {"request_id": ""}
    assert wrong.calls == unknown.calls
    [one, other] = compared
    # The costs of argon2 are written in the hash.
    assert one.split("$")[:4] == other.split("$")[:4] == ["", "argon2id", "v=19", "m=19456,t=2,p=1"]
    assert list(map(len, one.split("$"))) == list(map(len, other.split("$")))


# The first is folded to three times its bytes: 3,060.
@pytest.mark.parametrize("email", ["\U0001d160" * 255, "\U0001f642" * 255, "\u0130" * 255, "x" * 255])
def test_a_text_of_any_script_is_nobodys_email(call, round_trips, email):
    with round_trips() as asked:
        answer = call("auth-login", {"email": email, "password": "wrong password"})
    assert (answer.status, answer.code) == (401, "auth.invalid_credentials")
    assert asked.calls[-2:] == ["GetItem", "GetItem"]


def test_an_invited_user_without_a_password_cannot_log_in(call, owner):
    email = f"{uuid.uuid4().hex}@example.com"
    assert call("users-invite", {"email": email, "name": "Grace"}, token=owner().token).status == 200
    assert call("auth-login", {"email": email, "password": ""}).code == "auth.invalid_credentials"


# ---- Refreshing ----------------------------------------------------------------------------------------------------


def test_a_refresh_token_is_changed_for_new_tokens_of_the_session(call, owner):
    ada = owner()
    renewed = call("auth-refresh-token", {"refresh_token": ada.refresh_token}).result
    assert renewed.keys() == {"access_token", "refresh_token", "expires_in"}
    assert renewed["refresh_token"] != ada.refresh_token
    assert call("auth-me", token=renewed["access_token"]).status == 200
    assert call("auth-me", token=ada.token).status == 200
    again = call("auth-refresh-token", {"refresh_token": renewed["refresh_token"]}).result
    assert call("auth-me", token=again["access_token"]).status == 200


def test_a_refresh_token_used_again_ends_its_session_and_no_other(call, owner, login):
    ada = owner()
    other = login(ada.user["email"], ada.password)
    renewed = call("auth-refresh-token", {"refresh_token": ada.refresh_token}).result
    assert call("auth-refresh-token", {"refresh_token": ada.refresh_token}).code == "auth.invalid_token"
    assert call("auth-me", token=ada.token).code == "auth.invalid_token"
    assert call("auth-me", token=renewed["access_token"]).code == "auth.invalid_token"
    assert call("auth-refresh-token", {"refresh_token": renewed["refresh_token"]}).code == "auth.invalid_token"
    assert call("auth-me", token=other.token).status == 200
    assert call("auth-refresh-token", {"refresh_token": other.refresh_token}).status == 200


def test_a_refresh_token_that_many_use_at_once_has_one_winner_and_ends_the_session(call, owner):
    ada = owner()
    answers = run_concurrently(20, lambda: call("auth-refresh-token", {"refresh_token": ada.refresh_token}))
    assert sorted(answer.code or "" for answer in answers) == [""] + ["auth.invalid_token"] * 19
    [winner] = [answer.result for answer in answers if answer.status == 200]
    for token in (ada.token, winner["access_token"]):
        assert call("auth-me", token=token).code == "auth.invalid_token"
    assert call("auth-refresh-token", {"refresh_token": winner["refresh_token"]}).code == "auth.invalid_token"


def test_a_refresh_whose_answer_is_lost_on_the_way_is_sent_again_and_holds(call, owner):
    ada = owner()
    with losing_answers("UpdateItem"):
        renewed = call("auth-refresh-token", {"refresh_token": ada.refresh_token}).result
    assert call("auth-refresh-token", {"refresh_token": renewed["refresh_token"]}).status == 200


def test_what_is_no_refresh_token_is_refused(call, owner):
    ada = owner()
    for wrong in (
        "x",
        "kl_rt_",
        ada.token,
        ada.refresh_token[6:],
        ada.refresh_token + "=",
        "kl_rt_" + "A" * 107 + ".A",
        "é" * 999,
    ):
        answer = call("auth-refresh-token", {"refresh_token": wrong})
        assert (answer.status, answer.code) == (401, "auth.invalid_token")
    assert call("auth-refresh-token", {"refresh_token": ada.refresh_token}).status == 200


def test_a_forged_refresh_token_of_a_session_opens_and_ends_nothing(call, owner):
    ada = owner()
    token = ada.refresh_token
    for at in (20, 70, 90, len(token) - 24, len(token) - 23, len(token) - 22, len(token) - 1):
        for letter in "Aa_.":
            forged = token[:at] + letter + token[at + 1 :]
            if forged != token:
                assert call("auth-refresh-token", {"refresh_token": forged}).code == "auth.invalid_token"
    assert call("auth-refresh-token", {"refresh_token": token.partition(".")[0]}).code == "auth.invalid_token"
    assert call("auth-me", token=ada.token).status == 200
    assert call("auth-refresh-token", {"refresh_token": token}).status == 200


def test_a_session_outlives_the_keys_of_the_deployment(call, owner, monkeypatch):
    ada = owner()
    monkeypatch.setattr(signing_keys, "_ring", signing_keys.KeyRing("k2", {"k2": b"n" * 64}, clock.now()))
    renewed = call("auth-refresh-token", {"refresh_token": ada.refresh_token}).result
    assert call("auth-me", token=renewed["access_token"]).status == 200


@pytest.mark.parametrize("given", [{}, {"refresh_token": None}, {"refresh_token": " "}, {"refresh_token": 1}])
def test_a_missing_or_blank_refresh_token_is_malformed(call, given):
    assert call("auth-refresh-token", given).code == "auth.invalid_request"


def test_a_session_ends_thirty_days_after_its_last_refresh(call, owner, monkeypatch):
    ada, now = owner(), clock.now()
    monkeypatch.setattr(clock, "now", lambda: now + 29 * clock.DAY)
    renewed = call("auth-refresh-token", {"refresh_token": ada.refresh_token}).result
    monkeypatch.setattr(clock, "now", lambda: now + 58 * clock.DAY)
    renewed = call("auth-refresh-token", {"refresh_token": renewed["refresh_token"]}).result
    monkeypatch.setattr(clock, "now", lambda: now + 89 * clock.DAY)
    answer = call("auth-refresh-token", {"refresh_token": renewed["refresh_token"]})
    assert answer.code == "auth.invalid_token"


# ---- Logout --------------------------------------------------------------------------------------------------------


def test_a_logout_ends_this_session_alone_and_at_once(call, owner, login):
    ada = owner()
    other = login(ada.user["email"], ada.password)
    assert call("auth-logout", token=ada.token).result == {}
    assert call("auth-me", token=ada.token).code == "auth.invalid_token"
    assert call("auth-logout", token=ada.token).code == "auth.invalid_token"
    assert call("auth-refresh-token", {"refresh_token": ada.refresh_token}).code == "auth.invalid_token"
    assert call("auth-me", token=other.token).status == 200
    assert call("auth-refresh-token", {"refresh_token": other.refresh_token}).status == 200


def test_sessions_that_end_at_the_same_time_all_end(call, owner, login):
    ada = owner()
    sessions = [login(ada.user["email"], ada.password) for _ in range(6)]
    with ThreadPoolExecutor(6) as pool:
        answers = list(pool.map(lambda session: call("auth-logout", token=session.token), sessions))
    assert [answer.status for answer in answers] == [200] * 6
    assert {call("auth-me", token=session.token).code for session in sessions} == {"auth.invalid_token"}
    assert call("auth-me", token=ada.token).status == 200


def test_what_is_remembered_of_ended_sessions_outlives_their_tokens_and_no_more(
    call, owner, login, functions, monkeypatch
):
    ada, now = owner(), clock.now()
    first, second, third = (login(ada.user["email"], ada.password) for _ in range(3))

    def remembered():
        with functions.running("auth"):
            user = items.read(principals.user_key(ada.account_id, ada.user["id"]))
            return len(user["ended_sessions"] if user else ())

    assert call("auth-logout", token=first.token).status == 200
    assert remembered() == 1
    monkeypatch.setattr(clock, "now", lambda: now + 14 * clock.MINUTE)
    assert call("auth-logout", token=second.token).status == 200
    assert remembered() == 2
    monkeypatch.setattr(clock, "now", lambda: now + 40 * clock.MINUTE)
    assert call("auth-logout", token=third.token).status == 200
    assert remembered() == 1


# ---- Who may ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("operation", ["auth-me", "auth-logout"])
def test_a_token_of_a_user_is_needed(call, owner, app, operation):
    assert (call(operation).status, call(operation).code) == (401, "auth.required")
    assert call(operation, token="nonsense").code == "auth.invalid_token"
    answer = call(operation, token=app(owner())["token"])
    assert (answer.status, answer.code) == (403, "auth.forbidden")


@pytest.mark.parametrize(
    ("operation", "trips"),
    [("auth-register", 2), ("auth-login", 4), ("auth-refresh-token", 3), ("auth-logout", 2), ("auth-me", 2)],
)
def test_round_trips_are_few(call, owner, round_trips, operation, trips):
    ada = owner()
    body = registration() if operation == "auth-register" else {"email": ada.user["email"], "password": ada.password}
    token = ada.token if operation in ("auth-logout", "auth-me") else None
    with round_trips() as counted:
        answer = call(operation, body | {"refresh_token": ada.refresh_token}, token=token, address=fresh_address())
    assert answer.status == 200
    assert len(counted) == trips, counted.calls


# ---- Interruptions -------------------------------------------------------------------------------------------------


def test_a_registration_that_dies_has_happened_whole_or_not_at_all(call, owner, inject):
    body = registration()
    inject("TransactWriteItems", Killed())
    with pytest.raises(Killed):
        call("auth-register", body)
    assert call("auth-login", body).code == "auth.invalid_credentials"
    inject("TransactWriteItems", Killed(), after=True)
    with pytest.raises(Killed):
        call("auth-register", body)
    assert call("auth-register", body).code == "auth.email_taken"
    session = call("auth-login", body).result
    assert call("auth-me", token=session["access_token"]).status == 200


def test_conflicts_that_pass_are_waited_for(call, owner, login, inject):
    ada = owner()
    failing = inject("TransactWriteItems", conflict(), times=3)
    assert call("auth-logout", token=ada.token).result == {}
    assert failing.hits == 3
    assert call("auth-me", token=ada.token).code == "auth.invalid_token"
    failing = inject("TransactWriteItems", conflict("None", "TransactionConflict", "None", "None"), times=2)
    assert call("auth-register", registration()).status == 200
    assert failing.hits == 2


def test_a_logout_that_dies_after_its_effect_has_ended_the_session(call, owner, inject):
    ada = owner()
    inject("TransactWriteItems", Killed(), after=True)
    with pytest.raises(Killed):
        call("auth-logout", token=ada.token)
    assert call("auth-me", token=ada.token).code == "auth.invalid_token"
    assert call("auth-refresh-token", {"refresh_token": ada.refresh_token}).code == "auth.invalid_token"
