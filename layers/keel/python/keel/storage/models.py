"""Define the base of all PynamoDB models of Keel's one table."""

from functools import cache
from typing import Any, NamedTuple, Self

from pynamodb.attributes import DiscriminatorAttribute, UnicodeAttribute
from pynamodb.connection.table import TableConnection
from pynamodb.models import Model

from keel.logs import logger
from keel.storage import connection

AttributeMap = dict[str, dict[str, Any]]
"""An item as DynamoDB's API has it: `{"pk": {"S": "…"}}`."""


class Key(NamedTuple):
    """The primary key of an item."""

    pk: str
    sk: str


class Item(Model):
    """An item of the table, with its key and its type.

    A subclass declares its attributes and passes the stored value of `kind` as `discriminator`. Its module also has
    the functions that build its key, so that the key and the access patterns of an item type are in one place.

    An attribute that the class does not declare was written by a newer version. It is kept when the item is written
    again.
    """

    class Meta:
        table_name = ""  # known at run time only, see `keel.storage.connection`

    pk = UnicodeAttribute(hash_key=True)
    sk = UnicodeAttribute(range_key=True)
    item_type = DiscriminatorAttribute(attr_name="kind")

    _undeclared: AttributeMap

    @property
    def key(self) -> Key:
        return Key(self.pk, self.sk)

    @property
    def account_id(self) -> str:
        """The account that the item belongs to, which every partition key begins with."""
        return str(self.pk).partition("#")[0]

    @classmethod
    def from_raw_data(cls, data: AttributeMap) -> Self:
        item = super().from_raw_data(data)
        names = _stored_names(type(item))
        item._undeclared = {name: value for name, value in data.items() if name not in names}
        return item

    def serialize(self, null_check: bool = True) -> AttributeMap:
        return {**self.__dict__.get("_undeclared", {}), **super().serialize(null_check)}

    @classmethod
    def _get_connection(cls) -> TableConnection:
        # PynamoDB would open a connection of its own for each model. This is the one private name of PynamoDB's that
        # Keel overrides; tests/unit/storage/test_models.py fails when it changes.
        return connection.table_connection()


@cache
def _stored_names(model: type[Item]) -> frozenset[str]:
    return frozenset(attribute.attr_name for attribute in model.get_attributes().values())


class UnknownItem(Item):
    """An item whose type this version does not know."""


def from_attributes(attributes: AttributeMap) -> Item:
    """The item of the type that its stored `kind` names; an `UnknownItem`, which is logged, for an unknown one."""
    kind = attributes["kind"]["S"]
    try:
        model = Item.item_type.deserialize(kind)
    except ValueError:
        logger.warning("unknown_item_type", kind=kind)
        return UnknownItem(attributes["pk"]["S"], attributes["sk"]["S"])
    item: Item = model.from_raw_data(attributes)
    return item
