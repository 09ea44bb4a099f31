"""What are sources, to the mechanism that keeps records?"""

from typing import Final

from keel.records.entity_type import EntityType, required_text
from keel.sources.schemas import SourceCreate

SOURCE: Final = EntityType(
    name="source",
    resource="sources",
    fields=SourceCreate,
    rules=(required_text("name", "name_required"),),
    matched=("name",),
    reads_only={"archived_at": None},
)
