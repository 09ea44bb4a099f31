"""Declare the entity type of sources."""

from typing import Final

from keel.records.entity_type import EntityType, required_text
from keel.sources.models import Source
from keel.sources.schemas import SourceCreate

SOURCE: Final = EntityType(
    name="source",
    resource="sources",
    model=Source,
    schema=SourceCreate,
    rules=(required_text("name", "name_required"),),
    match_fields=("name",),
    read_only={"archived_at": None},
)
