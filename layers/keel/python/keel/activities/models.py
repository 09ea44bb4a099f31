"""Define how activities are stored. See `keel.records.models` for their key and access patterns."""

from keel.records.models import Record
from keel.storage.attribute_types import JsonTextAttribute, OptionalTextAttribute, TextAttribute


class Activity(Record, discriminator="activity"):
    activity_type = TextAttribute()
    contact_id = OptionalTextAttribute()
    company_id = OptionalTextAttribute()
    project_id = OptionalTextAttribute()
    occurred_at = OptionalTextAttribute()
    metadata = JsonTextAttribute()
