"""How do the imports of an account take turns? By a count in one item, on which whoever writes depends.

What was judged by what is stored stands only if nobody else has had a turn since it was read.
"""

from keel.records import service
from keel.storage import legacy_table as table
from keel.storage.legacy_table import Item, Key, Write


def key(account_id: str) -> Key:
    return Key(table.partition(account_id, "import_turn"), "-")


def seen(item: Item | None) -> int:
    """The turns that have been, by the item under the key."""
    return int(item["turn"]) if item else 0


def take(account_id: str, turn: int) -> Write:
    """For the transaction of whoever has seen so many turns; `Stale` when there have been more."""
    place = key(account_id)
    item = {"pk": place.pk, "sk": place.sk, "kind": "import_turn", "turn": turn + 1}
    condition = "#turn = :seen" if turn else "attribute_not_exists(pk)"
    return table.put(item, condition, failed=service.stale, **({"seen": turn} if turn else {}))
