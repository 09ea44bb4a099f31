"""Which operations are there on custom field definitions?"""

from keel.custom_fields import service
from keel.custom_fields.kind import CUSTOM_FIELD
from keel.custom_fields.schemas import CustomField, CustomFieldList, CustomFieldUpdate
from keel.http import Api, Call
from keel.records import operations
from keel.records.kinds import Values
from keel.records.schemas import Page

api = Api("custom_fields")
handler = api.handle

operations.creates(api, CUSTOM_FIELD, CustomField)
operations.updates(api, CUSTOM_FIELD, CustomFieldUpdate, CustomField)
operations.gets(api, CUSTOM_FIELD, CustomField)
operations.deletes(api, CUSTOM_FIELD)


@api.operation("custom-fields-list", CustomFieldList, result=Page[CustomField])
def list_(call: Call[CustomFieldList]) -> Values:
    return service.list_(call.caller, call.body)
