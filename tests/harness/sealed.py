"""Refuse connections to any address but this machine."""

import socket
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest

_LOOPBACK = ("127.0.0.1", "::1", "localhost")


class Unsealed(Exception):
    """A test tried to reach the network."""


def _refuse_unless_loopback(host: Any) -> None:
    if isinstance(host, bytes):
        host = host.decode()
    if host is not None and host not in _LOOPBACK and not str(host).startswith("127."):
        raise Unsealed(f"the tests are sealed, {host} is not this machine")


@contextmanager
def sealed() -> Iterator[None]:
    """Refuses every connection and every look-up of a name beyond this machine."""
    connect, connect_ex, getaddrinfo = socket.socket.connect, socket.socket.connect_ex, socket.getaddrinfo

    def checked(original: Any) -> Any:
        def call(self: socket.socket, address: Any) -> Any:
            if self.family in (socket.AF_INET, socket.AF_INET6):
                _refuse_unless_loopback(address[0])
            return original(self, address)

        return call

    def checked_look_up(host: Any, *rest: Any, **named: Any) -> Any:
        _refuse_unless_loopback(host)
        return getaddrinfo(host, *rest, **named)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(socket.socket, "connect", checked(connect))
        patch.setattr(socket.socket, "connect_ex", checked(connect_ex))
        patch.setattr(socket, "getaddrinfo", checked_look_up)
        yield
