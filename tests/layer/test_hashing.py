"""Test the cost of password hashes."""

from keel.users import password_hashing
from keel.users.password_hashing import hasher  # as it is before the tests make hashing cheap


def test_passwords_are_hashed_with_the_least_that_owasp_asks_for() -> None:
    assert hasher().hash("correct horse").startswith("$argon2id$v=19$m=19456,t=2,p=1$")


def test_an_unknown_user_costs_what_a_known_one_costs() -> None:
    assert not hasher().check_needs_rehash(password_hashing._NOBODYS)
    assert not password_hashing.verify(None, "correct horse")
