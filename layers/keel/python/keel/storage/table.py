"""How is an item kept? Keys, reads, conditional writes, and the one place that tells DynamoDB's refusals apart.

Items are plain dicts with `pk` and `sk`. Every `pk` begins with the account (see `partition`), but for
the items that exist before an account is known: the owner of an email, the bucket of an address and a
mail asked for by address; and the place that the sweep has reached.
"""

import json
import random
import re
import time
import uuid
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import Future
from dataclasses import dataclass
from functools import lru_cache
from types import MappingProxyType
from typing import Any, Final, Literal, NamedTuple

from botocore.exceptions import ClientError

from keel.errors import ApiError
from keel.settings import settings
from keel.storage import clients, dynamodb
from keel.storage.attributes import decode_item, encode, encode_item, item_text

Item = dict[str, Any]

TRANSACTION_LIMIT: Final = 100  # operations in one TransactWriteItems
READ_LIMIT: Final = 100  # keys in one BatchGetItem
WRITE_LIMIT: Final = 25  # requests in one BatchWriteItem
PK_BYTES: Final = 2_048

_TRIES: Final = 8
_GREATEST: Final = "\U0010ffff"  # sorts after whatever is stored
_PLACEHOLDER: Final = re.compile(r"#(\w+)")
_PASSING: Final = frozenset({"TransactionConflict", "ThrottlingError", "ProvisionedThroughputExceeded"})


class Key(NamedTuple):
    pk: str
    sk: str


class ConditionFailed(Exception):
    """A conditional write was refused; `item` is what is stored, None when there is nothing."""

    def __init__(self, item: Item | None) -> None:
        self.item = item
        super().__init__("condition failed")


class RetriesExhausted(Exception):
    """DynamoDB went on refusing a call for its load or for conflicts, however often it was tried."""


def partition(account_id: str, kind: str) -> str:
    """The `pk` under which an account keeps its items of a kind."""
    return f"{account_id}#{kind}"


# --- Parameters -------------------------------------------------------------------------------------


def _encode_key(key: Key) -> dict[str, Any]:
    return {"pk": {"S": key.pk}, "sk": {"S": key.sk}}


def _key_of(attributes: Mapping[str, Any]) -> Key:
    return Key(attributes["pk"]["S"], attributes["sk"]["S"])


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


# --- Reads ------------------------------------------------------------------------------------------


def get(key: Key) -> Item | None:
    """The item as the last acknowledged write left it."""
    answer = dynamodb.call("GetItem", TableName=settings().table, Key=_encode_key(key), ConsistentRead=True)
    return decode_item(answer["Item"]) if "Item" in answer else None


def batch_get(keys: Iterable[Key]) -> dict[Key, Item]:
    """The items that exist under these keys, as the last acknowledged writes left them.

    More than 100 keys are read in several calls at the same time.
    """
    distinct = list(dict.fromkeys(keys))
    chunks = [distinct[at : at + READ_LIMIT] for at in range(0, len(distinct), READ_LIMIT)]
    return {key: item for found in clients.map_concurrently(_batch_get, chunks) for key, item in found.items()}


def _batch_get(keys: Sequence[Key]) -> dict[Key, Item]:
    table = settings().table
    wanted: dict[str, Any] = {table: {"Keys": [_encode_key(key) for key in keys], "ConsistentRead": True}}
    found: dict[Key, Item] = {}
    for pause in _pauses():
        answer = dynamodb.call("BatchGetItem", RequestItems=wanted)
        for attributes in answer["Responses"].get(table, ()):
            found[_key_of(attributes)] = decode_item(attributes)
        wanted = answer.get("UnprocessedKeys", {})
        if not wanted:
            return found
        time.sleep(pause)
    raise RetriesExhausted("BatchGetItem")


class Page(NamedTuple):
    items: list[Item]
    more: bool


