"""Test how texts are split into words and matched."""

import pytest

from keel.records import search
from keel.records.search import Searchable

ANN = Searchable.of(
    ["Ann-Marie", "O'Brien", "Ångström & Søns GmbH"],
    emails=["Ann.OBrien+crm@Mail.Example.com"],
    phones=["+1 (555) 010-2030"],
)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "   ",
        "ann",
        "ANN",
        "mar",
        "o'brien",
        "O\u2019Brien",
        "brien ann",
        "angstrom",
        "ÅNGSTRÖM",
        "sons",
        "SØNS",
        "A\u030angstro\u0308m",
        "marie gmbh example",
        "ann-marie",
        "mail.example.com",
        "example.com",
        "ann.obrien",
        "Ann.OBrien+CRM@mail.example.com",
        "ann.obrien+crm@m",
        "555",
        "5550102030",
        "555-010-2030",
        "010.20",
        "501",
        "(555) 010 2030",
        "+1",
        "ann & - ' 555",
        "&",
    ],
)
def test_a_search_finds_words_emails_and_phones(text: str) -> None:
    assert search.matches(search.terms(text), ANN)


@pytest.mark.parametrize(
    "text",
    [
        "nn",
        "arie",
        "ann bob",
        "o'brian",
        "obrien@",
        "obrien+crm@mail.example.com",
        "@mail.example.com",
        "ann.obrien@mail.example.com",
        "02",
        "556",
        "20305",
        "5550102030x",
        "marie@",
    ],
)
def test_a_search_finds_nothing_that_only_looks_alike(text: str) -> None:
    assert not search.matches(search.terms(text), ANN)


def test_a_run_of_digits_is_found_in_phones_alone() -> None:
    street = Searchable.of(["Room 12345"])
    assert search.matches(search.terms("123"), street)
    assert not search.matches(search.terms("234"), street)
    assert search.matches(search.terms("234"), Searchable.of([], phones=["1-23.45"]))


def test_two_digits_must_begin_a_word_of_a_phone() -> None:
    phone = Searchable.of([], phones=["555 0102"])
    assert search.matches(search.terms("01"), phone)
    assert not search.matches(search.terms("10"), phone)


def test_words_break_at_all_that_is_no_letter_or_digit() -> None:
    assert search.words_of("Straße_2/b, Δελφοί!") == ["strasse", "2", "b", "δελφοι"]


def test_a_term_without_letter_or_digit_is_ignored() -> None:
    assert search.terms(" - @ … ") == []


@pytest.mark.parametrize("name", ["I\u015f\u0131k", "İstanbul", "Straße", "Łukasz", "Đặng", "ΣΊΣΥΦΟΣ", "ﬁnance"])
def test_a_name_is_found_in_any_case(name: str) -> None:
    record = Searchable.of([name])
    for text in (name, name.upper(), name.lower(), name.title()):
        assert search.matches(search.terms(text), record)
