"""Test invitations, deactivation and passwords."""

import uuid
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from keel import clock, ids
from tests.functions.conftest import PASSWORD
from tests.harness.wire import losing_answers

NEW = "another password"
OPERATIONS = ["users-list", "users-get", "users-invite", "users-set-active", "users-change-password"]


def unused():
    return f"{uuid.uuid4().hex}@example.com"


# ---- Who may -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("operation", OPERATIONS)
def test_a_token_of_a_user_is_needed(call, owner, app, operation):
    assert (call(operation).status, call(operation).code) == (401, "auth.required")
    assert call(operation, token=app(owner())["token"]).code == "auth.forbidden"


@pytest.mark.parametrize("operation", ["users-invite", "users-set-active"])
def test_only_an_owner_may_let_people_in_and_out(call, owner, member, operation):
    # Permission comes before the body: it need not even be JSON.
    answer = call(operation, token=member(owner()).token, raw="[")
    assert (answer.status, answer.code) == (403, "auth.forbidden")


def test_a_member_sees_the_users(call, owner, member):
    ada = owner()
    grace = member(ada)
    assert call("users-get", {"id": ada.user["id"]}, token=grace.token).result == ada.user
    assert call("users-list", token=grace.token).result["total"] == 2


# ---- List and get --------------------------------------------------------------------------------------------------


def test_users_are_listed_by_creation_in_slices(call, owner):
    ada = owner()
    invited = [
        call("users-invite", {"email": unused(), "name": f"User {number}"}, token=ada.token).result
        for number in range(4)
    ]
    everybody = [ada.user, *invited]
    assert call("users-list", token=ada.token).result == {"users": everybody, "total": 5}
    assert call("users-list", {"limit": 2, "offset": 1}, token=ada.token).result == {
        "users": everybody[1:3],
        "total": 5,
    }
    assert call("users-list", {"limit": 1000, "offset": 4}, token=ada.token).result["users"] == everybody[4:]
    assert call("users-list", {"offset": 9}, token=ada.token).result == {"users": [], "total": 5}


def test_users_are_found_by_name_and_email(call, owner):
    ada = owner(name="Ada Lovelace")
    rene = {"email": f"r.{uuid.uuid4().hex}@cafe.example", "name": "René O'Neill"}
    assert call("users-invite", rene, token=ada.token).status == 200

    def found(search):
        page = call("users-list", {"search": search}, token=ada.token).result
        assert page["total"] == len(page["users"])
        return [user["name"] for user in page["users"]]

    for search in ("rene", "RENÉ o'n", "cafe.example", "neill cafe", rene["email"].upper(), rene["email"][:9] + " "):
        assert found(search) == ["René O'Neill"], search
    for search in ("ene", "rene ada", "@cafe.example", rene["email"][2:]):
        assert found(search) == [], search
    assert found(" ") == found("- @") == ["Ada Lovelace", "René O'Neill"]


@pytest.mark.parametrize(
    "body",
    [
        {"limit": 0},
        {"limit": -1},
        {"limit": "5"},
        {"limit": 2.5},
        {"offset": -1},
        {"offset": 2**53},
        {"offset": True},
        {"search": "x" * 1001},
    ],
)
def test_a_malformed_list_is_refused(call, owner, body):
    assert call("users-list", body, token=owner().token).code == "users.invalid_request"


@pytest.mark.parametrize("active", [{}, {"active": None}, {"active": "yes"}, {"active": 1}])
def test_whether_a_user_is_to_be_active_must_be_said(call, owner, active):
    ada = owner()
    answer = call("users-set-active", {"user_id": ada.user["id"], **active}, token=ada.token)
    assert answer.code == "users.invalid_request"
    assert answer.body["error"]["details"][0]["field"] == "active"


@pytest.mark.parametrize(("operation", "field"), [("users-get", "id"), ("users-set-active", "user_id")])
def test_a_user_is_named_by_an_id_of_the_account(call, owner, operation, field):
    ada, stranger = owner(), owner()
    cases: list[tuple[dict[str, Any], str]] = [
        ({}, "users.invalid_id"),
        ({field: None}, "users.invalid_id"),
        ({field: " "}, "users.invalid_id"),
        ({field: "me"}, "users.invalid_id"),
        ({field: 1}, "users.invalid_request"),
        ({field: stranger.user["id"]}, "users.not_found"),
        ({field: ids.mint(clock.now())}, "users.not_found"),
    ]
    for given, code in cases:
        body = {"active": True, **given}
        assert call(operation, body, token=ada.token).code == code
        if "invalid" in code:  # the id is judged before what else is missing
            assert call(operation, given, token=ada.token).code == code
    assert call("users-get", {"id": ada.user["id"].upper()}, token=ada.token).result == ada.user


