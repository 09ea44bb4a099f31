"""Declare the entity type of custom field definitions. `keel.records.field_definitions` has the model."""

from typing import Final

from keel.api.fields import is_blank
from keel.custom_fields.schemas import CustomFieldCreate
from keel.records import field_definitions
from keel.records.entity_type import EntityType, Rule, not_null, required_text
from keel.records.field_definitions import CustomFieldDefinition

FIELD_TYPES: Final = ("text", "number", "date", "boolean", "enum")
OPTIONS: Final = 200


def _finalize(definition: CustomFieldDefinition) -> None:
    """An enum must have options, and other types have none."""
    if definition.field_type != "enum":
        definition.options = []
        return
    options = definition.options
    if not options:
        raise CUSTOM_FIELD.error("options_required", "options")
    if len(options) > OPTIONS or len(set(options)) < len(options) or any(map(is_blank, options)):
        message = f"options must have at most {OPTIONS} strings, all different and not blank."
        raise CUSTOM_FIELD.error("invalid_request", "options", message)


CUSTOM_FIELD: Final = EntityType(
    name="custom_field",
    resource="custom_fields",
    model=CustomFieldDefinition,
    schema=CustomFieldCreate,
    rules=(
        Rule("entity_type", "invalid_entity_type", lambda value: value in field_definitions.ENTITY_TYPES),
        required_text("label", "label_required"),
        Rule("field_type", "invalid_field_type", lambda value: value in FIELD_TYPES),
        not_null("required", "invalid_request"),
    ),
    finalize=_finalize,
    extra_writes=lambda account_id: (field_definitions.next_version(account_id),),
)