def query(
    pk: str,
    *,
    begins: str = "",
    between: tuple[str, str] | None = None,
    after: str = "",
    before: str = "",
    newest_first: bool = False,
    limit: int | None = None,
) -> Page:
    """One page of a partition in the order of `sk`, strongly consistent.

    `begins` is a prefix of `sk`, `between` its lowest and highest value; `after` and `before` are exclusive
    bounds. One of the four may be given. DynamoDB ends a page at `limit` items or at 1 MB: then `more` is true.
    """
    condition, values = "pk = :pk", {"pk": pk}
    if begins:
        # Not begins_with: for that, DynamoDB Local goes through the whole partition.
        between = (begins, begins + _GREATEST)
    if between:
        condition += " AND sk BETWEEN :lowest AND :highest"
        values["lowest"], values["highest"] = between
    elif after:
        condition += " AND sk > :after"
        values["after"] = after
    elif before:
        condition += " AND sk < :before"
        values["before"] = before
    answer = dynamodb.call(
        "Query",
        TableName=settings().table,
        KeyConditionExpression=condition,
        ConsistentRead=True,
        ScanIndexForward=not newest_first,
        **_values(values),
        **({} if limit is None else {"Limit": limit}),
    )
    return Page([decode_item(item) for item in answer["Items"]], "LastEvaluatedKey" in answer)


def iterate(pk: str, *, begins: str = "") -> Iterator[Item]:
    """Every item of a partition, or of a prefix in it, in the order of `sk`; for small sets."""
    page = query(pk, begins=begins)
    yield from page.items
    while page.more:
        page = query(pk, between=(page.items[-1]["sk"] + "\0", begins + _GREATEST))
        yield from page.items


def scan(kind: str, *, after: Key | None = None, limit: int) -> tuple[list[Item], Key | None]:
    """Items of a kind, of all accounts, among the next `limit` items of the table; and the key where it goes on,
    None at the end. For slow jobs only."""
    answer = dynamodb.call(
        "Scan",
        TableName=settings().table,
        FilterExpression="#kind = :kind",
        ExpressionAttributeNames={"#kind": "kind"},
        Limit=limit,
        **_values({"kind": kind}),
        **({"ExclusiveStartKey": _encode_key(after)} if after else {}),
    )
    last = answer.get("LastEvaluatedKey")
    return [decode_item(item) for item in answer["Items"]], _key_of(last) if last else None


# --- Writes -----------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Write:
    """One operation of a transaction.

    `failed` says what its failed condition means: it is given the stored item, None if there is none,
    and gives the exception to raise. Without it `ConditionFailed` is raised.
    """

    action: Literal["Put", "Update", "Delete", "ConditionCheck"]
    request: dict[str, Any]
    failed: Callable[[Item | None], Exception] | None = None

    def refused(self, attributes: Mapping[str, Any] | None) -> Exception:
        item = decode_item(attributes) if attributes else None
        return self.failed(item) if self.failed else ConditionFailed(item)


def raise_(fault: ApiError) -> Callable[[Item | None], Exception]:
    """For `failed`: this fault, whatever is stored."""
    return lambda _item: fault


def put(
    item: Item,
    condition: str = "",
    *,
    failed: Callable[[Item | None], Exception] | None = None,
    **values: Any,
) -> Write:
    """Store an item, in a condition such as `attribute_not_exists(pk) OR #expires < :now`."""
    request = {"Item": encode_item(item), **_expressions(ConditionExpression=condition), **_values(values)}
    return Write("Put", request, failed)


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
    return Write("Update", {"Key": _encode_key(key), **expressions, **_values(values)}, failed)


def delete(
    key: Key, condition: str = "", *, failed: Callable[[Item | None], Exception] | None = None, **values: Any
) -> Write:
    request = {"Key": _encode_key(key), **_expressions(ConditionExpression=condition), **_values(values)}
    return Write("Delete", request, failed)


def check(
    key: Key,
    condition: str = "attribute_exists(pk)",
    *,
    failed: Callable[[Item | None], Exception] | None = None,
    **values: Any,
) -> Write:
    """Change nothing, but let the transaction stand only if the condition holds."""
    request = {"Key": _encode_key(key), **_expressions(ConditionExpression=condition), **_values(values)}
    return Write("ConditionCheck", request, failed)


