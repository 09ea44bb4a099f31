"""Declare the entity type of contacts."""

from typing import Final

from keel.contacts.models import Contact
from keel.contacts.schemas import ContactCreate
from keel.records.entity_type import EntityType, Reference, SearchFields, required_text
from keel.records.filters import Filter
from keel.records.presentation import name_of

CONTACT: Final = EntityType(
    name="contact",
    resource="contacts",
    model=Contact,
    schema=ContactCreate,
    rules=(required_text("first_name", "first_name_required"),),
    references=(
        Reference("company_id", "company", "company_name", name_of, missing="invalid_company_id"),
        Reference(
            "source_id",
            "source",
            "source_name",
            name_of,
            missing="invalid_source_id",
            inactive_when="archived_at",
        ),
    ),
    match_fields=("email",),
    filters=(
        Filter("company_id", "company_id"),
        Filter("company_ids", "company_id"),
        Filter("source_ids", "source_id"),
        Filter("tags", "tags", any_text=True, every=True),
    ),
    search_fields=SearchFields(
        ("first_name", "last_name"), emails=("email",), phones=("phone",), joined=("company_id",)
    ),
)
