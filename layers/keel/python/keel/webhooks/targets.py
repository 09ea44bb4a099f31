"""Where does a webhook go? The one reading of an endpoint's URL, for the check and for the connection.

Parsers that disagree are how a check is passed and something else is dialled, so nothing is repaired here:
what is not plainly an HTTPS URL of a name or a public address is refused.
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
from keel.webhooks.addresses import is_public

Address = IPv4Address | IPv6Address

_PORTS: Final = frozenset({443, 8443})
_DEFAULT_PORTS: Final = {"https": 443, "http": 80}
_URL: Final = re.compile(r"([A-Za-z][A-Za-z0-9+.-]*)://([^/?#]*)([^?#]*)(?:\?([^#]*))?(?:#.*)?", re.DOTALL)
_AUTHORITY: Final = re.compile(r"(\[[^\]]*\]|[^:\[\]]*)(?::([0-9]{0,5}))?")
_LABEL: Final = re.compile(r"[a-z0-9_](?:[a-z0-9_-]{0,61}[a-z0-9_])?")
_NUMBER: Final = re.compile(r"[0-9]+|0x[0-9a-f]*")
# Spaces, control characters and backslashes are what readers of URLs disagree about.
_FORBIDDEN: Final = re.compile(r"[\x00-\x20\x7f-\xa0\\\u2028\u2029\ufeff]")


class Refused(Exception):
    """This URL may not be called; the message says why, to the owner of the endpoint."""


class Unresolved(Exception):
    """The host's name could not be resolved; it may be, another time."""


@dataclass(frozen=True)
class Target:
    """A URL, taken apart. `host` is the name or address as it is connected to, `authority` the Host header.

    An `exempt` target may have any scheme, port and address.
    """

    scheme: str
    host: str
    port: int
    authority: str
    path: str
    exempt: bool
    literal: Address | None


def parse(url: str) -> Target:
    """Take a URL apart; raises `Refused`."""
    if _FORBIDDEN.search(url):
        raise Refused("The URL must not contain spaces, control characters or backslashes.")
    match = _URL.fullmatch(url)
    if match is None:
        raise Refused("The URL must be absolute, such as https://example.com/webhooks.")
    scheme, authority, path, query = match[1].lower(), match[2], match[3], match[4]
    if "@" in authority:
        raise Refused("The URL must not contain credentials.")
    parts = _AUTHORITY.fullmatch(authority)
    if parts is None:
        raise Refused("The URL must have a valid host and port.")
    exempt = parts[1] in settings().webhook_exempt_hosts
    if scheme != "https" and not (exempt and scheme == "http"):
        raise Refused("The URL must begin with https://.")
    port = int(parts[2]) if parts[2] else _DEFAULT_PORTS[scheme]
    if not (1 <= port <= 65_535 if exempt else port in _PORTS):
        raise Refused("The port of the URL must be 443 or 8443.")
    host, literal = _host(parts[1])
    if literal is not None and not exempt and not is_public(literal):
        raise Refused("The host of the URL is an address that is not public.")
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
    """The host in its one form, and the address if it is one."""
    if text.startswith("["):
        try:
            literal = IPv6Address(text[1:-1])
        except AddressValueError:
            raise Refused("The host of the URL is not a valid IPv6 address.") from None
        return str(literal), literal
    name = _ascii(text).removesuffix(".")
    labels = name.split(".")
    if len(name) > 253 or not all(_LABEL.fullmatch(label) for label in labels):
        raise Refused("The URL must have a valid host.")
    if not _NUMBER.fullmatch(labels[-1]):
        return name, None
    # Such a name is an IPv4 address to some resolvers, in decimal, octal or hex: only the plain form is one here.
    try:
        return name, IPv4Address(name)
    except AddressValueError:
        raise Refused("The host of the URL is not a valid IPv4 address.") from None


def _ascii(name: str) -> str:
    if name.isascii():
        return name.lower()
    try:
        return idna.encode(name, uts46=True).decode()
    except idna.IDNAError:
        raise Refused("The URL must have a valid host.") from None


def _encoded(text: str) -> str:
    """What is not ASCII, percent-encoded; what is, as it was given."""
    return quote(text, safe="".join(map(chr, range(0x21, 0x7F))))


def check(url: str, *, seconds: float) -> None:
    """Judge the URL of an endpoint when it is saved; raises `Refused`. A name that does not resolve passes."""
    target = parse(url)
    try:
        resolve(target, seconds)
    except Unresolved:
        return


def resolve(target: Target, seconds: float) -> list[Address]:
    """The addresses to connect to, all of them judged; raises `Refused` or `Unresolved`.

    One bad address refuses them all: a name that leads to a private one by turns is meant to.
    """
    if target.literal is not None:
        return [target.literal]
    found = _lookup(target.host, target.port, seconds)
    if not target.exempt and not all(map(is_public, found)):
        raise Refused("The host of the URL resolves to an address that is not public.")
    return sorted(found, key=lambda address: address.version)  # functions have IPv4 by default, and no IPv6


def _lookup(host: str, port: int, seconds: float) -> list[Address]:
    """Ask the system's resolver, in a thread: it knows no time-out."""
    answers: queue.SimpleQueue[list[Any] | OSError] = queue.SimpleQueue()

    def ask() -> None:
        try:
            answers.put(resolver(host, port, type=socket.SOCK_STREAM))
        except (OSError, UnicodeError) as error:
            answers.put(OSError(str(error)))

    threading.Thread(target=ask, daemon=True).start()
    try:
        answer = answers.get(timeout=max(seconds, 0))
    except queue.Empty:
        raise Unresolved("The host name could not be resolved in time.") from None
    if isinstance(answer, OSError) or not answer:
        raise Unresolved("The host name could not be resolved.")
    return list(dict.fromkeys(ip_address(entry[4][0]) for entry in answer))


# Looked up here at each call, for tests to put a resolver of theirs in its place.
resolver: Callable[..., list[Any]] = socket.getaddrinfo
