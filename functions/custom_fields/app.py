"""Operations on custom field definitions."""

from keel.api.resolver import Api, Call
from keel.custom_fields import service
from keel.custom_fields.entity_type import CUSTOM_FIELD
from keel.custom_fields.schemas import CustomField, CustomFieldList, CustomFieldUpdate
from keel.records import routes
from keel.records.entity_type import Values
from keel.records.schemas import Page

api = Api("custom_fields")
handler = api.handle

routes.creates(api, CUSTOM_FIELD, CustomField)
routes.updates(api, CUSTOM_FIELD, CustomFieldUpdate, CustomField)
routes.gets(api, CUSTOM_FIELD, CustomField)
routes.deletes(api, CUSTOM_FIELD)


@api.operation("custom-fields-list", CustomFieldList, result=Page[CustomField])
def list_(call: Call[CustomFieldList]) -> Values:
    return service.list_(call.caller, call.body)
