"""Define how companies are stored. See `keel.records.models` for their key and access patterns."""

from keel.records.models import Record
from keel.storage.attribute_types import JsonTextAttribute, OptionalIntegerAttribute, TextAttribute, TextListAttribute


class Company(Record, discriminator="company"):
    name = TextAttribute()
    domain = TextAttribute()
    industry = TextAttribute()
    notes = TextAttribute()
    phone = TextAttribute()
    website = TextAttribute()
    linkedin_url = TextAttribute()
    address = TextAttribute()
    city = TextAttribute()
    state = TextAttribute()
    zip_code = TextAttribute()
    country = TextAttribute()
    employee_count = OptionalIntegerAttribute()
    annual_revenue = OptionalIntegerAttribute()  # cents
    tags = TextListAttribute()
    custom_fields = JsonTextAttribute()