# ---- Invitations ---------------------------------------------------------------------------------------------------


def test_an_invited_user_sets_a_password_and_works(call, owner, mails, login):
    ada, email = owner(), f"Grace.{uuid.uuid4().hex}@Example.com"
    invited = call("users-invite", {"email": email, "name": "Grace"}, token=ada.token).result
    assert invited == {
        "id": ids.parse(invited["id"]),
        "account_id": ada.account_id,
        "email": email,
        "name": "Grace",
        "role": "member",
        "must_change_password": True,
        "deactivated_at": None,
        "created_at": invited["created_at"],
        "updated_at": invited["created_at"],
    }
    [mail] = mails()
    assert mail.to == email
    assert call("users-reset-password", {"token": mail.token, "new_password": PASSWORD}).result == {}
    grace = login(email.lower(), PASSWORD)
    assert grace.user["must_change_password"] is False
    assert grace.user["updated_at"] > invited["updated_at"]
    assert call("users-reset-password", {"token": mail.token, "new_password": PASSWORD}).code == "auth.invalid_token"
    assert mails() == []


@pytest.mark.parametrize(
    "fields",
    [
        {"email": None},
        {"email": ""},
        {"email": "grace"},
        {"email": {}},
        {"name": None},
        {"name": " "},
        {"name": False},
        {"role": "admin"},
        {"role": ""},
        {"role": 1},
    ],
)
def test_a_malformed_invitation_is_refused(call, owner, fields):
    body = {"email": unused(), "name": "Grace"} | fields
    answer = call("users-invite", body, token=owner().token)
    assert (answer.status, answer.code) == (400, "users.invalid_request")


def test_nobody_is_invited_whose_email_is_taken_in_any_account(call, owner, mails):
    ada, stranger = owner(), owner()
    for email in (ada.user["email"], stranger.user["email"].upper()):
        answer = call("users-invite", {"email": email, "name": "Grace"}, token=ada.token)
        assert (answer.status, answer.code) == (400, "users.email_taken")
    assert call("users-list", token=ada.token).result["total"] == 1
    assert mails() == []


def test_an_invitation_repeated_under_its_key_is_sent_once(call, owner, mails):
    ada = owner()
    body, headers = {"email": unused(), "name": "Grace"}, {"Idempotency-Key": "spring"}
    with ThreadPoolExecutor(5) as pool:
        answers = list(pool.map(lambda _: call("users-invite", body, token=ada.token, headers=headers), range(5)))
    answers.append(call("users-invite", body, token=ada.token, headers=headers))
    assert {answer.result["id"] for answer in answers} == {answers[0].result["id"]}
    assert len(mails()) == 1
    other = call("users-invite", body | {"name": "Hopper"}, token=ada.token, headers=headers)
    assert other.code == "users.invalid_request"
    assert call("users-list", token=ada.token).result["total"] == 2


def test_a_refused_invitation_does_not_use_up_its_key(call, owner):
    ada, headers = owner(), {"Idempotency-Key": "autumn"}
    taken = {"email": ada.user["email"], "name": "Grace"}
    assert call("users-invite", taken, token=ada.token, headers=headers).code == "users.email_taken"
    assert call("users-invite", taken | {"email": unused()}, token=ada.token, headers=headers).status == 200


# ---- Deactivation --------------------------------------------------------------------------------------------------


def activate(call, by, who, active):
    return call("users-set-active", {"user_id": who.user["id"], "active": active}, token=by.token)


def test_a_deactivation_is_felt_by_the_next_call_and_ends_tokens_for_good(call, owner, member, login):
    ada = owner()
    grace = member(ada)
    deactivated = activate(call, ada, grace, False).result
    assert deactivated["deactivated_at"] == deactivated["updated_at"] > grace.user["updated_at"]
    credentials = {"email": grace.user["email"], "password": grace.password}
    answer = call("auth-me", token=grace.token)
    assert (answer.status, answer.code) == (403, "auth.deactivated")
    assert call("auth-refresh-token", {"refresh_token": grace.refresh_token}).code == "auth.deactivated"
    assert call("auth-login", credentials).code == "auth.deactivated"
    assert call("auth-login", credentials | {"password": "wrong"}).code == "auth.invalid_credentials"
    assert activate(call, ada, grace, True).result["deactivated_at"] is None
    assert call("auth-me", token=grace.token).code == "auth.invalid_token"
    assert call("auth-refresh-token", {"refresh_token": grace.refresh_token}).code == "auth.invalid_token"
    assert call("auth-me", token=login(*credentials.values()).token).status == 200


def test_doing_it_again_changes_nothing(call, owner, member):
    ada = owner()
    grace = member(ada)
    assert activate(call, ada, grace, True).result == grace.user
    assert call("auth-me", token=grace.token).status == 200
    once = activate(call, ada, grace, False).result
    assert activate(call, ada, grace, False).result == once
    assert activate(call, ada, ada, True).result == ada.user


