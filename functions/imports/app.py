"""Operations on imports."""

from keel.api.resolver import Api, Call
from keel.imports import jobs, row_errors, service
from keel.imports.schemas import (
    Confirm,
    Download,
    ErrorList,
    ImportJob,
    ImportList,
    RequestUpload,
    RowError,
    Upload,
    Uploaded,
)
from keel.records.entity_type import Values
from keel.records.schemas import ById, Page

api = Api("imports")
handler = api.handle


@api.operation("imports-request-upload", RequestUpload, result=Upload)
def request_upload(call: Call[RequestUpload]) -> Values:
    return service.request_upload(call.caller, call.body)


@api.operation("imports-complete-upload", ById, result=Uploaded)
def complete_upload(call: Call[ById]) -> Values:
    return service.complete_upload(call.caller, call.body)


@api.operation("imports-confirm", Confirm, result=ImportJob)
def confirm(call: Call[Confirm]) -> Values:
    return service.confirm(call.caller, call.body)


@api.operation("imports-get", ById, result=ImportJob)
def get(call: Call[ById]) -> Values:
    return service.get(call.caller, call.body)


@api.operation("imports-list", ImportList, result=Page[ImportJob])
def list_(call: Call[ImportList]) -> Values:
    return jobs.list_(call.caller, call.body)


@api.operation("imports-cancel", ById, result=ImportJob)
def cancel(call: Call[ById]) -> Values:
    return service.cancel(call.caller, call.body)


@api.operation("imports-errors", ErrorList, result=Page[RowError])
def list_errors(call: Call[ErrorList]) -> Values:
    return row_errors.list_(call.caller, call.body)


@api.operation("imports-errors-file", ById, result=Download)
def errors_file(call: Call[ById]) -> Values:
    return row_errors.file(call.caller, call.body)


@api.operation("imports-undo", ById, result=ImportJob)
def undo(call: Call[ById]) -> Values:
    return service.undo(call.caller, call.body)
