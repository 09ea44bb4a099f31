"""Do calls that pass through send and give what botocore's own would, and does one that fails change nothing?"""

import functools
import json
from collections.abc import Callable
from typing import Any

import pytest
from botocore.awsrequest import AWSResponse, HeadersDict
from botocore.config import Config
from botocore.session import get_session

from keel import dynamodb_json

ITEM = {
    "pk": {"S": "é\u2028\U0001f642"},
    "n": {"N": "123456789012345678901234567890"},
    "yes": {"BOOL": True},
    "nothing": {"NULL": True},
    "l": {"L": [{"S": ""}, {"M": {"deep": {"L": []}}}]},
}
KEY = {"pk": {"S": "a"}, "sk": {"S": "b"}}
CALLS: list[tuple[str, dict[str, Any], dict[str, Any]]] = [
    ("get_item", {"TableName": "t", "Key": KEY, "ConsistentRead": True}, {"Item": ITEM}),
    ("get_item", {"TableName": "t", "Key": KEY}, {}),
    ("query", {"TableName": "t", "Limit": 2}, {"Items": [ITEM, ITEM], "Count": 2, "LastEvaluatedKey": KEY}),
    ("batch_get_item", {"RequestItems": {"t": {"Keys": [KEY]}}}, {"Responses": {"t": [ITEM]}, "UnprocessedKeys": {}}),
    ("put_item", {"TableName": "t", "Item": ITEM}, {"Attributes": ITEM}),
    ("update_item", {"TableName": "t", "Key": KEY, "UpdateExpression": "SET a = b"}, {"Attributes": ITEM}),
    ("delete_item", {"TableName": "t", "Key": KEY}, {}),
    (
        "transact_write_items",
        {"TransactItems": [{"Put": {"TableName": "t", "Item": ITEM}}], "ClientRequestToken": "token"},
        {},
    ),
]


class Body:
    def __init__(self, content: bytes) -> None:
        self._content = content

    def stream(self) -> list[bytes]:
        return [self._content]


@functools.cache
def _session() -> Any:
    return get_session()


def made() -> Any:
    config = Config(region_name="eu-west-1", parameter_validation=False)
    return _session().create_client("dynamodb", endpoint_url="http://127.0.0.1:1", config=config)


def exchange(client: Any, operation: str, asked: dict[str, Any], status: int, answered: Any) -> tuple[Any, Any, Any]:
    """What a call sends, the headers it sends it with, and what it gives."""
    received: Any = HeadersDict({"x-amzn-requestid": "r"})
    sent: list[Any] = []

    def answer(request: Any, **_rest: Any) -> AWSResponse:
        sent.append(request)
        return AWSResponse(request.url, status, received, Body(json.dumps(answered).encode()))

    client.meta.events.register_first("before-send.dynamodb", answer)
    try:
        given = getattr(client, operation)(**asked)
    except client.exceptions.ClientError as error:
        given = (type(error).__name__, error.response)
    finally:
        client.meta.events.unregister("before-send.dynamodb", answer)
    headers = {name: value for name, value in sent[-1].headers.items() if name in ("X-Amz-Target", "Content-Type")}
    return json.loads(sent[-1].body), headers, given


@pytest.mark.parametrize(("operation", "asked", "answered"), CALLS)
def test_a_call_sends_and_gives_what_botocore_would(
    operation: str, asked: dict[str, Any], answered: dict[str, Any]
) -> None:
    stock, quick = made(), made()
    assert dynamodb_json.pass_through(quick)
    assert exchange(quick, operation, asked, 200, answered) == exchange(stock, operation, asked, 200, answered)


def test_a_transaction_bears_a_token_by_which_it_can_be_sent_again() -> None:
    client = made()
    assert dynamodb_json.pass_through(client)
    asked = {"TransactItems": [{"Put": {"TableName": "t", "Item": ITEM}}]}
    (first, _, _), (second, _, _) = (exchange(client, "transact_write_items", asked, 200, {}) for _ in range(2))
    assert first.pop("ClientRequestToken") != second.pop("ClientRequestToken")
    assert first == second == asked


def test_a_refusal_is_the_same_exception() -> None:
    stock, quick = made(), made()
    assert dynamodb_json.pass_through(quick)
    refused = {"__type": "com.amazonaws.dynamodb.v20120810#ConditionalCheckFailedException", "Item": ITEM}
    asked = {"TableName": "t", "Item": ITEM}
    ours, theirs = (exchange(client, "put_item", asked, 400, refused) for client in (quick, stock))
    assert ours == theirs
    assert ours[2][0] == "ConditionalCheckFailedException"


@pytest.mark.parametrize(
    ("handler", "broken"),
    [
        ("_read", lambda response_dict, **_rest: response_dict.update(body=b"{}")),
        ("_write", lambda **_rest: None),
        ("_set_aside", lambda **_rest: None),
    ],
)
def test_a_client_that_it_does_not_fit_is_left_as_it_was(
    handler: str, broken: Callable[..., None], monkeypatch: pytest.MonkeyPatch
) -> None:
    stock, client = made(), made()
    monkeypatch.setattr(dynamodb_json, handler, broken)
    assert not dynamodb_json.pass_through(client)
    for operation, asked, answered in CALLS:
        assert exchange(client, operation, asked, 200, answered) == exchange(stock, operation, asked, 200, answered)