def test_nobody_deactivates_themself(call, owner, member):
    ada = owner()
    member(ada, role="owner")
    assert activate(call, ada, ada, False).code == "users.invalid_request"
    assert call("auth-me", token=ada.token).result["deactivated_at"] is None


@pytest.mark.parametrize("active", [None, "true", 1])
def test_active_is_a_boolean(call, owner, member, active):
    ada = owner()
    assert activate(call, ada, member(ada), active).code == "users.invalid_request"


def test_two_owners_who_deactivate_each_other_leave_one(call, owner, member):
    for _ in range(4):
        ada = owner()
        grace = member(ada, role="owner")
        with ThreadPoolExecutor(2) as pool:
            turns = [pool.submit(activate, call, *turn, False) for turn in ((ada, grace), (grace, ada))]
            answers = [turn.result() for turn in turns]
        assert sorted(answer.status for answer in answers) in ([200, 400], [200, 403])
        left = [call("auth-me", token=each.token).code for each in (ada, grace)]
        assert sorted(left, key=str) == [None, "auth.deactivated"] or sorted(left, key=str) == [
            "auth.deactivated",
            None,
        ]


def test_the_count_of_owners_follows_every_change(call, owner, member):
    ada = owner()
    grace, mary = member(ada, role="owner"), member(ada, role="owner")
    for who in (grace, mary):
        assert activate(call, ada, who, False).status == 200
        assert activate(call, ada, who, False).status == 200
    assert activate(call, ada, grace, True).status == 200
    assert activate(call, ada, grace, True).status == 200
    assert activate(call, ada, grace, False).status == 200


# ---- Passwords -----------------------------------------------------------------------------------------------------


def test_a_new_password_ends_the_other_sessions_and_keeps_this_one(call, owner, login):
    ada = owner()
    other = login(ada.user["email"], ada.password)
    body = {"current_password": ada.password, "new_password": NEW}
    assert call("users-change-password", body, token=ada.token).result == {}
    assert call("auth-me", token=ada.token).status == 200
    assert call("auth-me", token=other.token).code == "auth.invalid_token"
    assert call("auth-refresh-token", {"refresh_token": other.refresh_token}).code == "auth.invalid_token"
    renewed = call("auth-refresh-token", {"refresh_token": ada.refresh_token}).result
    assert call("auth-me", token=renewed["access_token"]).status == 200
    old = {"email": ada.user["email"], "password": ada.password}
    assert call("auth-login", old).code == "auth.invalid_credentials"
    third = login(ada.user["email"], NEW)
    again = {"current_password": NEW, "new_password": "yet another one"}
    assert call("users-change-password", again, token=third.token).result == {}
    # The session that was kept the first time is another one's other session the second time.
    assert call("auth-me", token=renewed["access_token"]).code == "auth.invalid_token"
    assert call("auth-refresh-token", {"refresh_token": renewed["refresh_token"]}).code == "auth.invalid_token"


def test_a_change_of_password_whose_answer_is_lost_on_the_way_is_told_as_made(call, owner, login):
    ada = owner()
    body = {"current_password": ada.password, "new_password": NEW}
    with losing_answers("UpdateItem"):
        assert call("users-change-password", body, token=ada.token).result == {}
    assert login(ada.user["email"], NEW)


@pytest.mark.parametrize("current", ["", "wrong", "x" * 20_000])
def test_a_wrong_current_password_changes_nothing(call, owner, login, current):
    ada = owner()
    answer = call("users-change-password", {"current_password": current, "new_password": NEW}, token=ada.token)
    assert (answer.status, answer.code) == (401, "auth.invalid_credentials")
    assert login(ada.user["email"], ada.password)


@pytest.mark.parametrize(
    "fields",
    [
        {"current_password": None},
        {"new_password": None},
        {"new_password": "short"},
        {"new_password": " " * 9},
        {"new_password": 1},
    ],
)
def test_a_malformed_change_of_password_is_refused(call, owner, fields):
    ada = owner()
    body = {"current_password": "wrong", "new_password": NEW} | fields
    assert call("users-change-password", body, token=ada.token).code == "users.invalid_request"


def test_a_forgotten_password_is_reset_by_mail_and_ends_all_sessions(call, owner, mails, login):
    ada = owner()
    other = login(ada.user["email"], ada.password)
    assert call("users-forgot-password", {"email": ada.user["email"].upper()}).result == {}
    [mail] = mails()
    assert mail.to == ada.user["email"]
    assert call("users-reset-password", {"token": mail.token, "new_password": NEW}).result == {}
    for session in (ada, other):
        assert call("auth-me", token=session.token).code == "auth.invalid_token"
        assert call("auth-refresh-token", {"refresh_token": session.refresh_token}).code == "auth.invalid_token"
    assert call("auth-me", token=login(ada.user["email"], NEW).token).status == 200
    assert call("users-reset-password", {"token": mail.token, "new_password": PASSWORD}).code == "auth.invalid_token"


