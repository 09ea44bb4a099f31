"""Maintain the index entries by which lists, searches and imports find records.

| entry of | pk | sk |
| --- | --- | --- |
| a value that a list can filter by | `<account>#<entity type>#<field>#<value>` | id |
| a word | `<account>#<entity type>#word#<first letter>` | word, space, id |
| an email | `<account>#<entity type>#whole#<first letter>` | email, space, id |
| a text by which an import finds a record | `<account>#<entity type>#match#<field>#<hash>` | id |
| the existence marker of such a text | the same | `!` |

Entries are a superset of the truth: they are written with or before a change and removed with or after it, and whoever
finds a record by one checks the record. They are read and written as attribute maps, since a search reads hundreds of
them. The models declare what they contain.
"""

import hashlib
from collections.abc import Iterable
from functools import lru_cache
from typing import Final, NamedTuple

from keel.api.fields import fold, is_blank
from keel.records import search
from keel.records.entity_type import EntityType
from keel.records.models import Record
from keel.storage import table
from keel.storage.attribute_types import DocumentAttribute, IntegerAttribute, encode
from keel.storage.models import AttributeMap, Item, Key
from keel.storage.table import ConditionFailed

# Sorts before every letter and digit and is in no word, so the entries of a word are next to each other.
_END_OF_WORD = " "
_ID_LENGTH = 36

_MATCH: Final = "#match#"
MARKER: Final = "!"  # sorts before every id


class IndexEntry(Item, discriminator="posting"):
    """An index entry of a record.

    `revision` is the record's when the entry was written, by which a late removal knows that the entry was written
    again since. `points` has the ids that the record points to, so that a list can read their names together with the
    record. It is a hint, which may be out of date.
    """

    revision = IntegerAttribute()
    points = DocumentAttribute(null=True)


class ExistenceMarker(Item, discriminator="mark"):
    """Tells that a text is or was the match text of any record. One batch reads the markers of a hundred texts.

    A marker is never removed, so nothing has to be done when one of several records is deleted.
    """


def value_partition(account_id: str, entity_type: str, field: str, value: str) -> str:
    """The partition of the records with this value in a field, sorted by id as lists are."""
    return table.partition(account_id, f"{entity_type}#{field}#{value}")


def words_partition(account_id: str, entity_type: str, word: str) -> str:
    """The partition of the words that begin with the same letter."""
    return table.partition(account_id, f"{entity_type}#word#{word[0]}")


def emails_partition(account_id: str, entity_type: str, email: str) -> str:
    """The partition of the emails that begin with the same letter. Among words they would separate a word's entries."""
    return table.partition(account_id, f"{entity_type}#whole#{email[0]}")


@lru_cache(maxsize=4_096)
def match_partition(account_id: str, entity_type: str, field: str, text: str) -> str:
    """The partition of the records whose field has this text, whatever its case and spaces."""
    folded = fold(" ".join(text.split()))
    return table.partition(
        account_id, f"{entity_type}{_MATCH}{field}#{hashlib.sha256(folded.encode()).hexdigest()[:32]}"
    )


def marker_key(partition: str) -> Key:
    """The key of the existence marker of a match partition."""
    return Key(partition, MARKER)


def word_prefix(word: str) -> str:
    """The beginning of `sk` of every entry of a word. The id of the record follows."""
    return word + _END_OF_WORD


def word_of(entry: AttributeMap) -> str:
    """The word of an entry in a partition of words."""
    return str(entry["sk"]["S"])[: -_ID_LENGTH - len(_END_OF_WORD)]


def record_id(entry: AttributeMap) -> str:
    """The id of the record that an entry belongs to."""
    return str(entry["sk"]["S"])[-_ID_LENGTH:]


def keys_of(entity_type: EntityType, record: Record) -> frozenset[Key]:
    """The keys of a record's entries."""
    return frozenset(
        (*_value_keys(entity_type, record), *_word_keys(entity_type, record), *matches(entity_type, record))
    )


class Change(NamedTuple):
    """The entries that a change of a record adds, and the keys of those that it removes."""

    added: list[AttributeMap]
    removed: list[Key]


def change(entity_type: EntityType, before: Record | None, after: Record | None) -> Change:
    """What the change from `before` to `after` adds and removes; None stands for no record."""
    old = keys_of(entity_type, before) if before else frozenset()
    if not after:
        return Change([], sorted(old))
    new = keys_of(entity_type, after)
    added = new - old
    if before and _points(entity_type, before) != _points(entity_type, after):
        added |= frozenset(_value_keys(entity_type, after))  # their hints have changed
    content = _content(entity_type, after)
    entries = [{"pk": {"S": key.pk}, "sk": {"S": key.sk}, **content} for key in sorted(added)]
    markers = [_marker(key.pk) for key in added if _MATCH in key.pk]
    return Change([*entries, *markers], sorted(old - new))


def discard(key: Key, revision: int) -> None:
    """Remove an entry that the change to this revision made stale, unless a later change has written it again."""
    try:
        table.write(table.delete(IndexEntry, key, IndexEntry.revision <= revision))
    except ConditionFailed:
        return


def matches(entity_type: EntityType, record: Record) -> Iterable[Key]:
    """The keys of the entries by which an import finds the record."""
    values, account_id = record.attribute_values, record.account_id
    for field in entity_type.match_fields:
        if not is_blank(values[field]):
            yield Key(match_partition(account_id, entity_type.name, field, values[field]), values["sk"])


def _content(entity_type: EntityType, record: Record) -> AttributeMap:
    """The attributes that all entries of a record have in addition to the key."""
    content: AttributeMap = {"kind": {"S": "posting"}, "revision": {"N": str(record.next_revision)}}
    points = _points(entity_type, record)
    return content | {"points": encode(points)} if points else content


def _points(entity_type: EntityType, record: Record) -> dict[str, str]:
    values = record.attribute_values
    return {join.field: values[join.field] for join in entity_type.all_joins if values.get(join.field)}


def _marker(partition: str) -> AttributeMap:
    return {"pk": {"S": partition}, "sk": {"S": MARKER}, "kind": {"S": "mark"}}


def _value_keys(entity_type: EntityType, record: Record) -> Iterable[Key]:
    values, account_id = record.attribute_values, record.account_id
    for field in dict.fromkeys(each.field for each in entity_type.filters):
        value = values.get(field)
        for each in value if isinstance(value, list) else [value]:
            if each:
                yield Key(value_partition(account_id, entity_type.name, field, each), values["sk"])


def _word_keys(entity_type: EntityType, record: Record) -> Iterable[Key]:
    if entity_type.search_fields is None:
        return
    searchable = entity_type.search_fields.searchable(record)
    account_id, id_ = record.account_id, record.id
    for word in search.indexed_words(searchable):
        yield Key(words_partition(account_id, entity_type.name, word), word_prefix(word) + id_)
    for email in search.indexed_emails(searchable):
        yield Key(emails_partition(account_id, entity_type.name, email), word_prefix(email) + id_)
