"""Which records are on a page? Newest first, from a cursor on."""

from typing import Any

from keel import cursors, table
from keel.gate import Caller
from keel.records import references, store
from keel.records.kinds import Kind, Values
from keel.records.schemas import ListBody


def page(kind: Kind, caller: Caller, operation: str, body: ListBody) -> Values:
    """A page of the account's records: `{"items", "next_cursor"}`."""
    scope: tuple[Any, ...] = (caller.account_id, operation)
    before = _position(kind, body.cursor, scope)
    partition = table.partition(caller.account_id, kind.name)
    # One more than the page tells whether there is a next one.
    found = table.query(partition, before=before, newest_first=True, limit=body.limit + 1)
    records = [store.from_item(kind, item) for item in found.items[: body.limit]]
    more = len(found.items) > body.limit or found.more
    return {
        "items": references.present(kind, records),
        "next_cursor": cursors.seal(records[-1]["id"], *scope) if more and records else "",
    }


def whole(kind: Kind, caller: Caller) -> list[Values]:
    """All of the account's records of a kind of which there are few, oldest first."""
    items = table.walk(table.partition(caller.account_id, kind.name))
    return references.present(kind, [store.from_item(kind, item) for item in items if item["kind"] == kind.name])


def _position(kind: Kind, cursor: str, scope: tuple[Any, ...]) -> str:
    """The id after which the page begins, "" for the first page."""
    if not cursor.strip():
        return ""
    position = cursors.unseal(cursor, *scope)
    if position is None:
        raise kind.fault("invalid_request", "cursor", "The cursor is not valid for this list.")
    return position
