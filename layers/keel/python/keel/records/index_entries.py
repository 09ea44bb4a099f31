"""Under which values and words is a record found? The index items that are written with it.

There is a posting for each value of each field that a list can filter on, sorted by id as lists are, and for
each word by which a search finds the record, sorted by word and then by id. Postings are a superset of the
truth: they come with or before a change and go with or after it, and who finds a record by one checks it.
"""

import hashlib
from collections.abc import Iterable
from functools import lru_cache
from typing import Final, NamedTuple

from keel.api.fields import fold, is_blank
from keel.records import search
from keel.records.entity_type import EntityType, Record
from keel.storage import legacy_table as table
from keel.storage.attributes import Attribute
from keel.storage.legacy_table import ConditionFailed, Item, Key

# Sorts before every letter and digit, and is in no word: the postings of a word are next to each other.
_END_OF_WORD = " "
_ID_LENGTH = 36

_MATCH: Final = "#match#"
MARK: Final = "!"  # sorts before every id


def partition(account_id: str, kind: str, field: str, value: str) -> str:
    """Where the ids of an account's records with this value in a field lie, sorted as lists are."""
    return table.partition(account_id, f"{kind}#{field}#{value}")


def words_partition(account_id: str, kind: str, word: str) -> str:
    """Where the postings of the words that begin as this one lie."""
    return table.partition(account_id, f"{kind}#word#{word[0]}")


def emails_partition(account_id: str, kind: str, email: str) -> str:
    """The same for whole emails, which would tear the postings of a first name apart."""
    return table.partition(account_id, f"{kind}#whole#{email[0]}")


def under(word: str) -> str:
    """What the `sk` of every posting of a word begins with; the id of the record follows."""
    return word + _END_OF_WORD


def word_of(posting: Item) -> str:
    """The word of a posting in a partition of words."""
    return str(posting["sk"])[: -_ID_LENGTH - len(_END_OF_WORD)]


def id_of(posting: Item) -> str:
    return str(posting["sk"])[-_ID_LENGTH:]


def of(kind: EntityType, record: Record) -> frozenset[Key]:
    """The postings of a record."""
    return frozenset((*_of_values(kind, record), *_of_words(kind, record), *matches(kind, record)))


def _beside(kind: EntityType, record: Record) -> Item:
    """What every posting of a record holds besides its key.

    `revision` tells a late removal whether it has been written anew since. `points` is what the record
    points to, so that a list can read names together with records: a hint, which may be out of date.
    """
    points = {join.field: record[join.field] for join in kind.all_joins if record.get(join.field)}
    beside = {"kind": "posting", "revision": Attribute(record["revision"])}
    return beside | ({"points": Attribute(points)} if points else {})


class Change(NamedTuple):
    """What a change of a record adds to the postings, and what it removes."""

    added: list[Item]
    removed: list[Key]


def change(kind: EntityType, before: Record | None, after: Record | None) -> Change:
    old = of(kind, before) if before else frozenset()
    new = of(kind, after) if after else frozenset()
    if not after:
        return Change([], sorted(old))
    added = new - old
    if before and any(before[join.field] != after[join.field] for join in kind.all_joins):
        added |= frozenset(_of_values(kind, after))  # their hints have changed
    marks = [_mark(key) for key in added if _MATCH in key.pk]
    beside = _beside(kind, after)
    items = [{"pk": key.pk, "sk": key.sk, **beside} for key in sorted(added)]
    return Change([*items, *marks], sorted(old - new))


def discard(key: Key, record: Record) -> None:
    """Remove a posting after the change that made it stale, unless a later change has written it anew."""
    try:
        table.apply(table.delete(key, "#revision <= :revision", revision=record["revision"]))
    except ConditionFailed:
        return


def _of_values(kind: EntityType, record: Record) -> Iterable[Key]:
    for field in dict.fromkeys(each.field for each in kind.filters):
        values = record[field] if isinstance(record[field], list) else [record[field]]
        for value in values:
            if value:
                yield Key(partition(record["account_id"], kind.name, field, value), record["id"])


@lru_cache(maxsize=4_096)
def matches_partition(account_id: str, kind: str, field: str, value: str) -> str:
    """Where the ids of the records lie whose field has this text, whatever its case and spaces."""
    folded = fold(" ".join(value.split()))
    return table.partition(account_id, f"{kind}{_MATCH}{field}#{hashlib.sha256(folded.encode()).hexdigest()[:32]}")


def mark_key(partition: str) -> Key:
    """The mark of a partition of matches, by which one read tells of a hundred texts whether any record has
    or had them. It is never removed, and so needs no care when one of several records goes."""
    return Key(partition, MARK)


def _mark(key: Key) -> Item:
    return {"pk": key.pk, "sk": MARK, "kind": "mark"}


def matches(kind: EntityType, record: Record) -> Iterable[Key]:
    """The postings by which an import finds the record."""
    for field in kind.matched:
        if not is_blank(record[field]):
            yield Key(matches_partition(record["account_id"], kind.name, field, record[field]), record["id"])


def _of_words(kind: EntityType, record: Record) -> Iterable[Key]:
    if kind.searched is None:
        return
    found = kind.searched.of(record)
    account_id = record["account_id"]
    for word in search.tokens(found):
        yield Key(words_partition(account_id, kind.name, word), under(word) + record["id"])
    for email in search.whole_emails(found):
        yield Key(emails_partition(account_id, kind.name, email), under(email) + record["id"])
