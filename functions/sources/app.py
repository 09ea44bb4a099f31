"""Operations on sources."""

from keel.api.resolver import Api, Call
from keel.records import routes
from keel.records.entity_type import Values
from keel.records.schemas import ById, Page
from keel.sources import service
from keel.sources.entity_type import SOURCE
from keel.sources.schemas import Source, SourceList, SourceUpdate

api = Api("sources")
handler = api.handle

routes.creates(api, SOURCE, Source)
routes.updates(api, SOURCE, SourceUpdate, Source)
routes.gets(api, SOURCE, Source)


@api.operation("sources-list", SourceList, result=Page[Source])
def list_(call: Call[SourceList]) -> Values:
    return service.list_(call.caller, call.body)


@api.operation("sources-archive", ById, result=Source)
def archive(call: Call[ById]) -> Values:
    return service.archive(call.caller, call.body)


@api.operation("sources-unarchive", ById, result=Source)
def unarchive(call: Call[ById]) -> Values:
    return service.unarchive(call.caller, call.body)
