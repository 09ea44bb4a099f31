"""Parse the responses of DynamoDB's Query and BatchGetItem with `json.loads` instead of botocore's parser.

A response of these operations in JSON has the shape that botocore returns. botocore's parser walks it by the service
model, which takes most of the CPU time of a large read. The hook uses botocore's event `before-parse`. Without the
event, botocore parses by itself, with the same result. Values of the types B and BS, which Keel does not store, would
not be decoded.
"""

import json
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from botocore.hooks import BaseEventHooks

_OPERATIONS: Final = ("Query", "BatchGetItem")
_SUCCESS: Final = 200


def register(events: "BaseEventHooks") -> None:
    """Register the hook on the events of a DynamoDB client."""
    for operation in _OPERATIONS:
        events.register(f"before-parse.dynamodb.{operation}", _parse)


def _parse(response_dict: dict[str, Any], customized_response_dict: dict[str, Any], **_rest: object) -> None:
    if response_dict["status_code"] == _SUCCESS:
        customized_response_dict.update(json.loads(response_dict["body"]))
        response_dict["body"] = b"{}"
