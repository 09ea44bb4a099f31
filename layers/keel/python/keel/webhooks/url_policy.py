"""Parse the URL of an endpoint, and reject URLs that webhooks must not call.

The check and the connection use the same parser: if two parsers disagree, a URL can pass the check and connect
elsewhere. So nothing is corrected here. A URL that is not clearly an HTTPS URL of a name or a public address is
rejected.
"""

import queue
import re
import socket
import threading
from collections.abc import Callable
from dataclasses import dataclass
from ipaddress import AddressValueError, IPv4Address, IPv6Address, ip_address
from typing import Any, Final
from urllib.parse import quote

import idna

from keel.settings import settings
from keel.webhooks.public_addresses import is_public

Address = IPv4Address | IPv6Address

_PORTS: Final = frozenset({443, 8443})
_DEFAULT_PORTS: Final = {"https": 443, "http": 80}
_URL: Final = re.compile(r"([A-Za-z][A-Za-z0-9+.-]*)://([^/?#]*)([^?#]*)(?:\?([^#]*))?(?:#.*)?", re.DOTALL)
_AUTHORITY: Final = re.compile(r"(\[[^\]]*\]|[^:\[\]]*)(?::([0-9]{0,5}))?")
_LABEL: Final = re.compile(r"[a-z0-9_](?:[a-z0-9_-]{0,61}[a-z0-9_])?")
_NUMBER: Final = re.compile(r"[0-9]+|0x[0-9a-f]*")
# Parsers of URLs disagree about spaces, control characters and backslashes.
_FORBIDDEN: Final = re.compile(r"[\x00-\x20\x7f-\xa0\\\u2028\u2029\ufeff]")


class RejectedUrl(Exception):
    """Webhooks must not call this URL. The message tells the owner of the endpoint why."""


class Unresolved(Exception):
    """The host name could not be resolved. It may be later."""


@dataclass(frozen=True)
class Target:
    """A parsed URL. `host` is the name or address to connect to, `authority` the Host header.

    An `exempt` target may have the scheme http, any port and any address.
    """

    scheme: str
    host: str
    port: int
    authority: str
    path: str
    exempt: bool
    literal: Address | None


def parse(url: str) -> Target:
    """The target of a URL. Raises `RejectedUrl`."""
    if _FORBIDDEN.search(url):
        raise RejectedUrl("The URL must not contain spaces, control characters or backslashes.")
    match = _URL.fullmatch(url)
    if match is None:
        raise RejectedUrl("The URL must be absolute, such as https://example.com/webhooks.")
    scheme, authority, path, query = match[1].lower(), match[2], match[3], match[4]
    if "@" in authority:
        raise RejectedUrl("The URL must not contain credentials.")
    parts = _AUTHORITY.fullmatch(authority)
    if parts is None:
        raise RejectedUrl("The URL must have a valid host and port.")
    exempt = parts[1] in settings().webhook_exempt_hosts
    if scheme != "https" and not (exempt and scheme == "http"):
        raise RejectedUrl("The URL must begin with https://.")
    port = int(parts[2]) if parts[2] else _DEFAULT_PORTS[scheme]
    if not (1 <= port <= 65_535 if exempt else port in _PORTS):
        raise RejectedUrl("The port of the URL must be 443 or 8443.")
    host, literal = _host(parts[1])
    if literal is not None and not exempt and not is_public(literal):
        raise RejectedUrl("The host of the URL is an address that is not public.")
    shown = f"[{host}]" if isinstance(literal, IPv6Address) else host
    return Target(
        scheme=scheme,
        host=host,
        port=port,
        authority=shown if port == _DEFAULT_PORTS[scheme] else f"{shown}:{port}",
        path=_encoded(path or "/") + (f"?{_encoded(query)}" if query is not None else ""),
        exempt=exempt,
        literal=literal,
    )


def _host(text: str) -> tuple[str, Address | None]:
    """The host in its canonical form, and as an address if it is one."""
    if text.startswith("["):
        try:
            literal = IPv6Address(text[1:-1])
        except AddressValueError:
            raise RejectedUrl("The host of the URL is not a valid IPv6 address.") from None
        return str(literal), literal
    name = _ascii(text).removesuffix(".")
    labels = name.split(".")
    if len(name) > 253 or not all(_LABEL.fullmatch(label) for label in labels):
        raise RejectedUrl("The URL must have a valid host.")
    if not _NUMBER.fullmatch(labels[-1]):
        return name, None
    # Some resolvers take such a name as an IPv4 address in decimal, octal or hex. Only the usual form is accepted.
    try:
        return name, IPv4Address(name)
    except AddressValueError:
        raise RejectedUrl("The host of the URL is not a valid IPv4 address.") from None


def _ascii(name: str) -> str:
    if name.isascii():
        return name.lower()
    try:
        return idna.encode(name, uts46=True).decode()
    except idna.IDNAError:
        raise RejectedUrl("The URL must have a valid host.") from None


def _encoded(text: str) -> str:
    """The text with all but ASCII characters percent-encoded."""
    return quote(text, safe="".join(map(chr, range(0x21, 0x7F))))


def check(url: str, *, seconds: float) -> None:
    """Check the URL of an endpoint that is to be stored. Raises `RejectedUrl`. A name that does not resolve passes."""
    target = parse(url)
    try:
        resolve(target, seconds)
    except Unresolved:
        return


def resolve(target: Target, seconds: float) -> list[Address]:
    """The addresses to connect to, all of them checked. Raises `RejectedUrl` or `Unresolved`.

    One address that is not public rejects them all: a name that resolves to such an address only at times is an attack.
    """
    if target.literal is not None:
        return [target.literal]
    addresses = _look_up(target.host, target.port, seconds)
    if not target.exempt and not all(map(is_public, addresses)):
        raise RejectedUrl("The host of the URL resolves to an address that is not public.")
    return sorted(addresses, key=lambda address: address.version)  # functions have IPv4 by default, and no IPv6


def _look_up(host: str, port: int, seconds: float) -> list[Address]:
    """The addresses from the system's resolver, which is called in a thread because it has no timeout."""
    results: queue.SimpleQueue[list[Any] | OSError] = queue.SimpleQueue()

    def look_up() -> None:
        try:
            results.put(resolver(host, port, type=socket.SOCK_STREAM))
        except (OSError, UnicodeError) as error:
            results.put(OSError(str(error)))

    threading.Thread(target=look_up, daemon=True).start()
    try:
        result = results.get(timeout=max(seconds, 0))
    except queue.Empty:
        raise Unresolved("The host name could not be resolved in time.") from None
    if isinstance(result, OSError) or not result:
        raise Unresolved("The host name could not be resolved.")
    return list(dict.fromkeys(ip_address(entry[4][0]) for entry in result))


# Tests replace it.
resolver: Callable[..., list[Any]] = socket.getaddrinfo
