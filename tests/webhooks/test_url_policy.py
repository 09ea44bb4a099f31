"""Test that over 500 addresses and URLs are rejected, and that no connection is made to any of them."""

import socket
from collections.abc import Callable, Iterator
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address
from typing import Any

import pytest

from keel.webhooks import sender, url_policy
from keel.webhooks.public_addresses import is_public
from keel.webhooks.url_policy import RejectedUrl

# The first, second, middle, last but one and last address of each network are tested.
# fmt: off
NOT_PUBLIC_4 = [
    "0.0.0.0/8", "10.0.0.0/8", "100.64.0.0/10", "127.0.0.0/8", "169.254.0.0/16", "172.16.0.0/12",
    "192.0.0.0/24", "192.0.2.0/24", "192.88.99.0/24", "192.168.0.0/16", "198.18.0.0/15", "198.51.100.0/24",
    "203.0.113.0/24", "224.0.0.0/4", "240.0.0.0/4", "168.63.129.16/32", "192.31.196.0/24", "192.52.193.0/24",
    "192.175.48.0/24", "169.254.169.254/32", "169.254.170.2/32", "255.255.255.255/32",
]
NOT_PUBLIC_6 = [
    "::/128", "::1/128", "::/96", "::ffff:0:0/96", "::ffff:0:0:0/96", "64:ff9b::/96", "64:ff9b:1::/48",
    "100::/64", "2001::/32", "2001:2::/48", "2001:10::/28", "2001:20::/28", "2001:db8::/32", "2002::/16",
    "3fff::/20", "5f00::/16", "fc00::/7", "fd00:ec2::254/128", "fe80::/10", "fec0::/10", "ff00::/8",
    "ff02::/16", "4000::/3", "1000::/4", "8000::/1", "2620:4f:8000::/48",
]
# fmt: on
PUBLIC = "1.1.1.1 8.8.8.8 9.255.255.255 11.0.0.0 100.63.255.255 100.128.0.0 126.255.255.255 128.0.0.1 169.253.255.255"
PUBLIC += " 172.15.255.255 172.32.0.0 192.167.255.255 192.169.0.0 198.17.255.255 198.20.0.0 223.255.255.255"
PUBLIC += " 2606:4700:4700::1111 2001:4860:4860::8888 2a00:1450:4001::1 2400:cb00::1"


