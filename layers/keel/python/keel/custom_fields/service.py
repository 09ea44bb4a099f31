"""In which order do an account's custom fields appear?"""

from keel.api.authorizer import Caller
from keel.custom_fields.entity_type import CUSTOM_FIELD
from keel.custom_fields.schemas import CustomFieldList
from keel.records import lists
from keel.records.entity_type import Values
from keel.records.field_definitions import ENTITY_TYPES


def list_(caller: Caller, body: CustomFieldList) -> Values:
    """The account's definitions, of one entity type or all, by `display_order` and then creation."""
    wanted = body.entity_type
    if wanted is not None and wanted not in ENTITY_TYPES:
        raise CUSTOM_FIELD.error("invalid_entity_type", "entity_type")
    found = lists.whole(CUSTOM_FIELD, caller)
    items = [definition for definition in found if wanted in (None, definition["entity_type"])]
    return {"items": sorted(items, key=lambda definition: definition["display_order"]), "next_cursor": ""}
