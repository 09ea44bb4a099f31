"""What are contacts, to the mechanism that keeps records?"""

from typing import Final

from keel.contacts.schemas import ContactCreate
from keel.projects import links
from keel.records.entity_type import EntityType, Reference, Searched, required_text
from keel.records.filters import Filter
from keel.records.references import name_of

CONTACT: Final = EntityType(
    name="contact",
    resource="contacts",
    fields=ContactCreate,
    rules=(required_text("first_name", "first_name_required"),),
    references=(
        Reference("company_id", "company", "company_name", name_of, missing="invalid_company_id"),
        Reference(
            "source_id",
            "source",
            "source_name",
            name_of,
            missing="invalid_source_id",
            closed_by="archived_at",
        ),
    ),
    matched=("email",),
    filters=(
        Filter("company_id", "company_id"),
        Filter("company_ids", "company_id"),
        Filter("source_ids", "source_id"),
        Filter("tags", "tags", any_text=True, every=True),
    ),
    searched=Searched(("first_name", "last_name"), emails=("email",), phones=("phone",), joined=("company_id",)),
    attached=links.of_contact,
)
