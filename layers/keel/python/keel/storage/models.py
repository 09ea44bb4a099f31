"""Define the base of all PynamoDB models of Keel's one table."""

from collections.abc import Callable
from functools import cache
from typing import Any, NamedTuple, Self

from pynamodb.attributes import Attribute, DiscriminatorAttribute, UnicodeAttribute
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
        """The item of an attribute map.

        PynamoDB's method sets every default twice and every value through its descriptor, which takes most of the CPU
        time of a list. This one has the same result.
        """
        model = cls.item_type.deserialize(data["kind"]["S"]) if "kind" in data else cls
        if not issubclass(model, cls):
            raise ValueError(f"{cls.__name__} cannot be loaded from an item of {model.__name__}")
        item: Self = model.__new__(model)
        item.attribute_values, item._undeclared = _load(model, data)
        return item

    def serialize(self, null_check: bool = True) -> AttributeMap:
        return {**self.__dict__.get("_undeclared", {}), **super().serialize(null_check)}

    @classmethod
    def _get_connection(cls) -> TableConnection:
        # PynamoDB would open a connection of its own for each model. This is the one private name of PynamoDB's that
        # Keel overrides; tests/unit/storage/test_models.py fails when it changes.
        return connection.table_connection()


class _Loader(NamedTuple):
    """How a model's attributes are loaded: by stored name, and with their defaults by Python name."""

    attributes: dict[str, tuple[str, Attribute[Any]]]
    constants: dict[str, Any]
    factories: dict[str, Callable[[], Any]]


@cache
def _loader(model: type[Item]) -> _Loader:
    attributes = {each.attr_name: (name, each) for name, each in model.get_attributes().items()}
    defaults = {name: each.default for name, each in attributes.values() if each.default is not None}
    constants = {name: default for name, default in defaults.items() if not callable(default)}
    return _Loader(attributes, constants, {name: each for name, each in defaults.items() if callable(each)})


def _load(model: type[Item], data: AttributeMap) -> tuple[dict[str, Any], AttributeMap]:
    """The values of a model's attributes by name, and the attributes that it does not declare."""
    loader = _loader(model)
    values = {**loader.constants, "item_type": model}
    undeclared: AttributeMap = {}
    for stored_name, attribute_value in data.items():
        declared = loader.attributes.get(stored_name)
        if declared is None:
            undeclared[stored_name] = attribute_value
        elif "NULL" not in attribute_value:
            name, attribute = declared
            values[name] = attribute.deserialize(attribute.get_value(attribute_value))
    for name, factory in loader.factories.items():
        if name not in values:
            values[name] = factory()
    return values, undeclared


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
