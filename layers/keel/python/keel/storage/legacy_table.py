"""Read and write items as plain dicts, with expressions as strings."""

import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from concurrent.futures import Future
from functools import lru_cache
from types import MappingProxyType
from typing import Any, Final, NamedTuple

from keel.storage import calls, table
from keel.storage.attributes import decode_item, encode, encode_item
from keel.storage.models import Key
from keel.storage.table import (
    PK_BYTES,
    READ_LIMIT,
    TRANSACTION_LIMIT,
    WRITE_LIMIT,
    ConditionFailed,
    RetriesExhausted,
    Write,
    commit,
    partition,
    raise_,
    transact,
)

__all__ = [
    "PK_BYTES",
    "READ_LIMIT",
    "TRANSACTION_LIMIT",
    "WRITE_LIMIT",
    "ConditionFailed",
    "Item",
    "Key",
    "RetriesExhausted",
    "Write",
    "apply",
    "batch_get",
    "batch_write",
    "begin_batch_write",
    "check",
    "commit",
    "delete",
    "get",
    "iterate",
    "partition",
    "put",
    "query",
    "raise_",
    "scan",
    "transact",
    "update",
]

Item = dict[str, Any]

_PLACEHOLDER: Final = re.compile(r"#(\w+)")


def _encode_key(key: Key) -> dict[str, Any]:
    return {"pk": {"S": key.pk}, "sk": {"S": key.sk}}


@lru_cache(maxsize=1_000)  # the code has fewer: none of them has anything of the data in it
def _expressions(**expressions: str) -> dict[str, Any]:
    """Expressions with the names that they use: `#email` stands for the attribute `email`."""
    used = {name for text in expressions.values() for name in _PLACEHOLDER.findall(text)}
    parameters: dict[str, Any] = {name: text for name, text in expressions.items() if text}
    if used:
        parameters["ExpressionAttributeNames"] = {f"#{name}": name for name in sorted(used)}
    return parameters


def _values(values: Mapping[str, Any]) -> dict[str, Any]:
    """`{"email": …}` as the values of the placeholders `:email`."""
    if not values:
        return {}
    return {"ExpressionAttributeValues": {f":{name}": encode(value) for name, value in values.items()}}


def _requested(**request: Any) -> dict[str, Any]:
    return {"TableName": calls.table_name(), **request}


def get(key: Key) -> Item | None:
    response = calls.dispatch("GetItem", TableName=calls.table_name(), Key=_encode_key(key), ConsistentRead=True)
    return decode_item(response["Item"]) if "Item" in response else None


def batch_get(keys: Iterable[Key]) -> dict[Key, Item]:
    return {key: decode_item(attributes) for key, attributes in table.batch_get_attributes(keys).items()}


class Page(NamedTuple):
    items: list[Item]
    more: bool


def query(pk: str, **bounds: Any) -> Page:
    page = table.query_attributes(pk, **bounds)
    return Page([decode_item(item) for item in page.items], page.more)


def iterate(pk: str, *, begins: str = "") -> Iterator[Item]:
    page = query(pk, begins=begins)
    yield from page.items
    while page.more:
        page = query(pk, between=(page.items[-1]["sk"] + "\0", begins + table.HIGHEST))
        yield from page.items


def scan(kind: str, *, after: Key | None = None, limit: int) -> tuple[list[Item], Key | None]:
    response = calls.dispatch(
        "Scan",
        TableName=calls.table_name(),
        FilterExpression="#kind = :kind",
        ExpressionAttributeNames={"#kind": "kind"},
        Limit=limit,
        **_values({"kind": kind}),
        **({"ExclusiveStartKey": _encode_key(after)} if after else {}),
    )
    last = response.get("LastEvaluatedKey")
    return [decode_item(item) for item in response["Items"]], calls.key_of(last) if last else None


def put(
    item: Item,
    condition: str = "",
    *,
    failed: Callable[[Item | None], Exception] | None = None,
    **values: Any,
) -> Write:
    """Store an item, in a condition such as `attribute_not_exists(pk) OR #expires < :now`."""
    request = {
        **_requested(),
        "Item": encode_item(item),
        **_expressions(ConditionExpression=condition),
        **_values(values),
    }
    return Write("Put", request, decode_item, failed)


def update(
    key: Key,
    change: str,
    condition: str = "attribute_exists(pk)",
    *,
    failed: Callable[[Item | None], Exception] | None = None,
    names: Mapping[str, str] = MappingProxyType({}),
    **values: Any,
) -> Write:
    """Change attributes of an item by an update expression such as `SET #name = :name REMOVE #phone`.

    A name that is not in the code, but in the data, has a placeholder that `names` tells it for.
    """
    expressions = _expressions(UpdateExpression=change, ConditionExpression=condition)
    if names:
        told = {f"#{placeholder}": name for placeholder, name in names.items()}
        expressions = expressions | {"ExpressionAttributeNames": expressions["ExpressionAttributeNames"] | told}
    return Write(
        "Update", {**_requested(), "Key": _encode_key(key), **expressions, **_values(values)}, decode_item, failed
    )


def delete(
    key: Key, condition: str = "", *, failed: Callable[[Item | None], Exception] | None = None, **values: Any
) -> Write:
    request = {
        **_requested(),
        "Key": _encode_key(key),
        **_expressions(ConditionExpression=condition),
        **_values(values),
    }
    return Write("Delete", request, decode_item, failed)


def check(
    key: Key,
    condition: str = "attribute_exists(pk)",
    *,
    failed: Callable[[Item | None], Exception] | None = None,
    **values: Any,
) -> Write:
    """Change nothing, but let the transaction stand only if the condition holds."""
    request = {
        **_requested(),
        "Key": _encode_key(key),
        **_expressions(ConditionExpression=condition),
        **_values(values),
    }
    return Write("ConditionCheck", request, decode_item, failed)


def apply(write: Write, *, returning: Any = "NONE") -> Item:
    return table.write(write, returning=returning) or {}


def batch_write(puts: Iterable[Item] = (), deletes: Iterable[Key] = ()) -> None:
    table.batch_write([encode_item(item) for item in puts], deletes)


def begin_batch_write(puts: Iterable[Item]) -> list[Future[None]]:
    return table.begin_batch_write([encode_item(item) for item in puts])
