"""Test the authorizer and the rate limits."""

from concurrent.futures import ThreadPoolExecutor
from types import SimpleNamespace

import pytest

from keel.api import rate_limits
from tests.harness.gateway import fresh_address

PUBLIC = ["auth-register", "auth-refresh-token", "oauth-token"]


class Clock:
    def __init__(self):
        self.seconds = 1_800_000_000.0

    def time_ns(self):
        return int(self.seconds * 1_000_000_000)


@pytest.fixture
def clock(monkeypatch):
    """The gate's clock stands still but for what the test adds to `seconds`."""
    clock = Clock()
    monkeypatch.setattr(rate_limits, "time", SimpleNamespace(time_ns=clock.time_ns))
    return clock


def left(answer):
    return tuple(int(answer.headers[f"RateLimit-{name}"]) for name in ("Limit", "Remaining", "Reset"))


def test_a_bucket_is_emptied_call_by_call_and_fills_with_time(call, owner, rates, clock):
    ada = owner()
    rates(user="2/4")
    counts = []
    for _ in range(4):
        answer = call("auth-me", token=ada.token)
        assert answer.status == 200
        counts.append(left(answer))
    assert counts == [(4, 3, 1), (4, 2, 1), (4, 1, 2), (4, 0, 2)]
    refused = call("auth-me", token=ada.token)
    assert (refused.status, refused.code) == (429, "rate_limit.exceeded")
    assert left(refused) == (4, 0, 2)
    assert refused.headers["Retry-After"] == "1"
    clock.seconds += 0.499
    assert call("auth-me", token=ada.token).status == 429
    clock.seconds += 0.002
    assert left(call("auth-me", token=ada.token)) == (4, 0, 2)
    assert call("auth-me", token=ada.token).status == 429
    clock.seconds += 10
    assert left(call("auth-me", token=ada.token)) == (4, 3, 1)


def test_the_buckets_level_is_read_where_another_process_left_it(call, owner, rates, clock):
    ada = owner()
    rates(user="1/3")
    for remaining in (2, 1, 0):
        rate_limits._last_seen.clear()
        assert left(call("auth-me", token=ada.token))[1] == remaining
    rate_limits._last_seen.clear()
    assert call("auth-me", token=ada.token).status == 429


def test_of_many_calls_at_once_as_many_are_let_in_as_there_were_left(call, owner, rates, clock):
    ada = owner()
    rates(user="1/5")
    with ThreadPoolExecutor(12) as pool:
        answers = list(pool.map(lambda _: call("auth-me", token=ada.token), range(12)))
    assert sorted(answer.status for answer in answers) == [200] * 5 + [429] * 7


def test_a_call_within_the_rate_costs_one_round_trip_at_the_gate(call, owner, rates, round_trips):
    ada = owner()
    for trips in (2, 2):
        with round_trips() as counted:
            assert call("auth-me", token=ada.token).status == 200
        assert len(counted) == trips, counted.calls


def test_users_and_apps_have_buckets_of_their_own(call, owner, member, app, rates, clock):
    ada = owner()
    grace, robot = member(ada), app(ada)
    rates(user="1/1", app="1/2")
    clock.seconds += 60
    assert call("contacts-list", token=ada.token).status == 200
    assert call("contacts-list", token=ada.token).status == 429
    assert call("contacts-list", token=grace.token).status == 200
    assert [call("contacts-list", token=robot["token"]).status for _ in range(3)] == [200, 200, 429]
    clock.seconds += 1
    assert call("contacts-list", token=ada.token).status == 200


def test_sessions_of_one_user_share_a_bucket(call, owner, login, rates, clock):
    ada = owner()
    other = login(ada.user["email"], ada.password)
    rates(user="1/1")
    assert call("auth-me", token=ada.token).status == 200
    assert call("auth-me", token=other.token).status == 429


