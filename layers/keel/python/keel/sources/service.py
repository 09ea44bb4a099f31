"""List, archive and unarchive sources. An archived source stays on its contacts, but is assigned to no more of them."""

from keel import clock
from keel.api.authorizer import Caller
from keel.records import lists, service
from keel.records.entity_type import Values
from keel.records.schemas import ById
from keel.sources.entity_type import SOURCE
from keel.sources.models import Source
from keel.sources.schemas import SourceList


def list_(caller: Caller, body: SourceList) -> Values:
    """The account's sources, oldest first. Archived ones only if the body asks for them."""
    sources = lists.all_records(SOURCE, caller)
    items = [source for source in sources if body.include_archived or source["archived_at"] is None]
    return {"items": items, "next_cursor": ""}


def archive(caller: Caller, body: ById) -> Values:
    """Archive a source. One that is archived keeps its time."""

    def change(source: Source) -> Values:
        return {"archived_at": source.archived_at or clock.text(clock.now())}

    return service.patch(SOURCE, caller, body.id, change)


def unarchive(caller: Caller, body: ById) -> Values:
    return service.patch(SOURCE, caller, body.id, lambda _source: {"archived_at": None})
