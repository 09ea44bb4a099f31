"""Build the event that API Gateway passes to a function, and read the function's response."""

import base64
import copy
import itertools
import json
import uuid
from dataclasses import dataclass
from typing import Any, Final

from botocore.awsrequest import HeadersDict

import template

EVENT: Final = json.loads((template.ROOT / "events/api/operation.json").read_text())


@dataclass(frozen=True)
class Answer:
    """What a client receives; `body` is the whole JSON, and names of headers are found in any case."""

    status: int
    body: Any
    headers: HeadersDict

    @property
    def result(self) -> Any:
        assert self.body["ok"] is True, self.body
        return self.body["result"]

    @property
    def code(self) -> str | None:
        """The error's code, None where there is no error."""
        return None if self.body["ok"] else self.body["error"]["code"]


@dataclass(frozen=True)
class Session:
    """Somebody who is logged in."""

    token: str
    refresh_token: str
    user: dict[str, Any]
    password: str

    @property
    def account_id(self) -> str:
        return str(self.user["account_id"])


_addresses = itertools.count(1)


def fresh_address() -> str:
    """A source address that no other test uses: the buckets of public operations lie on them."""
    number = next(_addresses)
    return f"198.18.{number >> 8 & 255}.{number & 255}"


def request_event(
    operation: str,
    body: Any = None,
    *,
    token: str | None = None,
    headers: dict[str, str] | None = None,
    raw: str | bytes | None = None,
    method: str = "POST",
    address: str,
) -> dict[str, Any]:
    """The event of `<method> /api/<operation>`; an operation that begins with "/" is a path of its own.

    `body` is sent as JSON, `raw` as it is; bytes travel as the gateway sends what is binary.
    """
    path = operation if operation.startswith("/") else f"/api/{operation}"
    event: dict[str, Any] = copy.deepcopy(EVENT)
    event |= {"path": path, "resource": path, "httpMethod": method}
    event["headers"] |= {"X-Forwarded-For": address, **(headers or {})}
    if token is not None:
        event["headers"]["Authorization"] = f"Bearer {token}"
    event["multiValueHeaders"] = {name: [value] for name, value in event["headers"].items()}
    context = {"path": f"/v1{path}", "resourcePath": path, "httpMethod": method, "requestId": str(uuid.uuid4())}
    event["requestContext"] |= context
    event["requestContext"]["identity"]["sourceIp"] = address
    if isinstance(raw, bytes):
        event |= {"body": base64.b64encode(raw).decode(), "isBase64Encoded": True}
    elif raw is not None:
        event["body"] = raw
    else:
        event["body"] = None if body is None else json.dumps(body)
    return event


def answer_of(response: dict[str, Any]) -> Answer:
    """What the gateway makes of a handler's response. It rejects any other keys and types."""
    assert response.keys() <= {"statusCode", "headers", "multiValueHeaders", "body", "isBase64Encoded"}
    assert isinstance(response["statusCode"], int)
    assert isinstance(response["body"], str)
    values = response["multiValueHeaders"]
    # Keel sends no header twice.
    assert all(len(value) == 1 and isinstance(value[0], str) for value in values.values())
    assert not response.get("headers")
    headers = HeadersDict({name: value for name, [value] in values.items()})
    text = base64.b64decode(response["body"]).decode() if response.get("isBase64Encoded") else response["body"]
    is_json = headers["Content-Type"].startswith("application/json")
    return Answer(response["statusCode"], json.loads(text) if is_json else text, headers)
