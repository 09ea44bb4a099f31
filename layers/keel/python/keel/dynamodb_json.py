"""How do requests and answers get through botocore at the price of JSON? By its events, and only if that holds.

DynamoDB's JSON has the very shape that botocore wants and gives, yet botocore takes every value apart by the
model of the service: most of the CPU of a query. For the operations on items, requests are written and answers
read by `json` alone. It relies on the order in which botocore calls its handlers, so a client is tried out on a
canned answer first, and left as it is when anything comes out differently. Errors always take botocore's way.
Values of the types B and BS are not converted: `keel.attributes` knows none.
"""

import json
from collections.abc import Callable
from typing import Any, Final

from botocore.awsrequest import AWSResponse, HeadersDict
from botocore.exceptions import BotoCoreError

from keel.logs import logger

OPERATIONS: Final = (
    "BatchGetItem",
    "DeleteItem",
    "GetItem",
    "PutItem",
    "Query",
    "Scan",
    "TransactWriteItems",
    "UpdateItem",
)
_REQUEST: Final = "keel_request"
_SUCCESS: Final = 200

_ITEM: Final = {"pk": {"S": "é"}, "n": {"N": "1"}, "l": {"L": [{"M": {"b": {"BOOL": True}}}, {"NULL": True}]}}


def pass_through(client: Any) -> bool:
    """Let the item operations of a client of DynamoDB through; False, and nothing is changed, where that fails.

    The client is one without parameter validation, which would look for what is set aside.
    """
    events = client.meta.events
    handlers: dict[str, Callable[..., None]] = {
        "before-parameter-build": _set_aside,
        "before-call": _write,
        "before-parse": _read,
    }
    for operation in OPERATIONS:
        for event, handler in handlers.items():
            events.register_last(f"{event}.dynamodb.{operation}", handler)
    if _holds(client):
        return True
    for operation in OPERATIONS:
        for event, handler in handlers.items():
            events.unregister(f"{event}.dynamodb.{operation}", handler)
    logger.warning("dynamodb_json does not fit this botocore: every call costs more")
    return False


def _set_aside(params: dict[str, Any], context: dict[str, Any], **_rest: Any) -> None:
    """Leave botocore nothing to serialize, but what it looks for when it resolves the endpoint."""
    context[_REQUEST] = dict(params)
    wanted = {"TableName": params["TableName"]} if "TableName" in params else {}
    if "RequestItems" in params:
        wanted["RequestItems"] = {}
    params.clear()
    params |= wanted


def _write(params: dict[str, Any], context: dict[str, Any], **_rest: Any) -> None:
    # What is serialized already came after these parameters were set aside: the token that lets a transaction be sent
    # again when its answer was lost.
    request = json.loads(params["body"]) | context.pop(_REQUEST)
    params["body"] = json.dumps(request, separators=(",", ":")).encode()


def _read(response_dict: dict[str, Any], customized_response_dict: dict[str, Any], **_rest: Any) -> None:
    """Read the answer, and leave botocore nothing to parse."""
    if response_dict["status_code"] == _SUCCESS:
        customized_response_dict |= json.loads(response_dict["body"])
        response_dict["body"] = b"{}"


def _holds(client: Any) -> bool:
    """Whether a call sends what it should and gives what was answered; nothing leaves this process."""
    asked = {"RequestItems": {"t": {"Keys": [_ITEM]}}}
    answered = {"Responses": {"t": [_ITEM, _ITEM]}, "UnprocessedKeys": {}}
    headers: Any = HeadersDict({"x-amzn-requestid": "r"})
    sent: list[Any] = []

    def answer(request: Any, **_rest: Any) -> AWSResponse:
        sent.append(json.loads(request.body))
        return AWSResponse(request.url, _SUCCESS, headers, _Canned(json.dumps(answered).encode()))

    client.meta.events.register_first("before-send.dynamodb.BatchGetItem", answer)
    try:
        given = client.batch_get_item(**asked)
    except (BotoCoreError, LookupError, TypeError, ValueError):
        return False
    finally:
        client.meta.events.unregister("before-send.dynamodb.BatchGetItem", answer)
    metadata = given.pop("ResponseMetadata", {})
    return sent == [asked] and given == answered and metadata.get("HTTPStatusCode") == _SUCCESS


class _Canned:
    """The body of an answer that came over no wire."""

    def __init__(self, content: bytes) -> None:
        self._content = content

    def stream(self) -> list[bytes]:
        return [self._content]