def test_an_unknown_email_gets_the_same_answer_and_no_mail(call, owner, mails, round_trips):
    ada = owner()
    with round_trips() as known:
        one = call("users-forgot-password", {"email": ada.user["email"]})
    with round_trips() as unknown:
        other = call("users-forgot-password", {"email": "nobody@example.com"})
    assert one.body == other.body == {"ok": True, "result": {}}
    assert known.calls == unknown.calls
    assert [mail.to for mail in mails()] == [ada.user["email"]]


@pytest.mark.parametrize("body", [{}, {"email": None}, {"email": " "}, {"email": "ada"}, {"email": 1}])
def test_an_email_is_needed_to_ask_for_a_reset(call, body):
    assert call("users-forgot-password", body).code == "users.invalid_request"


@pytest.fixture
def mailed(call, mails):
    def mailed(user):
        assert call("users-forgot-password", {"email": user.user["email"]}).status == 200
        [mail] = mails()
        return mail.token

    return mailed


def test_a_mailed_token_dies_with_a_change_of_password(call, owner, mailed):
    ada = owner()
    token = mailed(ada)
    assert (
        call("users-change-password", {"current_password": ada.password, "new_password": NEW}, token=ada.token).status
        == 200
    )
    assert call("users-reset-password", {"token": token, "new_password": PASSWORD}).code == "auth.invalid_token"


def test_of_two_mailed_tokens_one_is_used(call, owner, mailed):
    ada = owner()
    tokens = [mailed(ada), mailed(ada)]
    with ThreadPoolExecutor(2) as pool:
        answers = list(
            pool.map(lambda token: call("users-reset-password", {"token": token, "new_password": NEW}), tokens)
        )
    assert sorted(answer.code or "" for answer in answers) == ["", "auth.invalid_token"]


def test_a_mailed_token_used_by_many_at_once_works_once(call, owner, mailed):
    token = mailed(owner())
    body = {"token": token, "new_password": NEW}
    with ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(lambda _: call("users-reset-password", body), range(8)))
    assert sorted(answer.code or "" for answer in answers) == [""] + ["auth.invalid_token"] * 7


@pytest.mark.parametrize(("purpose", "lifetime"), [("reset", clock.HOUR), ("invitation", 7 * clock.DAY)])
def test_a_mailed_token_has_its_time(call, owner, mails, monkeypatch, purpose, lifetime):
    now = clock.now()
    ada = owner()
    if purpose == "reset":
        assert call("users-forgot-password", {"email": ada.user["email"]}).status == 200
    else:
        assert call("users-invite", {"email": unused(), "name": "Grace"}, token=ada.token).status == 200
    [mail] = mails()
    body = {"token": mail.token, "new_password": NEW}
    monkeypatch.setattr(clock, "now", lambda: now + lifetime + clock.MINUTE)
    assert call("users-reset-password", body).code == "auth.invalid_token"
    monkeypatch.setattr(clock, "now", lambda: now + lifetime - clock.MINUTE)
    assert call("users-reset-password", body).status == 200


def test_a_mailed_token_is_of_no_use_to_the_deactivated(call, owner, member, mailed):
    ada = owner()
    grace = member(ada)
    token = mailed(grace)
    body = {"token": token, "new_password": NEW}
    assert activate(call, ada, grace, False).status == 200
    assert call("users-reset-password", body).code == "auth.deactivated"
    assert activate(call, ada, grace, True).status == 200
    assert call("users-reset-password", body).code == "auth.invalid_token"


def test_the_deactivated_get_no_mail(call, owner, member, mails):
    ada = owner()
    grace = member(ada)
    assert activate(call, ada, grace, False).status == 200
    assert call("users-forgot-password", {"email": grace.user["email"]}).status == 200
    assert mails() == []


def test_what_is_no_mailed_token_is_refused(call, owner):
    ada = owner()
    for token in ("x", ada.token, ada.refresh_token, "kl_mt_" + "A" * 86, "kl_mt_" + ada.refresh_token[6:]):
        answer = call("users-reset-password", {"token": token, "new_password": NEW})
        assert (answer.status, answer.code) == (401, "auth.invalid_token")


@pytest.mark.parametrize(
    "fields", [{"token": None}, {"token": " "}, {"token": 1}, {"new_password": "short"}, {"new_password": None}]
)
def test_a_malformed_reset_is_refused(call, fields):
    body = {"token": "x", "new_password": NEW} | fields
    assert call("users-reset-password", body).code == "users.invalid_request"
