"""Do users come and go as the contract says?"""

from tests.functions.conftest import PASSWORD


def test_an_invited_user_sets_a_password_and_works(call, owner, mails, login):
    ada = owner()
    invited = call("users-invite", {"email": "Grace@example.org", "name": "Grace"}, token=ada.token).result
    assert invited["role"] == "member"
    assert invited["must_change_password"] is True
    assert invited["account_id"] == ada.account_id
    [mail] = mails()
    assert mail.to == "Grace@example.org"
    assert call("auth-login", {"email": "grace@example.org", "password": ""}).code == "auth.invalid_credentials"
    assert call("users-reset-password", {"token": mail.token, "new_password": PASSWORD}).result == {}
    grace = login("grace@example.org", PASSWORD)
    assert grace.user["must_change_password"] is False
    assert call("users-reset-password", {"token": mail.token, "new_password": PASSWORD}).code == "auth.invalid_token"
    assert mails() == []
