"""Send DynamoDB calls, signed by botocore, over http.client; fall back to botocore when that fails."""

import json
import random
import socket
import ssl
import time
import zlib
from collections import deque
from functools import cache
from http.client import HTTPConnection, HTTPException, HTTPSConnection
from threading import Lock
from types import SimpleNamespace
from typing import Any, Final
from urllib.parse import urlsplit

from botocore import xform_name
from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.exceptions import ClientError
from botocore.httpsession import get_cert_path
from botocore.utils import get_environ_proxies
from urllib3.util.wait import wait_for_read

from keel.logs import logger
from keel.storage import clients

_HEADERS: Final = {"Content-Type": "application/x-amz-json-1.0", "User-Agent": "keel"}
_VERSION: Final = "DynamoDB_20120810"
_SUCCESS: Final = 200
_REFUSALS: Final = frozenset(
    {"ConditionalCheckFailedException", "TransactionCanceledException", "TransactionConflictException"}
)

_PAUSE_SECONDS: Final = 0.05  # at most; botocore's own come after its first try

_encoded: Final = json.JSONEncoder(separators=(",", ":")).encode
_making: Final = Lock()

Answer = dict[str, Any]


def call(operation: str, **asked: Any) -> Answer:
    """The answer to a call of `GetItem`, for example; raises botocore's `ClientError`."""
    return send(operation, _encoded(asked))


def send(operation: str, body: str) -> Answer:
    """The same for a request that is JSON already."""
    answer = _sender().send(operation, body)
    if answer is None:
        answer = getattr(clients.client("dynamodb"), xform_name(operation))(**json.loads(body))
    return answer


def _sender() -> "_Sender":
    with _making:  # or each of the first calls at once would make one
        return _made()


@cache
def _made() -> "_Sender":
    return _Sender()


class _Sender:
    def __init__(self) -> None:
        self._client = clients.client("dynamodb")
        self._url, self._region = f"{self._client.meta.endpoint_url.rstrip('/')}/", self._client.meta.region_name
        self._host = urlsplit(self._url).netloc
        self._credentials = clients.credentials()
        config = self._client.meta.config
        self._timeouts = {"timeout": config.connect_timeout, "patience": config.read_timeout}
        self._is_for_botocore = bool(get_environ_proxies(self._url)) or self._credentials is None
        self._idle: deque[_Connection] = deque()

    def send(self, operation: str, body: str) -> Answer | None:
        """The answer, None for one that botocore has to see to."""
        asked: dict[str, Any] = {"headers": {**_HEADERS, "X-Amz-Target": f"{_VERSION}.{operation}"}, "body": body}
        heard = self._emit("before-call", operation, params=asked, request_signer=None)
        given = next((answer for _, answer in heard if answer), None) or self._exchange(**asked)
        if given is None:
            return None
        http, parsed = given
        if http.status_code != _SUCCESS and "Error" not in parsed:
            code = parsed.pop("__type", "").rpartition("#")[2]
            if code not in _REFUSALS:
                logger.warning("sent again", operation=operation, status=http.status_code, reason=code)
                time.sleep(random.SystemRandom().uniform(0, _PAUSE_SECONDS))
                return None
            parsed["Error"] = {"Code": code, "Message": parsed.pop("message", None) or parsed.pop("Message", "")}
        self._emit("after-call", operation, http_response=http, parsed=parsed)
        if http.status_code != _SUCCESS:
            raise ClientError(parsed, operation)  # type: ignore[arg-type] # its own shape, as was parsed
        return parsed

    def _emit(self, event: str, operation: str, **more: Any) -> list[tuple[Any, Any]]:
        meta = self._client.meta
        model = meta.service_model.operation_model(operation)
        name = f"{event}.dynamodb.{operation}"
        found: list[tuple[Any, Any]] = meta.events.emit(name, model=model, context={}, **more)
        return found

    def _exchange(self, headers: dict[str, str], body: str) -> tuple[Any, Answer] | None:
        if self._is_for_botocore:
            return None
        request = AWSRequest("POST", self._url, {**headers, "Host": self._host}, data=body.encode())
        SigV4Auth(self._credentials.get_frozen_credentials(), "dynamodb", self._region).add_auth(request)
        connection = self._open()
        try:
            connection.request("POST", "/", request.data, dict(request.headers))
            answer = connection.getresponse()
            found = SimpleNamespace(status_code=answer.status), _read(answer.read(), answer.getheader("x-amz-crc32"))
        except (HTTPException, OSError, ValueError) as error:
            connection.close()
            logger.info("sent again", target=headers["X-Amz-Target"], reason=repr(error))
            return None
        if connection.sock is not None:  # the answer may have been the last on its connection
            self._idle.append(connection)
        return found

    def _open(self) -> "_Connection":
        """A connection that nobody uses and that was not closed meanwhile, else a new one."""
        while True:
            try:
                connection = self._idle.pop()
            except IndexError:
                return self._opened()
            if not wait_for_read(connection.sock, timeout=0):
                return connection
            connection.close()

    def _opened(self) -> "_Connection":
        address = urlsplit(self._url)
        named: dict[str, Any] = {"host": address.hostname, "port": address.port, **self._timeouts}
        return _Secure(**named, context=_trusting()) if address.scheme == "https" else _Connection(**named)


class _Connection(HTTPConnection):
    """Sends a request in one piece, of which http.client makes two: calls of the system, packets, records of TLS."""

    def __init__(self, *address: Any, patience: float, **more: Any) -> None:
        """`timeout` is for connecting, `patience` for the answer, both in seconds."""
        super().__init__(*address, **more)
        self._patience = patience
        self._pieces: list[bytes] = []

    def connect(self) -> None:
        super().connect()
        self.sock.settimeout(self._patience)
        self.sock.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)

    def request(self, *asked: Any, **more: Any) -> None:
        super().request(*asked, **more)
        whole, self._pieces = b"".join(self._pieces), []
        super().send(whole)

    def send(self, data: Any) -> None:
        self._pieces.append(data)


class _Secure(_Connection, HTTPSConnection):
    """The same over TLS."""


def _read(content: bytes, checksum: str | None) -> Answer:
    if checksum is not None and int(checksum) != zlib.crc32(content):
        raise ValueError("the answer is not what was sent")
    parsed = json.loads(content)
    if not isinstance(parsed, dict):
        raise ValueError("the answer is no object")
    return parsed


@cache
def _trusting() -> ssl.SSLContext:
    return ssl.create_default_context(cafile=get_cert_path(clients.trusted()))
