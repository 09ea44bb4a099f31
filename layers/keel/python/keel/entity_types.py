"""List the entity types of the CRM and the references between them."""

from typing import Final

from keel.activities.entity_type import ACTIVITY
from keel.companies.entity_type import COMPANY
from keel.contacts.entity_type import CONTACT
from keel.custom_fields.entity_type import CUSTOM_FIELD
from keel.projects.entity_type import PROJECT
from keel.records.entity_type import EntityType, Reference
from keel.sources.entity_type import SOURCE

# By name, as in keys and events: `contact`.
ENTITY_TYPES: Final[dict[str, EntityType]] = {
    entity_type.name: entity_type for entity_type in (CONTACT, COMPANY, PROJECT, ACTIVITY, SOURCE, CUSTOM_FIELD)
}


def pointing_to(name: str) -> list[tuple[EntityType, Reference]]:
    """Every reference to records of this type, with the entity type that declares it."""
    return [
        (entity_type, reference)
        for entity_type in ENTITY_TYPES.values()
        for reference in entity_type.references
        if reference.kind == name
    ]
