"""Define the item of an export job.

| access | key |
| --- | --- |
| one job | `{account_id}#export`, job id |
"""

from pynamodb.attributes import UnicodeAttribute

from keel.storage import table
from keel.storage.attribute_types import IntegerAttribute, OptionalTextAttribute, TextAttribute
from keel.storage.models import Item, Key


class ExportJob(Item, discriminator="export"):
    """An export. `object` is the key of its file in the bucket, "" until the export is completed."""

    created_by = UnicodeAttribute()
    created_at = UnicodeAttribute()
    updated_at = UnicodeAttribute()
    model_type = UnicodeAttribute()
    format = UnicodeAttribute()
    status = UnicodeAttribute()
    row_count = IntegerAttribute(default=0)
    error = OptionalTextAttribute()
    completed_at = OptionalTextAttribute()
    resumed = IntegerAttribute(default=0)  # how often recovery has continued it
    object = TextAttribute()

    @property
    def id(self) -> str:
        return str(self.sk)


def job_key(account_id: str, job_id: str) -> Key:
    return Key(table.partition(account_id, "export"), job_id)
