"""List the custom field definitions of an account in their order."""

from keel.api.authorizer import Caller
from keel.custom_fields.entity_type import CUSTOM_FIELD
from keel.custom_fields.schemas import CustomFieldList
from keel.records import lists
from keel.records.entity_type import Values
from keel.records.field_definitions import ENTITY_TYPES


def list_(caller: Caller, body: CustomFieldList) -> Values:
    """The account's definitions, of one entity type or all, by `display_order` and then creation."""
    entity_type = body.entity_type
    if entity_type is not None and entity_type not in ENTITY_TYPES:
        raise CUSTOM_FIELD.error("invalid_entity_type", "entity_type")
    definitions = lists.all_records(CUSTOM_FIELD, caller)
    items = [definition for definition in definitions if entity_type in (None, definition["entity_type"])]
    return {"items": sorted(items, key=lambda definition: definition["display_order"]), "next_cursor": ""}
