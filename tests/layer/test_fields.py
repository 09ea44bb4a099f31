"""Test that the quick check of emails agrees with the library."""

import email_validator
import pytest
from hypothesis import given
from hypothesis import strategies as some

from keel.api import fields

FEW = some.text("aZ9._+-@", max_size=12)


def takes(email: str) -> bool:
    email_validator.SPECIAL_USE_DOMAIN_NAMES.clear()
    try:
        email_validator.validate_email(email, check_deliverability=False)
    except email_validator.EmailNotValidError:
        return False
    return True


@given(some.from_regex(fields._PLAIN_EMAIL, fullmatch=True).filter(lambda text: len(text) <= fields._PLAIN_LENGTH))
def test_what_looks_plain_is_an_email(email: str) -> None:
    assert takes(email)


@given(some.tuples(FEW, FEW, FEW).map(lambda parts: f"{parts[0]}@{parts[1]}.{parts[2]}"))
def test_no_text_is_judged_otherwise_for_being_short(email: str) -> None:
    try:
        fields._email(email)
    except ValueError:
        assert not takes(email)
    else:
        assert takes(email)


@pytest.mark.parametrize(
    "email", ["a..b@c.de", "a@-b.de", "a@b-.de", "a@b", "@b.de", "a b@c.de", "a@b.de\n", "a@b_c.de"]
)
def test_what_is_no_email_is_refused(email: str) -> None:
    assert not takes(email)
    with pytest.raises(ValueError, match="email"):
        fields._email(email)


@pytest.mark.parametrize("domain", ["example.com", f"{'d' * 63}.{'e' * 63}.com"])
def test_an_email_is_as_long_as_any_text(domain: str) -> None:
    email = f"{'a' * (254 - len(domain))}@{domain}"
    assert len(email) == 255
    assert fields._email(email) == email
