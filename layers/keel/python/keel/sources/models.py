"""Define how sources are stored. See `keel.records.models` for their key and access patterns."""

from keel.records.models import Record
from keel.storage.attribute_types import OptionalTextAttribute, TextAttribute


class Source(Record, discriminator="source"):
    name = TextAttribute()
    archived_at = OptionalTextAttribute()
