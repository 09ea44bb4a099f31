"""Define the requests and responses about sources."""

from keel.api.fields import Body, Text
from keel.records.schemas import ById, Record


class SourceCreate(Body):
    name: Text = ""


class SourceUpdate(ById, SourceCreate):
    pass


class SourceList(Body):
    include_archived: bool = False


class Source(Record, SourceCreate):
    archived_at: str | None
