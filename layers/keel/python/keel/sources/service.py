"""How is a source put away? Archived, it stays on the contacts that have it and is assigned to no more."""

from keel import clock
from keel.api.authorizer import Caller
from keel.records import lists, service
from keel.records.entity_type import Values
from keel.records.schemas import ById
from keel.sources.entity_type import SOURCE
from keel.sources.schemas import SourceList


def list_(caller: Caller, body: SourceList) -> Values:
    """The account's sources, oldest first; the archived ones only when asked for."""
    found = lists.whole(SOURCE, caller)
    items = [source for source in found if body.include_archived or source["archived_at"] is None]
    return {"items": items, "next_cursor": ""}


def archive(caller: Caller, body: ById) -> Values:
    """The source, archived now or whenever it was."""
    return service.patch(
        SOURCE, caller, body.id, lambda source: {"archived_at": source["archived_at"] or clock.text(clock.now())}
    )


def unarchive(caller: Caller, body: ById) -> Values:
    return service.patch(SOURCE, caller, body.id, lambda _source: {"archived_at": None})
