"""List the entity types of the CRM, the references between them and the items that depend on their records."""

from collections.abc import Callable, Iterator
from typing import Final

from keel.activities.entity_type import ACTIVITY
from keel.companies.entity_type import COMPANY
from keel.contacts.entity_type import CONTACT
from keel.custom_fields.entity_type import CUSTOM_FIELD
from keel.projects import models as project_models
from keel.projects.entity_type import PROJECT
from keel.records.entity_type import EntityType, Reference
from keel.sources.entity_type import SOURCE
from keel.storage.models import Key

# By name, as in keys and events: `contact`.
ENTITY_TYPES: Final[dict[str, EntityType]] = {
    entity_type.name: entity_type for entity_type in (CONTACT, COMPANY, PROJECT, ACTIVITY, SOURCE, CUSTOM_FIELD)
}

# Items, other than index entries, that the cascade deletes after a record of an entity type: their keys, by account and
# record. This is where two packages that would import each other meet.
_DEPENDENT_KEYS: Final[dict[str, Callable[[str, str], Iterator[Key]]]] = {
    CONTACT.name: project_models.links_of_contact,
    PROJECT.name: project_models.links_of_project,
}


def pointing_to(name: str) -> list[tuple[EntityType, Reference]]:
    """Every reference to records of this entity type, with the entity type that declares it."""
    return [
        (entity_type, reference)
        for entity_type in ENTITY_TYPES.values()
        for reference in entity_type.references
        if reference.target == name
    ]


def dependent_keys(name: str, account_id: str, record_id: str) -> Iterator[Key]:
    """The keys of the items that a deleted record of this entity type leaves behind, other than index entries."""
    if name in _DEPENDENT_KEYS:
        yield from _DEPENDENT_KEYS[name](account_id, record_id)