def test_public_operations_share_the_bucket_of_their_address(call, rates, clock):
    rates(public="1/3")
    here, there = fresh_address(), fresh_address()
    assert [left(call(operation, address=here))[1] for operation in PUBLIC] == [2, 1, 0]
    for operation in PUBLIC:
        answer = call(operation, address=here)
        assert (answer.status, answer.code) == (429, "rate_limit.exceeded")
        assert answer.headers["Retry-After"] == "1"
    assert call("auth-register", address=there).code == "auth.invalid_request"


@pytest.mark.parametrize(
    ("operation", "bucket", "limit"),
    [
        ("auth-login", "login", 2),
        ("users-forgot-password", "forgot_password", 3),
        ("users-reset-password", "reset_password", 4),
    ],
)
def test_the_stricter_ones_have_a_bucket_of_their_own_and_draw_on_no_other(
    call, rates, clock, operation, bucket, limit
):
    rates(public="1/1", login="1/2", forgot_password="1/3", reset_password="1/4")
    assert [call(operation).status for _ in range(limit + 1)] == [400] * limit + [429]
    assert call("auth-register").code == "auth.invalid_request"
    assert call("auth-register").code == "rate_limit.exceeded"
    for other in {"auth-login", "users-forgot-password", "users-reset-password"} - {operation}:
        assert call(other).status == 400
    assert bucket


@pytest.mark.parametrize("token", [None, "nonsense"])
def test_a_call_without_a_live_token_draws_on_its_address(call, owner, rates, clock, token):
    ada = owner()
    rates(public="1/2", user="1/2")
    refused = "auth.invalid_token" if token else "auth.required"
    assert [call("contacts-list", token=token).code for _ in range(3)] == [refused] * 2 + ["rate_limit.exceeded"]
    assert call("auth-register").code == "rate_limit.exceeded"
    assert call("contacts-list", token=ada.token).status == 200


def test_the_token_that_has_ended_draws_on_its_address(call, owner, rates, clock):
    ada = owner()
    assert call("auth-logout", token=ada.token).status == 200
    rates(public="1/1")
    assert call("auth-me", token=ada.token).code == "auth.invalid_token"
    assert call("auth-me", token=ada.token).code == "rate_limit.exceeded"


def test_a_dead_token_takes_nothing_from_its_users_bucket(call, owner, login, member, rates, clock):
    ada = owner()
    other, grace = login(ada.user["email"], ada.password), member(ada)
    assert call("auth-logout", token=other.token).status == 200
    assert call("users-set-active", {"user_id": grace.user["id"], "active": False}, token=ada.token).status == 200
    rates(user="1/2")
    clock.seconds += 60
    assert [call("auth-me", token=other.token).code for _ in range(3)] == ["auth.invalid_token"] * 3
    assert [call("auth-me", token=grace.token).code for _ in range(3)] == ["auth.deactivated"] * 3
    assert left(call("auth-me", token=ada.token)) == (2, 1, 1)
    # Nor does a bucket that is empty hide that a token is dead.
    assert [call("auth-me", token=ada.token).status for _ in range(2)] == [200, 429]
    assert call("auth-me", token=other.token).code == "auth.invalid_token"


def test_the_rate_comes_before_permission_and_permission_before_the_body(call, owner, app, rates, clock):
    robot = app(owner())
    rates(app="1/1")
    forbidden = call("users-invite", token=robot["token"], raw="{")
    assert forbidden.code == "auth.forbidden"
    assert left(forbidden) == (1, 0, 1)
    assert call("users-invite", token=robot["token"], raw="{").code == "rate_limit.exceeded"


def test_every_answer_past_authentication_tells_what_is_left(call, owner):
    ada = owner()
    for answer in (
        call("contacts-create", raw="{", token=ada.token),
        call("contacts-get", {"id": "x"}, token=ada.token),
        call("oauth-apps-list", token=ada.token),
        call("auth-login", {}),
    ):
        assert left(answer)[0] == 10_000


def test_the_rates_are_those_of_the_template(call, owner, rates):
    ada = owner()
    rates()
    assert left(call("auth-me", token=ada.token))[0] == 20
    assert left(call("auth-register"))[0] == 10
    assert left(call("auth-login"))[0] == 5
    assert left(call("users-forgot-password"))[0] == 5
    assert left(call("users-reset-password"))[0] == 10
