"""How are many items stored at the least cost? By BatchWriteItem, signed by botocore and sent by http.client.

An import makes such a call for every other row, and botocore's other layers cost twice as much as signing and
sending. What is not answered as it should be goes botocore's way, which knows errors and retries: puts and deletes
without a condition may be repeated. Whoever listens to the client's calls hears of these as of all others.
"""

import json
import ssl
from collections import deque
from functools import cache
from http.client import HTTPConnection, HTTPException, HTTPSConnection
from threading import Lock
from types import SimpleNamespace
from typing import Any, Final
from urllib.parse import urlsplit

from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.httpsession import get_cert_path
from botocore.utils import get_environ_proxies
from urllib3.util.wait import wait_for_read

from keel import aws

_OPERATION: Final = "BatchWriteItem"
_SUCCESS: Final = 200
_making: Final = Lock()

_HEADERS: Final = {"X-Amz-Target": f"DynamoDB_20120810.{_OPERATION}", "Content-Type": "application/x-amz-json-1.0"}


def write(table: str, requests: list[str]) -> list[str]:
    """Carry out up to 25 requests, as JSON; gives those that were not processed."""
    body = f'{{"RequestItems":{{"{table}":[{",".join(requests)}]}}}}'
    answer = _sender().send(body)
    if answer is None:
        answer = aws.client("dynamodb").batch_write_item(**json.loads(body))
    return [json.dumps(each) for each in answer.get("UnprocessedItems", {}).get(table, ())]


def _sender() -> "_Sender":
    with _making:  # or each of the first calls at once would make one
        return _made()


@cache
def _made() -> "_Sender":
    return _Sender()


class _Sender:
    def __init__(self) -> None:
        client = aws.client("dynamodb")
        self._url, self._region = f"{client.meta.endpoint_url.rstrip('/')}/", client.meta.region_name
        self._events, self._model = client.meta.events, client.meta.service_model.operation_model(_OPERATION)
        self._credentials = aws.credentials()
        self._timeout = client.meta.config.read_timeout
        self._is_behind_proxy = bool(get_environ_proxies(self._url))
        self._idle: deque[HTTPConnection] = deque()

    def send(self, body: str) -> dict[str, Any] | None:
        """The answer, None for any but a success."""
        asked: dict[str, Any] = {"headers": dict(_HEADERS), "body": body}
        answers = self._emit("before-call", params=asked, request_signer=None)
        given = next((answer for _, answer in answers if answer), None) or self._exchange(**asked)
        if given is None or given[0].status_code != _SUCCESS:
            return None
        http, parsed = given
        self._emit("after-call", http_response=http, parsed=parsed)
        return parsed

    def _emit(self, event: str, **more: Any) -> list[tuple[Any, Any]]:
        found: list[tuple[Any, Any]] = self._events.emit(
            f"{event}.dynamodb.{_OPERATION}", model=self._model, context={}, **more
        )
        return found

    def _exchange(self, headers: dict[str, str], body: str) -> tuple[Any, dict[str, Any]] | None:
        if self._is_behind_proxy:
            return None
        request = AWSRequest("POST", self._url, headers, data=body.encode())
        SigV4Auth(self._credentials.get_frozen_credentials(), "dynamodb", self._region).add_auth(request)
        connection = self._open()
        try:
            connection.request("POST", "/", request.data, dict(request.headers))
            answer = connection.getresponse()
            found = SimpleNamespace(status_code=answer.status), json.loads(answer.read())
        except (HTTPException, OSError, ValueError):
            connection.close()
            return None
        if connection.sock is not None:  # the answer may have been the last on its connection
            self._idle.append(connection)
        return found

    def _open(self) -> HTTPConnection:
        """A connection that nobody uses and that was not closed meanwhile, else a new one."""
        while True:
            try:
                connection = self._idle.pop()
            except IndexError:
                return self._opened()
            if not wait_for_read(connection.sock, timeout=0):
                return connection
            connection.close()

    def _opened(self) -> HTTPConnection:
        address = urlsplit(self._url)
        named: dict[str, Any] = {"host": address.hostname, "port": address.port, "timeout": self._timeout}
        return HTTPSConnection(**named, context=_trusting()) if address.scheme == "https" else HTTPConnection(**named)


@cache
def _trusting() -> ssl.SSLContext:
    return ssl.create_default_context(cafile=get_cert_path(aws.trusted()))
