"""Does a record match what somebody searched for? Words, terms, and the rule that compares them.

Texts are compared without case and accents. A search is a list of terms, all of which must match, each of
them the start of a word of the record; emails and phones have ways of their own to match.
"""

import re
import unicodedata
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

RUN: Final = 3  # digits of a phone that are enough to find it
KEPT: Final = 40  # characters of a word by which a record is kept to be found; the rest is compared in the record


@dataclass(frozen=True)
class Term:
    """A part of a search without white space: what must be found, in one of the ways it is given in.

    With `email`, the start of a whole email, nothing else counts. Otherwise every one of `words` must be
    the start of a word or, where there is a `run`, a phone must contain that run of digits.
    """

    words: tuple[str, ...] = ()
    email: str = ""
    run: str = ""


@dataclass(frozen=True)
class Searchable:
    """What of a record can be found: the words of all its texts, whole emails, the digits of its phones."""

    words: frozenset[str]
    emails: tuple[str, ...] = ()
    phones: tuple[str, ...] = ()

    @classmethod
    def of(cls, texts: Iterable[str], emails: Iterable[str] = (), phones: Iterable[str] = ()) -> "Searchable":
        emails, phones = list(emails), list(phones)
        found = frozenset(word for text in (*texts, *emails, *phones) for word in words(text))
        return cls(found, tuple(map(_whole, emails)), tuple(map(digits, phones)))


_ASCII_WORD: Final = re.compile(r"[a-z0-9]+")

# Letters that Unicode does not take apart as it does others with accents: those with a stroke, and the dotless i,
# which in upper case is an I like any other.
_PLAIN: Final = str.maketrans("\u00f8\u0142\u0111\u0127\u0167\u0180\u01b6\u0268\u0289\u0131", "oldhtbziui")


def fold(text: str) -> str:
    """The form in which texts are searched: without case and accents."""
    if text.isascii():
        return text.lower()
    decomposed = unicodedata.normalize("NFD", text).casefold()
    # Casefolding can bring new composed letters and new marks.
    plain = "".join(each for each in unicodedata.normalize("NFD", decomposed) if unicodedata.category(each) != "Mn")
    return plain.translate(_PLAIN)


def words(text: str) -> list[str]:
    """The words of a text, folded; they break at anything that is not a letter or digit."""
    if text.isascii():
        return _ASCII_WORD.findall(text.lower())
    return "".join(each if each.isalnum() else " " for each in fold(text)).split()


def digits(text: str) -> str:
    """The digits of a text, however it is punctuated, as ASCII."""
    return "".join(str(unicodedata.decimal(each)) for each in text if each.isdecimal())


def terms(search: str) -> list[Term]:
    """The terms of a search; none for a blank one, which finds everything."""
    return [term for part in search.split() if (term := _term(part))]


def matches(terms: Iterable[Term], record: Searchable) -> bool:
    """Whether a record matches every one of these terms."""
    return all(_matches(term, record) for term in terms)


def tokens(record: Searchable) -> frozenset[str]:
    """Under what a record is kept so that every word, and every run of a phone, that finds it is the start of
    one of these, itself cut to `KEPT`."""
    runs = {phone[at:][:KEPT] for phone in record.phones for at in range(len(phone) - RUN + 1)}
    plain = {word[:KEPT] for word in record.words}
    # A phone's own words are the start of a run, unless they are among its last digits.
    return frozenset(runs | {word for word in plain if not any(run.startswith(word) for run in runs)})


def whole_emails(record: Searchable) -> frozenset[str]:
    """The same for terms with an `@`."""
    return frozenset(email[:KEPT] for email in record.emails if email)


def _term(part: str) -> Term | None:
    found = tuple(words(part))
    if not found:
        return None
    if "@" in part:
        return Term(email=_whole(part))
    run = "" if any(each.isalpha() for each in part) else digits(part)
    return Term(words=found, run=run if len(run) >= RUN else "")


def _matches(term: Term, record: Searchable) -> bool:
    if term.email:
        return any(email.startswith(term.email) for email in record.emails)
    if term.run and any(term.run in phone for phone in record.phones):
        return True
    return all(any(word.startswith(wanted) for word in record.words) for wanted in term.words)


def _whole(email: str) -> str:
    return fold(email.strip())
