"""Read and write the items of the table: reads, conditional writes, transactions and batches of PynamoDB models.

Everything goes through PynamoDB's connection (see `keel.storage.connection`). This module adds what PynamoDB lacks:

- the stored item of a refused write, for single writes and transactions alike;
- transactions that keep the order of their writes, so that the first failed condition in that order decides the error;
- bounded retries with jitter of conflicts, and of what a batch left unprocessed.

Every partition key begins with the account (see `partition`). The exceptions are items that exist before an account is
known: the owner of an email, the rate limit of an address, and a mail that was requested by address.
"""

import time
import uuid
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import Future
from dataclasses import dataclass
from typing import Any, Final, Literal, NamedTuple, TypeVar

from botocore.exceptions import ClientError
from pynamodb.expressions.condition import Condition
from pynamodb.expressions.operand import Path
from pynamodb.expressions.update import Action

from keel.storage import clients
from keel.storage.calls import attributes_of, dispatch, key_of, pauses, request_for, response_of, table_name, unwrapped
from keel.storage.connection import table_connection
from keel.storage.models import AttributeMap, Item, Key, from_attributes

M = TypeVar("M", bound=Item)
OnFailure = Callable[[Any], Exception]
"""Returns the exception to raise for a failed condition. The argument is the stored item, None if there is none."""

TRANSACTION_LIMIT: Final = 100  # writes in one TransactWriteItems
READ_LIMIT: Final = 100  # keys in one BatchGetItem
WRITE_LIMIT: Final = 25  # requests in one BatchWriteItem
PK_BYTES: Final = 2_048
HIGHEST: Final = "\U0010ffff"  # sorts after whatever is stored

_SK: Final = Path("sk")
_EXISTS: Final = Path("pk").exists()
_RETRYABLE: Final = frozenset({"TransactionConflict", "ThrottlingError", "ProvisionedThroughputExceeded"})


class ConditionFailed(Exception):
    """The condition of a write did not hold. `item` is the stored item, None if there is none."""

    def __init__(self, item: Any) -> None:
        self.item = item
        super().__init__("condition failed")


class RetriesExhausted(Exception):
    """DynamoDB kept refusing a call, because of throttling or conflicts, until the last retry."""


def partition(account_id: str, name: str) -> str:
    """The partition key of an account's items that `name` names: `"…#contact"`."""
    return f"{account_id}#{name}"


def raise_(error: Exception) -> OnFailure:
    """For `on_failure`: this error, whatever is stored."""
    return lambda _item: error


# --- Reads ------------------------------------------------------------------------------------------


def get(model: type[M], key: Key) -> M | None:
    """The item under a key as the last acknowledged write left it, None if there is none."""
    response = dispatch("GetItem", TableName=table_name(), Key=attributes_of(key), ConsistentRead=True)
    return model.from_raw_data(response["Item"]) if "Item" in response else None


def batch_get(keys: Iterable[Key]) -> dict[Key, Item]:
    """The items that exist under these keys, of any types, as the last acknowledged writes left them.

    More than 100 keys are read in several calls at the same time.
    """
    return {key: from_attributes(attributes) for key, attributes in batch_get_attributes(keys).items()}


def batch_get_attributes(keys: Iterable[Key]) -> dict[Key, AttributeMap]:
    """`batch_get` without models."""
    chunks = _split(list(dict.fromkeys(keys)), READ_LIMIT)
    read = clients.map_concurrently(_batch_get, chunks)
    return {key: attributes for items in read for key, attributes in items.items()}


def _batch_get(keys: Sequence[Key]) -> dict[Key, AttributeMap]:
    table = table_name()
    requested: dict[str, Any] = {table: {"Keys": [attributes_of(key) for key in keys], "ConsistentRead": True}}
    items: dict[Key, AttributeMap] = {}
    for pause in pauses():
        response = dispatch("BatchGetItem", RequestItems=requested)
        for attributes in response["Responses"].get(table, ()):
            items[key_of(attributes)] = attributes
        requested = response.get("UnprocessedKeys", {})
        if not requested:
            return items
        time.sleep(pause)
    raise RetriesExhausted("BatchGetItem")


