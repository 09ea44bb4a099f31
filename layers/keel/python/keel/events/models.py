"""Records that are too large for an event of the bus, as they are stored."""

from typing import Final

from pynamodb.attributes import UnicodeAttribute

from keel.storage import table
from keel.storage.attribute_types import IntegerAttribute
from keel.storage.models import Item, Key

_KIND: Final = "event_data"


class EventData(Item, discriminator=_KIND):
    """The record of an event whose `data` is null: `<account>#event_data`, by the event's id. Read by its key only."""

    data = UnicodeAttribute()  # JSON, as clients see the record
    ttl = IntegerAttribute()


def event_data_key(account_id: str, event_id: str) -> Key:
    return Key(table.partition(account_id, _KIND), event_id)
