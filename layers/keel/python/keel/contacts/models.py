"""Define how contacts are stored. See `keel.records.models` for their key and access patterns."""

from keel.records.models import Record
from keel.storage.attribute_types import JsonTextAttribute, OptionalTextAttribute, TextAttribute, TextListAttribute


class Contact(Record, discriminator="contact"):
    first_name = TextAttribute()
    last_name = TextAttribute()
    email = TextAttribute()
    phone = TextAttribute()
    company_id = OptionalTextAttribute()
    job_title = TextAttribute()
    address = TextAttribute()
    city = TextAttribute()
    state = TextAttribute()
    zip_code = TextAttribute()
    country = TextAttribute()
    notes = TextAttribute()
    tags = TextListAttribute()
    source_id = OptionalTextAttribute()
    custom_fields = JsonTextAttribute()
