"""What are custom field definitions, to the mechanism that keeps records?"""

from typing import Final

from keel.api.fields import is_blank
from keel.custom_fields.schemas import CustomFieldCreate
from keel.records import field_definitions
from keel.records.entity_type import EntityType, Record, Rule, not_null, required_text

FIELD_TYPES: Final = ("text", "number", "date", "boolean", "enum")
OPTIONS: Final = 200


def _settle_options(definition: Record) -> None:
    """Options belong to an enum alone, and it cannot do without."""
    if definition["field_type"] != "enum":
        definition["options"] = []
        return
    options = definition["options"]
    if not options:
        raise CUSTOM_FIELD.error("options_required", "options")
    if len(options) > OPTIONS or len(set(options)) < len(options) or any(map(is_blank, options)):
        message = f"options must have at most {OPTIONS} strings, all different and not blank."
        raise CUSTOM_FIELD.error("invalid_request", "options", message)


CUSTOM_FIELD: Final = EntityType(
    name=field_definitions.KIND,
    resource="custom_fields",
    fields=CustomFieldCreate,
    rules=(
        Rule("entity_type", "invalid_entity_type", lambda value: value in field_definitions.ENTITY_TYPES),
        required_text("label", "label_required"),
        Rule("field_type", "invalid_field_type", lambda value: value in FIELD_TYPES),
        not_null("required", "invalid_request"),
    ),
    details=_settle_options,
    alongside=lambda account_id: (field_definitions.moved(account_id),),
)
