"""Test that a secret appears only in the response that issues it."""

import uuid

import boto3

from tests.harness.stand_ins import StandIns


def everything_stored(stand_ins: StandIns) -> str:
    """Every item of the table, as text."""
    pages = boto3.client("dynamodb").get_paginator("scan").paginate(TableName=stand_ins.value({"Ref": "Table"}))
    return "\n".join(str(item) for page in pages for item in page["Items"])


def test_no_secret_is_logged_stored_or_streamed(call, owner, mails, pump, stand_ins, log_lines, capfd):
    marker = uuid.uuid4().hex
    password, other, third = (f"{word}-{marker}" for word in ("first", "second", "third"))
    email, name = f"ada.{marker}@example.com", f"Ada {marker}"
    ada = owner(email=email, name=name, password=password, account_name=f"Engines {marker}")
    renewed = call("auth-refresh-token", {"refresh_token": ada.refresh_token}).result
    token = renewed["access_token"]
    assert call("auth-login", {"email": email, "password": other}).status == 401
    assert call("users-forgot-password", {"email": email}).status == 200
    [mail] = mails()
    changed = {"current_password": password, "new_password": other}
    assert call("users-change-password", changed, token=token).status == 200
    assert call("users-reset-password", {"token": mail.token, "new_password": third}).status == 401
    made = call("oauth-apps-create", {"name": "Robot"}, token=token).result
    rotated = call("oauth-apps-rotate-secret", {"id": made["app"]["id"]}, token=token).result
    credentials = {"client_id": made["app"]["client_id"], "client_secret": rotated["client_secret"]}
    granted = call("oauth-token", {"grant_type": "client_credentials"} | credentials).result
    assert call("users-invite", {"email": f"grace.{marker}@example.com", "name": name}, token=token).status == 200
    streamed = str(pump("mailer").records["mailer"])
    secrets = {
        "passwords": (password, other, third),
        "access tokens": (ada.token, token, granted["access_token"]),
        "refresh tokens": (ada.refresh_token, renewed["refresh_token"]),
        "client secrets": (made["client_secret"], rotated["client_secret"]),
        "mailed tokens": (mail.token,),
    }
    logged, stored = str(log_lines()) + "".join(capfd.readouterr()), everything_stored(stand_ins)
    assert "users-invite" in logged
    assert email in stored
    for kind, each in secrets.items():
        for secret in each:
            assert secret not in logged, kind
            assert secret not in stored, kind
            assert secret not in streamed, kind
    # Nor is anything personal logged.
    assert marker not in logged


def test_a_fault_is_logged_without_what_it_was_about(call, owner, inject, log_lines):
    from tests.harness.wire import refusal

    marker = uuid.uuid4().hex
    ada = owner()
    log_lines()
    inject("TransactWriteItems", refusal("ValidationException", f"about {marker}"))
    body = {"email": f"{marker}@example.com", "name": marker}
    answer = call("users-invite", body, token=ada.token)
    assert (answer.status, answer.code) == (500, "users.internal")
    assert marker not in str(answer.body)
    lines = log_lines()
    assert [line["aws_code"] for line in lines if line["level"] == "ERROR"] == ["ValidationException"]
    assert marker not in str(lines)


def test_no_answer_repeats_a_secret(call, owner, app, mails):
    ada = owner()
    robot = app(ada)
    secrets = [ada.password, ada.refresh_token, robot["client_secret"], "$argon2", "digest", "hash"]
    answers = [
        call("auth-me", token=ada.token),
        call("users-list", token=ada.token),
        call("users-get", {"id": ada.user["id"]}, token=ada.token),
        call("oauth-apps-list", token=ada.token),
        call("oauth-apps-get", {"id": robot["app"]["id"]}, token=ada.token),
        call("oauth-apps-revoke", {"id": robot["app"]["id"]}, token=ada.token),
        call("users-change-password", {"current_password": "x", "new_password": ada.password}, token=ada.token),
        call("auth-login", {"email": ada.user["email"], "password": ada.password + "\0"}),
        call("oauth-token", {"grant_type": "client_credentials", **robot["credentials"]}),
        call("auth-refresh-token", {"refresh_token": ada.refresh_token + "x"}),
    ]
    for answer in answers:
        assert not [secret for secret in secrets if secret in str(answer.body)]
