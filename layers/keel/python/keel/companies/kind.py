"""What are companies, to the mechanism that keeps records?"""

from typing import Final

from keel.companies.schemas import CompanyCreate
from keel.records.kinds import Kind, required_text

COMPANY: Final = Kind(
    name="company",
    resource="companies",
    fields=CompanyCreate,
    rules=(required_text("name", "invalid_request"),),
    filters=("tags",),
)
