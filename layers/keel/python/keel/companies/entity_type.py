"""What are companies, to the mechanism that keeps records?"""

from typing import Final

from keel.companies.schemas import CompanyCreate
from keel.records.entity_type import EntityType, Searched, required_text
from keel.records.filters import Filter

COMPANY: Final = EntityType(
    name="company",
    resource="companies",
    fields=CompanyCreate,
    rules=(required_text("name", "invalid_request"),),
    matched=("domain", "name"),
    filters=(Filter("tags", "tags", any_text=True, every=True),),
    searched=Searched(("name", "domain")),
)
