"""In which order do an account's custom fields appear?"""

from keel.custom_fields.definitions import ENTITY_TYPES
from keel.custom_fields.kind import CUSTOM_FIELD
from keel.custom_fields.schemas import CustomFieldList
from keel.gate import Caller
from keel.records import lists
from keel.records.kinds import Values


def list_(caller: Caller, body: CustomFieldList) -> Values:
    """The account's definitions, of one entity type or all, by `display_order` and then creation."""
    wanted = body.entity_type
    if wanted is not None and wanted not in ENTITY_TYPES:
        raise CUSTOM_FIELD.fault("invalid_entity_type", "entity_type")
    found = lists.whole(CUSTOM_FIELD, caller)
    items = [definition for definition in found if wanted in (None, definition["entity_type"])]
    return {"items": sorted(items, key=lambda definition: definition["display_order"]), "next_cursor": ""}
