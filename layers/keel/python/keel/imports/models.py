"""Define the items of imports, their keys and their access patterns.

| item | partition key | sort key |
| --- | --- | --- |
| job | `{account_id}#import` | job id |
| preview of the file | `{account_id}#import_preview` | job id |
| effects of a batch of rows | `{account_id}#import_effects#{job_id}` | number of its last row, eight digits |
| failed rows of a batch | `{account_id}#import_errors#{job_id}` | number of its last row, eight digits |
| errors file being written | `{account_id}#import_errors_file` | job id |
| account lock | `{account_id}#import_turn` | `-` |

Jobs are listed newest first: their ids are UUIDs of version 7. The failed rows of a job are read in the order of the
file, its effects by undo in reverse order.
"""

from pynamodb.attributes import BooleanAttribute, UnicodeAttribute, VersionAttribute

from keel.storage import table
from keel.storage.attribute_types import DocumentAttribute, IntegerAttribute, OptionalTextAttribute, TextAttribute
from keel.storage.models import Item, Key


class ImportJob(Item, discriminator="import"):
    """An import. Each change moves `revision`, so that only one of several concurrent changes succeeds."""

    revision = VersionAttribute()
    created_by = UnicodeAttribute()
    created_at = UnicodeAttribute()
    updated_at = UnicodeAttribute()
    status = UnicodeAttribute()
    error = OptionalTextAttribute()
    completed_at = OptionalTextAttribute()

    # What the client has asked for.
    model_type = UnicodeAttribute()
    file_name = UnicodeAttribute()
    content_type = UnicodeAttribute()
    duplicate_handling = UnicodeAttribute()
    date_format = OptionalTextAttribute()
    auto_confirm = BooleanAttribute()
    column_mapping = DocumentAttribute(default=dict)  # column name -> field name

    # What the planner has found: the object in storage, and how to read it.
    file_size = IntegerAttribute(default=0)
    file_etag = TextAttribute()
    file_version = TextAttribute()
    encoding = TextAttribute()
    delimiter = TextAttribute()

    # Progress. The next row begins at the byte `position`.
    position = IntegerAttribute(default=0)
    total_rows = IntegerAttribute(default=0)
    processed_rows = IntegerAttribute(default=0)
    created_count = IntegerAttribute(default=0)
    updated_count = IntegerAttribute(default=0)
    skipped_count = IntegerAttribute(default=0)
    failed_count = IntegerAttribute(default=0)
    started = IntegerAttribute(default=0)  # milliseconds
    worker = TextAttribute()  # which worker has written the last batch
    resumed = IntegerAttribute(default=0)  # how often recovery has continued it since its last progress

    # Undo.
    undo_phase = TextAttribute()
    undo_position = TextAttribute()  # sort key of the effects undone last
    kept_count = IntegerAttribute(default=0)

    @property
    def id(self) -> str:
        return str(self.sk)

    def copy(self) -> "ImportJob":
        return ImportJob.from_raw_data(self.serialize())


class ImportPreview(Item, discriminator="import_preview"):
    """The columns and first rows of a file, as JSON."""

    content = UnicodeAttribute()
    ttl = IntegerAttribute()  # seconds


class ImportEffects(Item, discriminator="import_effects"):
    """What undo must know about a batch of rows, as JSON (see `keel.imports.record_change.Effects`)."""

    content = UnicodeAttribute()
    ttl = IntegerAttribute()


class ImportErrors(Item, discriminator="import_errors"):
    """The rows of a batch that failed, as JSON: a list of `{"row", "field", "code", "message", "cells"}`."""

    content = UnicodeAttribute()
    ttl = IntegerAttribute()


class ErrorsFileLease(Item, discriminator="import_errors_file"):
    """A worker is writing the errors file, until `ttl`."""

    ttl = IntegerAttribute()


class AccountLock(Item, discriminator="import_turn"):
    """How many batches all imports of an account have written (see `keel.imports.account_lock`)."""

    batches = IntegerAttribute(attr_name="turn")


def job_key(account_id: str, job_id: str) -> Key:
    return Key(table.partition(account_id, "import"), job_id)


def preview_key(job: ImportJob) -> Key:
    return Key(table.partition(job.account_id, "import_preview"), job.id)


def effects_key(job: ImportJob, last_row: int = 0) -> Key:
    return Key(table.partition(job.account_id, f"import_effects#{job.id}"), f"{last_row:08}")


def errors_key(job: ImportJob, last_row: int = 0) -> Key:
    return Key(table.partition(job.account_id, f"import_errors#{job.id}"), f"{last_row:08}")


def errors_file_key(job: ImportJob) -> Key:
    return Key(table.partition(job.account_id, "import_errors_file"), job.id)


def account_lock_key(account_id: str) -> Key:
    return Key(table.partition(account_id, "import_turn"), "-")
