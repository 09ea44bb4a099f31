"""Read and write stored items as plain values, without the models that the code under test uses."""

from collections.abc import Iterable, Iterator
from typing import Any

from keel.storage import table
from keel.storage.attribute_types import decode, encode_attributes
from keel.storage.calls import attributes_of, dispatch, key_of, table_name
from keel.storage.models import Key

Item = dict[str, Any]


def read(key: Key) -> Item | None:
    """The item under a key, None if there is none."""
    response = dispatch("GetItem", TableName=table_name(), Key=attributes_of(key), ConsistentRead=True)
    return _plain(response["Item"]) if "Item" in response else None


def iterate(pk: str) -> Iterator[Item]:
    """Every item of a partition."""
    page = table.query_attributes(pk)
    yield from map(_plain, page.items)
    while page.more:
        page = table.query_attributes(pk, after=key_of(page.items[-1]).sk)
        yield from map(_plain, page.items)


def write(items: Iterable[Item]) -> None:
    """Store items, whatever is there."""
    table.batch_write([encode_attributes(item) for item in items])


def _plain(attributes: dict[str, Any]) -> Item:
    return {name: decode(value) for name, value in attributes.items()}
