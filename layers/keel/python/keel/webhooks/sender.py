"""Send one POST request to an untrusted receiver, and bound what it can do to the sender.

The name is resolved once, and the connection goes to the address that was checked, with the name for TLS and Host.
There are no redirects, proxies, cookies or decompression. At most 64 KB of the response are read. One deadline covers
name resolution, connection, TLS, headers and body together, since no HTTP client for Python limits their sum.
"""

import http.client
import io
import socket
import ssl
import time
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from ipaddress import IPv6Address
from typing import Any, Final

from keel.webhooks import url_policy
from keel.webhooks.url_policy import Address, RejectedUrl, Target, Unresolved

DEADLINE_SECONDS: Final = 10.0
_READ_BYTES: Final = 65_536
_CONNECT_SECONDS: Final = 4.0  # to one address, if there are more to try


@dataclass(frozen=True)
class Outcome:
    """How an attempt ended. `status` is None without a response. `error` is "" after a 2xx status."""

    status: int | None
    error: str
    milliseconds: int
    retry_after: str = ""

    @property
    def succeeded(self) -> bool:
        return not self.error


class _ResponseTooLong(Exception):
    """The response is longer than what is read of one."""


def post(url: str, body: bytes, headers: Mapping[str, str], *, seconds: float = DEADLINE_SECONDS) -> Outcome:
    """Send `body` to `url`. Whatever the receiver does, the result is an outcome, within `seconds`."""
    started = time.monotonic()
    status, error, retry_after = None, "", ""
    try:
        status, retry_after, ended = _exchange(url_policy.parse(url), body, headers, started + seconds)
        if not ended:
            raise TimeoutError
        error = "" if 200 <= status < 300 else f"The endpoint returned status {status}."
    except (RejectedUrl, Unresolved) as failure:
        error = str(failure)
    except TimeoutError:
        error = f"There was no complete response within {seconds:g} seconds."
    except ssl.SSLCertVerificationError as failure:
        error = f"The TLS certificate is invalid: {failure.verify_message}."
    except ssl.SSLError:
        error = "The TLS connection failed."
    except (http.client.HTTPException, ValueError, _ResponseTooLong):
        error = "The response was not valid HTTP."
    except OSError as failure:
        error = f"The connection failed: {failure.strerror or type(failure).__name__}."
    return Outcome(status, error, round((time.monotonic() - started) * 1_000), retry_after)


def _exchange(target: Target, body: bytes, headers: Mapping[str, str], deadline: float) -> tuple[int, str, bool]:
    """The status and the Retry-After header of the response, and whether the response ended in time."""
    connection = _connect(target, url_policy.resolve(target, _remaining(deadline)), deadline)
    try:
        if target.scheme == "https":
            connection.settimeout(_remaining(deadline))
            connection = tls_context().wrap_socket(connection, server_hostname=target.host)
        _send(connection, _request(target, body, headers), deadline)
        response = _final_response(ResponseReader(connection, deadline))
        return response.status, response.getheader("Retry-After") or "", _ends_in_time(response)
    finally:
        connection.close()


def _final_response(reader: "ResponseReader") -> http.client.HTTPResponse:
    """The response after interim ones such as 103. `http.client` itself skips only 100."""
    responses: list[http.client.HTTPResponse] = []  # kept until the end: one that is collected closes the reader
    while not responses or 102 <= responses[-1].status < 200:
        responses.append(http.client.HTTPResponse(reader, method="POST"))  # type: ignore[arg-type]
        responses[-1].begin()
    reader.responses = responses
    return responses[-1]


def _ends_in_time(response: http.client.HTTPResponse) -> bool:
    """Read and discard the body. It may be too long or end with an error, but it must end before the deadline.

    A receiver that cannot complete its response may not have processed the event.
    """
    try:
        while response.read(4_096):
            pass
    except TimeoutError:
        return False
    except (OSError, ValueError, http.client.HTTPException, _ResponseTooLong):
        return True
    return True


def _remaining(deadline: float) -> float:
    remaining = deadline - time.monotonic()
    if remaining <= 0:
        raise TimeoutError
    return remaining


def _connect(target: Target, addresses: list[Address], deadline: float) -> socket.socket:
    """A connection to the first address that accepts one."""
    for address in addresses[:-1]:
        try:
            return dial(address, target.port, min(_remaining(deadline), _CONNECT_SECONDS))
        except OSError:
            continue
    return dial(addresses[-1], target.port, _remaining(deadline))


def dial(address: Address, port: int, seconds: float) -> socket.socket:
    family = socket.AF_INET6 if isinstance(address, IPv6Address) else socket.AF_INET
    connection = socket.socket(family, socket.SOCK_STREAM)
    try:
        connection.settimeout(seconds)
        connection.connect((str(address), port))
    except BaseException:
        connection.close()
        raise
    return connection


@cache
def tls_context() -> ssl.SSLContext:
    # Created once, since it reads the system's certificates.
    context = ssl.create_default_context()
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    return context


def _request(target: Target, body: bytes, headers: Mapping[str, str]) -> bytes:
    lines = {
        "Host": target.authority,
        "User-Agent": "Keel-Webhooks",
        "Content-Type": "application/json",
        "Content-Length": str(len(body)),
        "Accept": "*/*",
        "Accept-Encoding": "identity",
        "Connection": "close",
        **headers,
    }
    head = "".join(f"{name}: {value}\r\n" for name, value in lines.items())
    return f"POST {target.path} HTTP/1.1\r\n{head}\r\n".encode("ascii") + body


def _send(connection: socket.socket, data: bytes, deadline: float) -> None:
    # Not sendall: over TLS, its timeout starts again with each part.
    view = memoryview(data)
    while view:
        connection.settimeout(_remaining(deadline))
        view = view[connection.send(view) :]


class ResponseReader(io.RawIOBase):
    """A socket for `http.client` to read from, up to the deadline and the limit of what is read."""

    def __init__(self, connection: socket.socket, deadline: float) -> None:
        self._connection, self._deadline, self._allowed = connection, deadline, _READ_BYTES
        self._buffered = io.BufferedReader(self, buffer_size=4_096)
        self.responses: list[http.client.HTTPResponse] = []

    def makefile(self, _mode: str) -> Any:
        return self._buffered

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        if self._allowed <= 0:
            raise _ResponseTooLong
        self._connection.settimeout(_remaining(self._deadline))
        received = self._connection.recv_into(memoryview(buffer)[: self._allowed])
        self._allowed -= received
        return received