class AttributesPage(NamedTuple):
    """A page of a partition as attribute maps; `more` tells whether the partition goes on."""

    items: list[AttributeMap]
    more: bool


class Page(NamedTuple):
    """A page of a partition; `more` tells whether the partition goes on."""

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

    `begins` is a prefix of `sk`, `between` its lowest and highest value. `after` and `before` are exclusive bounds.
    At most one of the four is used. DynamoDB ends a page at `limit` items or at 1 MB.
    """
    page = query_attributes(
        pk, begins=begins, between=between, after=after, before=before, newest_first=newest_first, limit=limit
    )
    return Page([from_attributes(attributes) for attributes in page.items], page.more)


def query_attributes(
    pk: str,
    *,
    begins: str = "",
    between: tuple[str, str] | None = None,
    after: str = "",
    before: str = "",
    newest_first: bool = False,
    limit: int | None = None,
) -> AttributesPage:
    """`query` without models, for index entries, which a search reads by the hundred."""
    condition: Condition | None = None
    if begins:
        # Not begins_with: for that, DynamoDB Local reads the whole partition.
        between = (begins, begins + HIGHEST)
    if between:
        condition = _SK.between(*between)
    elif after:
        condition = after < _SK
    elif before:
        condition = before > _SK
    response = unwrapped(
        lambda: table_connection().query(
            pk,
            condition,
            consistent_read=True,
            limit=limit,
            scan_index_forward=not newest_first,
            return_consumed_capacity="NONE",
        )
    )
    return AttributesPage(response["Items"], "LastEvaluatedKey" in response)


def iterate(pk: str, *, begins: str = "") -> Iterator[Item]:
    """Every item of a partition, or of a prefix in it, in the order of `sk`; for small sets."""
    page = query(pk, begins=begins)
    yield from page.items
    while page.more:
        page = query(pk, between=(page.items[-1].sk + "\0", begins + HIGHEST))
        yield from page.items


def scan_attributes(model: type[Item], *, after: Key | None, limit: int) -> tuple[list[AttributeMap], Key | None]:
    """Items of a type, of all accounts, among the next `limit` items of the table, for scheduled jobs.

    Also returns the key to continue after, None at the end of the table.
    """
    start: Any = attributes_of(after) if after else None  # typed as str, but the whole key is needed and taken
    response = unwrapped(
        lambda: table_connection().scan(
            Path("kind") == Item.item_type.get_discriminator(model),
            limit=limit,
            exclusive_start_key=start,
            return_consumed_capacity="NONE",
        )
    )
    last = response.get("LastEvaluatedKey")
    return response["Items"], key_of(last) if last else None


# --- Writes -----------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Write:
    """One write, for `write` or as part of a transaction.

    `load` makes an item of the stored attributes. A failed condition raises what `on_failure` returns, or
    `ConditionFailed`.
    """

    action: Literal["Put", "Update", "Delete", "ConditionCheck"]
    request: dict[str, Any]
    load: Callable[[AttributeMap], Any]
    on_failure: OnFailure | None = None

    def error(self, attributes: AttributeMap | None) -> Exception:
        item = self.load(attributes) if attributes else None
        return self.on_failure(item) if self.on_failure else ConditionFailed(item)


def put(item: Item, condition: Condition | None = None, *, on_failure: OnFailure | None = None) -> Write:
    """Store an item.

    If the model has a version attribute, the stored version must be the one that the item was read with, and the
    stored item gets the next one.
    """
    request = item.get_save_kwargs_from_instance(condition, "ALL_OLD")
    return Write("Put", request, type(item).from_raw_data, on_failure)


def put_attributes(attributes: AttributeMap) -> Write:
    """Store an attribute map, unconditionally."""
    return Write("Put", {"TableName": table_name(), "Item": attributes}, from_attributes)


def update(
    model: type[Item],
    key: Key,
    actions: Sequence[Action],
    condition: Condition | None = _EXISTS,
    *,
    on_failure: OnFailure | None = None,
) -> Write:
    """Change attributes of an item by update actions such as `User.name.set("Ada")`.

    The item must exist unless there is another condition, or None.
    """
    return Write("Update", request_for(key, condition, actions), model.from_raw_data, on_failure)


def delete(
    model: type[Item], key: Key, condition: Condition | None = None, *, on_failure: OnFailure | None = None
) -> Write:
    """Delete an item."""
    return Write("Delete", request_for(key, condition), model.from_raw_data, on_failure)


def check(model: type[Item], key: Key, condition: Condition = _EXISTS, *, on_failure: OnFailure | None = None) -> Write:
    """Change nothing, but let the transaction stand only if the condition holds."""
    return Write("ConditionCheck", request_for(key, condition), model.from_raw_data, on_failure)


def commit(*writes: Write) -> None:
    """Carry out all of these writes, or none.

    Raises the error of the first write, in the order given, whose condition does not hold, and `RetriesExhausted` when
    conflicts with other transactions do not end.
    """
    if len(writes) == 1:
        write(writes[0])
    else:
        transact(*writes)


def transact(*writes: Write) -> None:
    """`commit` as a transaction even for one write, at twice the price.

    Its token makes it safe to send again: a transaction whose response was lost does not meet its own change.
    """
    actions = [{each.action: {"ReturnValuesOnConditionCheckFailure": "ALL_OLD", **each.request}} for each in writes]
    for pause in pauses():
        try:
            dispatch("TransactWriteItems", TransactItems=actions, ClientRequestToken=str(uuid.uuid4()))
        except ClientError as error:
            reasons = response_of(error).get("CancellationReasons", [])
            for each, reason in zip(writes, reasons, strict=False):
                if reason.get("Code") == "ConditionalCheckFailed":
                    raise each.error(reason.get("Item")) from None
            if not any(reason.get("Code") in _RETRYABLE for reason in reasons):
                raise
        else:
            return
        time.sleep(pause)
    raise RetriesExhausted("TransactWriteItems")


def write(write: Write, *, returning: Literal["NONE", "ALL_NEW", "ALL_OLD"] = "NONE") -> Any:
    """Carry out one write at half a transaction's price.

    Returns the item as it is after the write (`ALL_NEW`) or was before it (`ALL_OLD`), if asked to and if there is one.
    """
    if write.action == "ConditionCheck":
        raise ValueError("a condition check by itself changes nothing")
    for pause in pauses():
        request = {"ReturnValuesOnConditionCheckFailure": "ALL_OLD", **write.request, "ReturnValues": returning}
        try:
            response = dispatch(f"{write.action}Item", **request)
        except ClientError as error:
            code = error.response["Error"]["Code"]
            if code == "ConditionalCheckFailedException":
                raise write.error(response_of(error).get("Item")) from None
            if code != "TransactionConflictException":
                raise
        else:
            attributes = response.get("Attributes")
            return write.load(attributes) if attributes else None
        time.sleep(pause)
    raise RetriesExhausted(write.action)


def batch_write(puts: Iterable[AttributeMap] = (), deletes: Iterable[Key] = ()) -> None:
    """Store and delete any number of items, unconditionally and not as one; for what may be repeated.

    No key may occur twice. More than 25 items are written in several calls at the same time.
    """
    clients.map_concurrently(_batch_write, _split(_write_requests(puts, deletes), WRITE_LIMIT))


def begin_batch_write(puts: Iterable[AttributeMap]) -> list[Future[None]]:
    """`batch_write` that returns at once. The caller waits for the futures."""
    chunks = _split(_write_requests(puts, ()), WRITE_LIMIT)
    return [clients.threads().submit(_batch_write, chunk) for chunk in chunks]


def _write_requests(puts: Iterable[AttributeMap], deletes: Iterable[Key]) -> list[dict[str, Any]]:
    requests: list[dict[str, Any]] = [{"PutRequest": {"Item": attributes}} for attributes in puts]
    return requests + [{"DeleteRequest": {"Key": attributes_of(key)}} for key in deletes]


def _batch_write(requests: list[dict[str, Any]]) -> None:
    table = table_name()
    for pause in pauses():
        requests = dispatch("BatchWriteItem", RequestItems={table: requests}).get("UnprocessedItems", {}).get(table)
        if not requests:
            return
        time.sleep(pause)
    raise RetriesExhausted("BatchWriteItem")


def _split(elements: list[Any], size: int) -> list[list[Any]]:
    return [elements[start : start + size] for start in range(0, len(elements), size)]
