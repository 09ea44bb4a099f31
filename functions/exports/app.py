"""Operations on exports."""

from keel.api.resolver import Api, Call
from keel.exports import jobs
from keel.exports.schemas import ExportCreate, ExportJob
from keel.records.entity_type import Values
from keel.records.schemas import ById

api = Api("exports")
handler = api.handle


@api.operation("exports-create", ExportCreate, result=ExportJob, idempotent=True)
def create(call: Call[ExportCreate]) -> Values:
    return jobs.create(call.caller, call.body, call.idempotency)


@api.operation("exports-get", ById, result=ExportJob)
def get(call: Call[ById]) -> Values:
    return jobs.get(call.caller, call.body)