def edges(network: IPv4Network | IPv6Network) -> Iterator[str]:
    size = network.num_addresses
    for offset in (0, 1, 2, size // 3, size // 2, size - 2):
        yield str(network[max(0, min(offset, size - 1))])
    yield str(network[-1])


ADDRESSES = sorted(
    {each for text in NOT_PUBLIC_4 for each in edges(IPv4Network(text))}
    | {each for text in NOT_PUBLIC_6 for each in edges(IPv6Network(text))}
    # Private IPv4 addresses within the IPv6 forms that embed one.
    | {
        str(IPv6Address(form | int(IPv4Address(inner)) << shift))
        for inner in ("10.0.0.1", "127.0.0.1", "169.254.169.254", "192.168.0.1", "172.16.0.1", "100.64.0.1", "0.0.0.1")
        for form, shift in (
            (0, 0),
            (0xFFFF << 32, 0),
            (int(IPv6Address("64:ff9b::")), 0),
            (int(IPv6Address("64:ff9b:1::")), 0),
            (int(IPv6Address("2002::")), 80),
            (int(IPv6Address("2001::")), 0),
            (int(IPv6Address("fe80::5efe:0:0")), 0),
        )
    }
)

LOOPBACK = ("127.0.0.1", "10.0.0.1", "169.254.169.254", "192.168.1.1", "172.16.0.1")


def spellings(address: str) -> Iterator[str]:
    """The forms in which resolvers accept an IPv4 address, other than the usual one."""
    a, b, c, d = (int(part) for part in address.split("."))
    number = int(IPv4Address(address))
    yield str(number)
    yield hex(number)
    yield hex(number).upper()
    yield oct(number).replace("0o", "0")
    yield f"{a}.{b << 16 | c << 8 | d}"
    yield f"{a}.{b}.{c << 8 | d}"
    yield f"{a:#x}.{b:#x}.{c:#x}.{d:#x}"
    yield f"0{a:o}.0{b:o}.0{c:o}.0{d:o}"
    yield f"{a}.{b}.{c}.0{d:o}" if d else f"{a}.{b}.{c}.00"
    yield f"{a:#x}.{b}.{c}.{d}"
    yield f"{a}.{b}.{c}.{d}."
    yield f"{a}。{b}。{c}。{d}"  # ideographic full stops, dots to a resolver
    yield f"{a}\uff0e{b}\uff0e{c}\uff0e{d}"
    yield "".join(chr(ord(each) + 0xFEE0) if each.isdigit() else each for each in address)
    yield f"[::ffff:{address}]"
    yield f"[::{address}]"
    yield f"[64:ff9b::{address}]"
    yield f"[::ffff:{a << 8 | b:x}:{c << 8 | d:x}]"
    yield f"[0:0:0:0:0:ffff:{a << 8 | b:04x}:{c << 8 | d:04x}]"
    yield f"[2002:{a << 8 | b:x}:{c << 8 | d:x}::1]"


HOSTS = [
    *(f"[{each}]" if ":" in each else each for each in ADDRESSES),
    *(spelling for address in LOOPBACK for spelling in spellings(address)),
    *(
        "[fe80::1%25eth0]",
        "[fe80::1%eth0]",
        "[::1",
        "::1",
        "[]",
        "[127.0.0.1]",
        "[::1]x",
        "256.1.1.1",
        "1.1.1",
        "0",
        "0x",
        "8.8.8",
    ),
    *(
        "8.8.8.08",
        "8.8.8.8.8",
        "exa mple.com",
        "exa\tmple.com",
        "example.com\\@127.0.0.1",
        "-.com",
        "a..com",
        ".com",
        ".",
    ),
    *("a" * 64 + ".com", "a." * 127 + "com", "%31.com", "example.com%00", "exam\u200bple\x00.com", "example.com\u2028"),
]
URLS = [
    *(f"https://{host}/hook" for host in HOSTS),
    *(
        "http://example.com/",
        "ftp://example.com/",
        "file:///etc/passwd",
        "gopher://example.com/",
        "javascript:alert(1)",
    ),
    *(
        "https:example.com",
        "https:/example.com",
        "https:///path",
        "https://",
        "https://?x",
        "https://#x",
        "//example.com",
    ),
    *("example.com", "https", "https://:443/", "https://user@example.com/", "https://user:pass@example.com/"),
    *("https://@example.com/", "https://:@example.com/", "https://a@b@example.com/", "https://example.com:22/"),
    *(
        "https://example.com:80/",
        "https://example.com:6379/",
        "https://example.com:0443/x\n",
        "https://example.com:99999/",
    ),
    *(
        "https://example.com:-1/",
        "https://example.com:4a/",
        "https://example.com:443:443/",
        "https://example.com: 443/",
    ),
    *(" https://example.com/", "https://example.com/ ", "https://example.com/a b", "https://ok.com\t.evil.com/"),
    *(
        "https://example.com\\.evil.com/",
        "https:\\\\example.com/",
        "https://example.com/\r\nHost: x",
        "\ufeffhttps://a.com/",
    ),
]


@pytest.fixture(autouse=True)
def connections(monkeypatch: pytest.MonkeyPatch, setting: Callable[..., None]) -> list[Any]:
    """All addresses that anything tries to connect to."""
    setting(WEBHOOK_EXEMPT_HOSTS="")
    tried: list[Any] = []

    def dial(address: Any, port: int, _seconds: float) -> socket.socket:
        tried.append((str(address), port))
        raise ConnectionRefusedError

    monkeypatch.setattr(sender, "dial", dial)
    return tried


def resolving(monkeypatch: pytest.MonkeyPatch, *results: list[str]) -> list[str]:
    """A resolver that returns one result after the other. Returns the names that it was called with."""
    names: list[str] = []

    def resolver(host: str, port: int, **_options: Any) -> list[Any]:
        names.append(host)
        addresses = results[min(len(names), len(results)) - 1]
        return [(0, socket.SOCK_STREAM, 6, "", (address, port)) for address in addresses]

    monkeypatch.setattr(url_policy, "resolver", resolver)
    return names


def test_there_are_more_than_500_cases() -> None:
    assert len({*ADDRESSES, *URLS}) > 500


def test_only_public_addresses_are_public(functions: Any) -> None:
    assert [each for each in ADDRESSES if is_public(ip_address(each))] == []
    assert [each for each in PUBLIC.split() if not is_public(ip_address(each))] == []


def test_internal_urls_are_neither_stored_nor_called(
    functions: Any, monkeypatch: pytest.MonkeyPatch, connections: list[Any]
) -> None:
    names = resolving(monkeypatch, ["93.184.216.34"])
    with functions.running("webhooks"):
        for url in URLS:
            with pytest.raises(RejectedUrl):
                url_policy.check(url, seconds=1)
            assert sender.post(url, b"{}", {}).status is None, url
    assert names == []
    assert connections == []


def test_name_with_any_address_that_is_not_public_is_rejected(
    functions: Any, monkeypatch: pytest.MonkeyPatch, connections: list[Any]
) -> None:
    with functions.running("webhooks"):
        for address in ADDRESSES:
            for answer in ([address], ["93.184.216.34", address], [address, "93.184.216.34"]):
                resolving(monkeypatch, answer)
                with pytest.raises(RejectedUrl):
                    url_policy.check("https://hooks.example.com/", seconds=1)
                outcome = sender.post("https://hooks.example.com/", b"{}", {})
                assert outcome.status is None
                assert "not public" in outcome.error
    assert connections == []


def test_connection_uses_the_address_that_was_checked(
    functions: Any, monkeypatch: pytest.MonkeyPatch, connections: list[Any]
) -> None:
    names = resolving(monkeypatch, ["93.184.216.34"], ["127.0.0.1"])
    with functions.running("webhooks"):
        sender.post("https://hooks.example.com/", b"{}", {})
        assert names == ["hooks.example.com"]
        assert connections == [("93.184.216.34", 443)]
        outcome = sender.post("https://hooks.example.com/", b"{}", {})
    assert "not public" in outcome.error
    assert len(connections) == 1


@pytest.mark.parametrize(
    ("url", "host", "port", "authority", "path"),
    [
        ("https://example.com", "example.com", 443, "example.com", "/"),
        ("HTTPS://Example.COM:443/A?b=c#d", "example.com", 443, "example.com", "/A?b=c"),
        ("https://example.com:8443/x", "example.com", 8443, "example.com:8443", "/x"),
        ("https://example.com./", "example.com", 443, "example.com", "/"),
        ("https://example.com:/", "example.com", 443, "example.com", "/"),
        ("https://bücher.example/ä?ö", "xn--bcher-kva.example", 443, "xn--bcher-kva.example", "/%C3%A4?%C3%B6"),
        ("https://1.1.1.1/", "1.1.1.1", 443, "1.1.1.1", "/"),
        ("https://[2606:4700:4700::1111]/", "2606:4700:4700::1111", 443, "[2606:4700:4700::1111]", "/"),
        ("https://my_host.example.com?x", "my_host.example.com", 443, "my_host.example.com", "/?x"),
        ("https://example.com/a%20b/%2e%2e", "example.com", 443, "example.com", "/a%20b/%2e%2e"),
    ],
)
def test_valid_url_is_parsed(functions: Any, url: str, host: str, port: int, authority: str, path: str) -> None:
    with functions.running("webhooks"):
        target = url_policy.parse(url)
    assert (target.host, target.port, target.authority, target.path) == (host, port, authority, path)


def test_exempt_host_must_be_written_as_in_the_setting(functions: Any, setting: Callable[..., None]) -> None:
    setting(WEBHOOK_EXEMPT_HOSTS="localhost,127.0.0.1")
    with functions.running("webhooks"):
        assert url_policy.parse("http://127.0.0.1:8080/").exempt
        assert url_policy.parse("https://localhost:1/").exempt
        for url in (
            "http://127.1/",
            "http://LOCALHOST/",
            "http://localhost./",
            "http://2130706433/",
            "ftp://localhost/",
        ):
            with pytest.raises(RejectedUrl):
                url_policy.parse(url)
        with pytest.raises(RejectedUrl):
            url_policy.parse("http://user@localhost/")


def test_name_that_does_not_resolve_is_stored_and_fails_later(functions: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    def resolver(*_arguments: Any, **_options: Any) -> list[Any]:
        raise socket.gaierror(-2, "Name or service not known")

    monkeypatch.setattr(url_policy, "resolver", resolver)
    with functions.running("webhooks"):
        url_policy.check("https://not-yet.example.com/", seconds=1)
        outcome = sender.post("https://not-yet.example.com/", b"{}", {})
    assert outcome.status is None
    assert "resolved" in outcome.error
