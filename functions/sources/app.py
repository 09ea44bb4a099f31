"""Which operations are there on sources?"""

from keel.http import Api, Call
from keel.records import operations
from keel.records.kinds import Values
from keel.records.schemas import ById, Page
from keel.sources import service
from keel.sources.kind import SOURCE
from keel.sources.schemas import Source, SourceList, SourceUpdate

api = Api("sources")
handler = api.handle

operations.creates(api, SOURCE, Source)
operations.updates(api, SOURCE, SourceUpdate, Source)
operations.gets(api, SOURCE, Source)


@api.operation("sources-list", SourceList, result=Page[Source])
def list_(call: Call[SourceList]) -> Values:
    return service.list_(call.caller, call.body)


@api.operation("sources-archive", ById, result=Source)
def archive(call: Call[ById]) -> Values:
    return service.archive(call.caller, call.body)


@api.operation("sources-unarchive", ById, result=Source)
def unarchive(call: Call[ById]) -> Values:
    return service.unarchive(call.caller, call.body)