def commit(*writes: Write) -> None:
    """Carry out all of these writes, or none.

    Raises what `failed` of the first write whose condition does not hold gives, in the order given here;
    `RetriesExhausted` when conflicts with other transactions do not end.
    """
    if len(writes) == 1:
        apply(writes[0])
    else:
        transact(*writes)


def transact(*writes: Write) -> None:
    """The same, also for one write, at twice the price: by its token it may be sent again when its answer was lost,
    and does not meet what it has done itself."""
    table = settings().table
    actions = [
        {
            write.action: {
                "TableName": table,
                "ReturnValuesOnConditionCheckFailure": "ALL_OLD",
                **write.request,
            }
        }
        for write in writes
    ]
    for pause in _pauses():
        try:
            dynamodb.call("TransactWriteItems", TransactItems=actions, ClientRequestToken=str(uuid.uuid4()))
        except ClientError as error:
            reasons = error.response.get("CancellationReasons", [])
            for write, reason in zip(writes, reasons, strict=False):
                if reason.get("Code") == "ConditionalCheckFailed":
                    raise write.refused(reason.get("Item")) from None
            if not any(reason.get("Code") in _PASSING for reason in reasons):
                raise
        else:
            return
        time.sleep(pause)
    raise RetriesExhausted("TransactWriteItems")


def apply(write: Write, *, returning: str = "NONE") -> Item:
    """Carry out one write at half a transaction's price; gives the attributes that `returning` names
    (`ALL_NEW`, `ALL_OLD`)."""
    if write.action == "ConditionCheck":
        raise ValueError("a check by itself changes nothing")
    for pause in _pauses():
        try:
            answer = dynamodb.call(
                f"{write.action}Item",
                TableName=settings().table,
                ReturnValues=returning,
                ReturnValuesOnConditionCheckFailure="ALL_OLD",
                **write.request,
            )
        except ClientError as error:
            code = error.response["Error"]["Code"]
            if code == "ConditionalCheckFailedException":
                stored: Any = error.response.get("Item")
                raise write.refused(stored) from None
            if code != "TransactionConflictException":
                raise
        else:
            return decode_item(answer.get("Attributes", {}))
        time.sleep(pause)
    raise RetriesExhausted(write.action)


def batch_write(puts: Iterable[Item] = (), deletes: Iterable[Key] = ()) -> None:
    """Store and delete items in any number, unconditionally and not as one: for what may be repeated.

    No key may be given twice. More than 25 items are written in several calls at the same time.
    """
    clients.map_concurrently(_batch_write, _chunks(puts, deletes))


def begin_batch_write(puts: Iterable[Item]) -> list[Future[None]]:
    """The same for whoever waits for it later."""
    return [clients.threads().submit(_batch_write, chunk) for chunk in _chunks(puts, ())]


def _chunks(puts: Iterable[Item], deletes: Iterable[Key]) -> list[list[str]]:
    requests = [f'{{"PutRequest":{{"Item":{item_text(item)}}}}}' for item in puts]
    requests += [f'{{"DeleteRequest":{{"Key":{item_text(key._asdict())}}}}}' for key in deletes]
    return [requests[at : at + WRITE_LIMIT] for at in range(0, len(requests), WRITE_LIMIT)]


def _batch_write(requests: list[str]) -> None:
    table = settings().table
    for pause in _pauses():
        body = f'{{"RequestItems":{{"{table}":[{",".join(requests)}]}}}}'
        left = dynamodb.send("BatchWriteItem", body).get("UnprocessedItems")
        if not left:
            return
        requests = [json.dumps(each) for each in left[table]]
        time.sleep(pause)
    raise RetriesExhausted("BatchWriteItem")


def _pauses() -> Iterator[float]:
    """Seconds to wait after each try: full jitter below a bound that doubles."""
    jitter = random.SystemRandom()  # a seeded state would repeat in every copy that SnapStart makes
    for attempt in range(_TRIES):
        yield jitter.uniform(0, min(0.02 * 2**attempt, 1.0))
