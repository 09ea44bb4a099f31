"""Declare the entity type of companies."""

from typing import Final

from keel.companies.models import Company
from keel.companies.schemas import CompanyCreate
from keel.records.entity_type import EntityType, SearchFields, required_text
from keel.records.filters import Filter

COMPANY: Final = EntityType(
    name="company",
    resource="companies",
    model=Company,
    schema=CompanyCreate,
    rules=(required_text("name", "invalid_request"),),
    match_fields=("domain", "name"),
    filters=(Filter("tags", "tags", any_text=True, every=True),),
    search_fields=SearchFields(("name", "domain")),
)
