"""Match records against a search: parse it into terms and compare these with the words of a record.

Texts are compared without case and accents. A search is a list of terms that must all match. A term is the beginning of
a word of the record; emails and phones have matches of their own.
"""

import re
import unicodedata
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

MIN_DIGITS: Final = 3  # of a phone that find it
INDEXED_LENGTH: Final = 40  # characters of a word that are indexed; the rest is compared with the record


@dataclass(frozen=True)
class Term:
    """A part of a search without white space.

    With `email`, only an email that begins with it matches. Otherwise each of `words` must be the beginning of a word
    or, if there are `digits`, a phone must contain them in a row.
    """

    words: tuple[str, ...] = ()
    email: str = ""
    digits: str = ""


@dataclass(frozen=True)
class Searchable:
    """The searchable content of a record: the words of all its texts, its emails, the digits of its phones."""

    words: frozenset[str]
    emails: tuple[str, ...] = ()
    phones: tuple[str, ...] = ()

    @classmethod
    def of(cls, texts: Iterable[str], emails: Iterable[str] = (), phones: Iterable[str] = ()) -> "Searchable":
        emails, phones = list(emails), list(phones)
        words = frozenset(word for text in (*texts, *emails, *phones) for word in words_of(text))
        return cls(words, tuple(map(_folded_email, emails)), tuple(map(digits_of, phones)))


_ASCII_WORD: Final = re.compile(r"[a-z0-9]+")

# Letters that Unicode does not decompose as it does others with accents: those with a stroke, and the dotless i, whose
# upper case is an ordinary I.
_PLAIN: Final = str.maketrans("\u00f8\u0142\u0111\u0127\u0167\u0180\u01b6\u0268\u0289\u0131", "oldhtbziui")


def fold(text: str) -> str:
    """The text without case and accents."""
    if text.isascii():
        return text.lower()
    decomposed = unicodedata.normalize("NFD", text).casefold()
    # Casefolding can produce new composed letters and new accents.
    plain = "".join(each for each in unicodedata.normalize("NFD", decomposed) if unicodedata.category(each) != "Mn")
    return plain.translate(_PLAIN)


def words_of(text: str) -> list[str]:
    """The folded words of a text. Anything but a letter or digit separates words."""
    if text.isascii():
        return _ASCII_WORD.findall(text.lower())
    return "".join(each if each.isalnum() else " " for each in fold(text)).split()


def digits_of(text: str) -> str:
    """The digits of a text as ASCII, whatever its punctuation."""
    return "".join(str(unicodedata.decimal(each)) for each in text if each.isdecimal())


def terms(search: str) -> list[Term]:
    """The terms of a search. A blank search has none and matches everything."""
    return [term for part in search.split() if (term := _term(part))]


def matches(terms: Iterable[Term], record: Searchable) -> bool:
    """Whether a record matches all of these terms."""
    return all(_matches(term, record) for term in terms)


def indexed_words(record: Searchable) -> frozenset[str]:
    """The words that a record is indexed under.

    Every word and every run of a phone's digits that finds the record, cut to the indexed length, is the beginning of
    one of them.
    """
    runs = {phone[start:][:INDEXED_LENGTH] for phone in record.phones for start in range(len(phone) - MIN_DIGITS + 1)}
    plain = {word[:INDEXED_LENGTH] for word in record.words}
    # A phone's own words are the beginning of a run, unless they are among its last digits.
    return frozenset(runs | {word for word in plain if not any(run.startswith(word) for run in runs)})


def indexed_emails(record: Searchable) -> frozenset[str]:
    """The emails that a record is indexed under, for terms with an `@`."""
    return frozenset(email[:INDEXED_LENGTH] for email in record.emails if email)


def _term(part: str) -> Term | None:
    words = tuple(words_of(part))
    if not words:
        return None
    if "@" in part:
        return Term(email=_folded_email(part))
    digits = "" if any(each.isalpha() for each in part) else digits_of(part)
    return Term(words=words, digits=digits if len(digits) >= MIN_DIGITS else "")


def _matches(term: Term, record: Searchable) -> bool:
    if term.email:
        return any(email.startswith(term.email) for email in record.emails)
    if term.digits and any(term.digits in phone for phone in record.phones):
        return True
    return all(any(word.startswith(beginning) for word in record.words) for beginning in term.words)


def _folded_email(email: str) -> str:
    return fold(email.strip())
