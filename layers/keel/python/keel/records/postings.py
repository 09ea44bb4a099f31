"""Under which values is a record found? The index items that are written with it."""

from keel import table
from keel.records.kinds import Kind, Record
from keel.table import ConditionFailed, Item, Key


def partition(account_id: str, kind: str, field: str, value: str) -> str:
    """Where the ids of an account's records with this value in a field lie, sorted as lists are."""
    return table.partition(account_id, f"{kind}#{field}#{value}")


def of(kind: Kind, record: Record) -> frozenset[Key]:
    """The postings of a record: one for each value of each field that a list can filter on."""
    found = set()
    for field in kind.filters:
        values = record[field] if isinstance(record[field], list) else [record[field]]
        for value in values:
            if value:
                found.add(Key(partition(record["account_id"], kind.name, field, value), record["id"]))
    return frozenset(found)


def item(key: Key, record: Record) -> Item:
    """A posting as it is stored: `revision` tells a late removal whether it has been written anew since."""
    return {"pk": key.pk, "sk": key.sk, "kind": "posting", "revision": record["revision"]}


def discard(key: Key, record: Record) -> None:
    """Remove a posting after the change that made it stale, unless a later change has written it anew."""
    try:
        table.apply(table.delete(key, "#revision <= :revision", revision=record["revision"]))
    except ConditionFailed:
        return
