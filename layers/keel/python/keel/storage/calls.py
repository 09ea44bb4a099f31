"""Send single calls to DynamoDB through PynamoDB's connection, and unwrap its errors."""

import random
from collections.abc import Callable, Iterator, Sequence
from typing import Any, Final

from botocore.exceptions import ClientError
from pynamodb.exceptions import PynamoDBException
from pynamodb.expressions.condition import Condition
from pynamodb.expressions.update import Action

from keel.storage.connection import table_connection
from keel.storage.models import AttributeMap, Key

_ATTEMPTS: Final = 8


def key_of(attributes: AttributeMap) -> Key:
    """The key of an attribute map."""
    return Key(attributes["pk"]["S"], attributes["sk"]["S"])


def attributes_of(key: Key) -> AttributeMap:
    return {"pk": {"S": key.pk}, "sk": {"S": key.sk}}


def table_name() -> str:
    return str(table_connection().table_name)


def request_for(key: Key, condition: Condition | None, actions: Sequence[Action] | None = None) -> dict[str, Any]:
    request: dict[str, Any] = table_connection().get_operation_kwargs(
        key.pk, range_key=key.sk, actions=actions, condition=condition
    )
    return request


def dispatch(operation: str, **request: Any) -> dict[str, Any]:
    # PynamoDB asks for the consumed capacity of every call unless told not to.
    response: dict[str, Any] = table_connection().connection.dispatch(
        operation, {"ReturnConsumedCapacity": "NONE", **request}
    )
    return response


def unwrapped(call: Callable[[], dict[str, Any]]) -> dict[str, Any]:
    """The response of a call; raises botocore's error as `_dispatch` does, instead of PynamoDB's wrapper around it."""
    try:
        return call()
    except PynamoDBException as error:
        raise (error.cause or error) from None


def response_of(error: ClientError) -> dict[str, Any]:
    """The whole error response. PynamoDB's error has only a part of it; the original is its cause."""
    original = error.__cause__ if isinstance(error.__cause__, ClientError) else error
    return dict(original.response)


def pauses() -> Iterator[float]:
    """Seconds to wait after each attempt: full jitter below a bound that doubles."""
    jitter = random.SystemRandom()  # a seeded state would be the same in every copy that SnapStart makes
    for attempt in range(_ATTEMPTS):
        yield jitter.uniform(0, min(0.02 * 2**attempt, 1.0))
