"""What did the receiver answer? One POST that cannot be turned against its sender.

The name is resolved once and the judged address is dialled, under the name for TLS and Host. There are no
redirects, proxies, cookies or decompression; at most 64 KB of the answer are read; and one deadline covers
name, connection, TLS, headers and body together, since no client of Python's bounds their sum.
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

from keel.webhooks import targets
from keel.webhooks.targets import Address, Refused, Target, Unresolved

DEADLINE_SECONDS: Final = 10.0
_READ_BYTES: Final = 65_536
_CONNECT_SECONDS: Final = 4.0  # to one address, where there are more to try


@dataclass(frozen=True)
class Outcome:
    """How an attempt ended. `status` is None when nothing answered; `error` is "" after a 2xx."""

    status: int | None
    error: str
    milliseconds: int
    retry_after: str = ""

    @property
    def succeeded(self) -> bool:
        return not self.error


class _TooLong(Exception):
    """The answer went on after all that is read of one."""


def post(url: str, body: bytes, headers: Mapping[str, str], *, seconds: float = DEADLINE_SECONDS) -> Outcome:
    """Send `body` to `url`; whatever a receiver does ends as an outcome, within `seconds`."""
    started = time.monotonic()
    status, error, retry_after = None, "", ""
    try:
        status, retry_after, ended = _exchange(targets.parse(url), body, headers, started + seconds)
        if not ended:
            raise TimeoutError
        error = "" if 200 <= status < 300 else f"The endpoint returned status {status}."
    except (Refused, Unresolved) as refusal:
        error = str(refusal)
    except TimeoutError:
        error = f"There was no complete response within {seconds:g} seconds."
    except ssl.SSLCertVerificationError as failure:
        error = f"The TLS certificate is invalid: {failure.verify_message}."
    except ssl.SSLError:
        error = "The TLS connection failed."
    except (http.client.HTTPException, ValueError, _TooLong):
        error = "The response was not valid HTTP."
    except OSError as failure:
        error = f"The connection failed: {failure.strerror or type(failure).__name__}."
    return Outcome(status, error, round((time.monotonic() - started) * 1_000), retry_after)


def _exchange(target: Target, body: bytes, headers: Mapping[str, str], deadline: float) -> tuple[int, str, bool]:
    """The status and the Retry-After of the answer, and whether it ended in time."""
    connection = _connected(target, targets.resolve(target, _left(deadline)), deadline)
    try:
        if target.scheme == "https":
            connection.settimeout(_left(deadline))
            connection = _tls().wrap_socket(connection, server_hostname=target.host)
        _send(connection, _request(target, body, headers), deadline)
        answer = _final(_Readable(connection, deadline))
        return answer.status, answer.getheader("Retry-After") or "", _ends(answer)
    finally:
        connection.close()


def _final(readable: "_Readable") -> http.client.HTTPResponse:
    """The answer after those that only announce it, such as 103: `http.client` itself skips 100 alone."""
    answers: list[http.client.HTTPResponse] = []  # kept until the end: one that is let go closes what all read from
    while not answers or 102 <= answers[-1].status < 200:
        answers.append(http.client.HTTPResponse(readable, method="POST"))  # type: ignore[arg-type]
        answers[-1].begin()
    readable.answers = answers
    return answers[-1]


def _ends(answer: http.client.HTTPResponse) -> bool:
    """Read the body away, which is of no interest. How it ends, and that it is too long, does not matter; that it
    does not end in time does: who cannot finish an answer may not have taken the event."""
    try:
        while answer.read(4_096):
            pass
    except TimeoutError:
        return False
    except (OSError, ValueError, http.client.HTTPException, _TooLong):
        return True
    return True


def _left(deadline: float) -> float:
    left = deadline - time.monotonic()
    if left <= 0:
        raise TimeoutError
    return left


def _connected(target: Target, addresses: list[Address], deadline: float) -> socket.socket:
    """A connection to the first address that takes one."""
    for address in addresses[:-1]:
        try:
            return _dial(address, target.port, min(_left(deadline), _CONNECT_SECONDS))
        except OSError:
            continue
    return _dial(addresses[-1], target.port, _left(deadline))


def _dial(address: Address, port: int, seconds: float) -> socket.socket:
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
def _tls() -> ssl.SSLContext:
    # Made once: it reads the system's certificates.
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
    # Not sendall: over TLS its time-out begins anew with each piece.
    view = memoryview(data)
    while view:
        connection.settimeout(_left(deadline))
        view = view[connection.send(view) :]


class _Readable(io.RawIOBase):
    """A socket as `http.client` reads one, that ends at the deadline and at the largest answer."""

    def __init__(self, connection: socket.socket, deadline: float) -> None:
        self._connection, self._deadline, self._allowed = connection, deadline, _READ_BYTES
        self._buffered = io.BufferedReader(self, buffer_size=4_096)
        self.answers: list[http.client.HTTPResponse] = []

    def makefile(self, _mode: str) -> Any:
        return self._buffered

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        if self._allowed <= 0:
            raise _TooLong
        self._connection.settimeout(_left(self._deadline))
        received = self._connection.recv_into(memoryview(buffer)[: self._allowed])
        self._allowed -= received
        return received
