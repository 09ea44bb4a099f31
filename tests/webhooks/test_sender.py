"""Test the sender against hostile receivers: they stall, drip, reset, flood, redirect and forge."""

import datetime
import gzip
import ipaddress
import resource
import socket
import ssl
import threading
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from keel.webhooks import sender, url_policy
from keel.webhooks.sender import Outcome

Act = Callable[[socket.socket, threading.Event], None]
OK = b"HTTP/1.1 200 OK\r\n"


@contextmanager
def hostile(act: Act, context: ssl.SSLContext | None = None) -> Iterator[tuple[int, list[bytes]]]:
    """A receiver that reads each request and then calls `act` with the connection. Yields its port and the requests."""
    over, requests = threading.Event(), list[bytes]()

    def serve(connection: socket.socket) -> None:
        try:
            with connection, context.wrap_socket(connection, server_side=True) if context else connection as connection:
                read = b""
                while b"\r\n\r\n" not in read:
                    read += connection.recv(65_536) or b"\r\n\r\n"
                requests.append(read)
                act(connection, over)
        except OSError:
            """The sender closed the connection, as it should."""

    with socket.create_server(("127.0.0.1", 0)) as server:

        def accept() -> None:
            while True:
                try:
                    connection, _ = server.accept()
                except OSError:
                    return
                threading.Thread(target=serve, args=(connection,), daemon=True).start()

        threading.Thread(target=accept, daemon=True).start()
        yield server.getsockname()[1], requests
        over.set()


@pytest.fixture(autouse=True)
def _functions(functions: Any) -> Iterator[None]:
    with functions.running("webhooks"):
        yield


def post(act: Act, seconds: float = 1.0, body: bytes = b"{}") -> Outcome:
    with hostile(act) as (port, _):
        return sender.post(f"http://127.0.0.1:{port}/", body, {"webhook-id": "x"}, seconds=seconds)


def drip(first: bytes, piece: bytes) -> Act:
    def act(connection: socket.socket, over: threading.Event) -> None:
        connection.sendall(first)
        while not over.wait(0.05):
            connection.sendall(piece)

    return act


@pytest.mark.parametrize(
    ("first", "piece"),
    [
        (b"", b""),
        (b"H", b""),
        (b"HTTP/1.1 200 OK\r\nX-Slow: ", b"a"),
        (b"HTTP/1.1 200 OK\r\n", b"A: b\r\n"),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 100000\r\n\r\n", b"a"),
        (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n", b"1\r\na\r\n"),
        (b"HTTP/1.1 200 OK\r\n\r\n", b"a"),
        (b"", b"HTTP/1.1 100 Continue\r\n\r\n"),
    ],
)
def test_response_that_does_not_end_fails_at_the_deadline(first: bytes, piece: bytes) -> None:
    outcome = post(drip(first, piece), seconds=0.7)
    assert not outcome.succeeded
    assert outcome.milliseconds < 5_000  # none of them would ever end


def test_status_received_before_a_stall_is_reported() -> None:
    outcome = post(drip(OK + b"\r\n", b"a"), seconds=0.5)
    assert outcome.status == 200
    assert "within" in outcome.error


def test_receiver_that_reads_nothing_fails_at_the_deadline() -> None:
    with socket.create_server(("127.0.0.1", 0), backlog=1) as server:
        url = f"http://127.0.0.1:{server.getsockname()[1]}/"
        outcome = sender.post(url, b"x" * 20_000_000, {}, seconds=0.5)
    assert not outcome.succeeded
    assert "within" in outcome.error


@pytest.mark.parametrize(
    "answer",
    [
        b"",
        b"\r\n\r\n",
        b"hello\r\n\r\n",
        b"HTTP/0.9 hi",
        b"HTTP/1.1 abc OK\r\n\r\n",
        b"HTTP/1.1 99999 OK\r\n\r\n",
        b"SSH-2.0-OpenSSH_9.6\r\n",
        b"HTTP/1.1 200 OK\r\n" + b"".join(b"H%d: x\r\n" % index for index in range(1_000)) + b"\r\n",
        b"HTTP/1.1 200 OK\r\nX: " + b"a" * 200_000 + b"\r\n\r\n",
        bytes(range(256)) * 10,
    ],
)
def test_response_that_is_not_http_is_a_failure(answer: bytes) -> None:
    outcome = post(lambda connection, _over: connection.sendall(answer))
    assert not outcome.succeeded


def test_reset_before_a_response_is_a_failure() -> None:
    def act(connection: socket.socket, _over: threading.Event) -> None:
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")

    outcome = post(act)
    assert outcome.status is None
    assert not outcome.succeeded


def test_reset_within_a_response_is_a_failure() -> None:
    def act(connection: socket.socket, _over: threading.Event) -> None:
        connection.sendall(b"HTTP/1.1 2")
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")

    assert not post(act).succeeded


@pytest.mark.parametrize("status", [100, 102, 103])
@pytest.mark.parametrize("times", [1, 40])
def test_interim_responses_are_skipped(status: int, times: int) -> None:
    announced = b"HTTP/1.1 %d Wait\r\nLink: </style.css>\r\n\r\n" % status * times
    final = b"HTTP/1.1 204 No Content\r\n\r\n"
    outcome = post(lambda connection, _over: connection.sendall(announced + final))
    assert (outcome.status, outcome.error) == (204, "")


@pytest.mark.parametrize("status", [100, 103])
def test_endless_interim_responses_end_at_the_read_limit(status: int) -> None:
    def act(connection: socket.socket, over: threading.Event) -> None:
        while not over.is_set():
            connection.sendall(b"HTTP/1.1 %d Wait\r\n\r\n" % status * 1_000)

    outcome = post(act, seconds=5)
    assert not outcome.succeeded
    assert outcome.milliseconds < 4_000  # at the read limit, not at the deadline


def test_text_of_a_response_is_not_kept() -> None:
    answer = b"HTTP/1.1 500 canary-reason\r\nX-Echo: canary-header\r\nContent-Length: 11\r\n\r\ncanary-body"
    outcome = post(lambda connection, _over: connection.sendall(answer))
    assert outcome.status == 500
    assert "canary" not in str(outcome)


def test_flood_is_read_up_to_the_limit(monkeypatch: pytest.MonkeyPatch) -> None:
    sent, read = [], list[int]()
    original = sender.ResponseReader.readinto

    def readinto(self: Any, buffer: Any) -> int:
        read.append(original(self, buffer))
        return read[-1]

    monkeypatch.setattr(sender.ResponseReader, "readinto", readinto)

    def act(connection: socket.socket, over: threading.Event) -> None:
        connection.sendall(OK + b"\r\n")
        while not over.is_set():
            sent.append(connection.send(b"x" * 1_048_576))

    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    outcome = post(act, seconds=5)
    grown = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before
    assert outcome.status == 200
    assert outcome.succeeded
    assert outcome.milliseconds < 4_000  # not at the deadline
    assert sum(read) == 65_536
    assert grown < 64_000


def test_compressed_response_is_not_decompressed() -> None:
    bomb = gzip.compress(b"\0" * 50_000_000)
    head = OK + b"Content-Encoding: gzip\r\nContent-Length: %d\r\n\r\n" % len(bomb)
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    outcome = post(lambda connection, _over: connection.sendall(head + bomb))
    assert outcome.succeeded
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 40_000


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_redirect_is_a_failure_and_not_followed(status: int) -> None:
    with hostile(lambda connection, _over: connection.sendall(OK + b"Content-Length: 0\r\n\r\n")) as (inner, asked):
        head = f"HTTP/1.1 {status} Moved\r\nLocation: http://127.0.0.1:{inner}/\r\nContent-Length: 0\r\n\r\n".encode()
        outcome = post(lambda connection, _over: connection.sendall(head))
    assert outcome.status == status
    assert not outcome.succeeded
    assert asked == []


def test_request_has_its_host_and_no_cookies_compression_or_proxy(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "http_proxy", "https_proxy"):
        monkeypatch.setenv(name, "http://127.0.0.1:9/")
    cookie = OK + b"Set-Cookie: a=b\r\nContent-Length: 0\r\n\r\n"
    with hostile(lambda connection, _over: connection.sendall(cookie)) as (port, requests):
        url = f"http://localhost:{port}/a?b=ö#c"
        assert sender.post(url, b"{}", {"webhook-id": "1"}).succeeded
        assert sender.post(url, b"{}", {"webhook-id": "2"}).succeeded
    lines = requests[1].decode().split("\r\n")
    assert lines[0] == "POST /a?b=%C3%B6 HTTP/1.1"
    headers = dict(line.split(": ", 1) for line in lines[1 : lines.index("")])
    assert headers["Host"] == f"localhost:{port}"
    assert headers["Accept-Encoding"] == "identity"
    assert headers["webhook-id"] == "2"
    assert "Cookie" not in headers


# ---- TLS -------------------------------------------------------------------------------------------------------------


class Authority:
    """A certificate authority that the sender trusts in the test."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.key = folder, ec.generate_private_key(ec.SECP256R1())
        self.name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "Test authority")])
        self.certificate = self._signed(
            self.name, self.key, self.key, days=10, more=[(x509.BasicConstraints(True, None), True)]
        )
        (folder / "ca.pem").write_bytes(self.certificate.public_bytes(serialization.Encoding.PEM))

    def _signed(self, name: x509.Name, key: Any, by: Any, days: int, more: list[tuple[Any, bool]]) -> x509.Certificate:
        now = datetime.datetime.now(datetime.UTC)
        builder = x509.CertificateBuilder().subject_name(name).issuer_name(self.name if by is self.key else name)
        builder = builder.public_key(key.public_key()).serial_number(x509.random_serial_number())
        builder = builder.not_valid_before(now - datetime.timedelta(days=20))
        builder = builder.not_valid_after(now + datetime.timedelta(days=days))
        for extension, critical in more:
            builder = builder.add_extension(extension, critical=critical)
        return builder.sign(by, hashes.SHA256())

    def server(self, host: str, *, days: int = 10, self_signed: bool = False) -> ssl.SSLContext:
        key = ec.generate_private_key(ec.SECP256R1())
        address = ipaddress.ip_address(host) if host[0].isdigit() else None
        shown = x509.IPAddress(address) if address else x509.DNSName(host)
        name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, host)])
        extensions = [(x509.SubjectAlternativeName([shown]), False)]
        certificate = self._signed(name, key, key if self_signed else self.key, days, extensions)
        private = key.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        )
        path = self.folder / "server.pem"
        path.write_bytes(private + certificate.public_bytes(serialization.Encoding.PEM))
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(path)
        return context


@pytest.fixture
def authority(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Authority]:
    authority = Authority(tmp_path)
    monkeypatch.setenv("SSL_CERT_FILE", str(tmp_path / "ca.pem"))
    sender.tls_context.cache_clear()
    yield authority
    sender.tls_context.cache_clear()


def fine(connection: socket.socket, _over: threading.Event) -> None:
    connection.sendall(OK + b"Content-Length: 0\r\n\r\n")


def test_certificate_is_verified_by_name_while_the_connection_uses_the_address(
    authority: Authority, monkeypatch: pytest.MonkeyPatch
) -> None:
    names: list[str] = []
    context = authority.server("hooks.example.com")
    context.sni_callback = lambda _socket, name, _context: names.append(name)
    original = sender.dial
    with hostile(fine, context) as (port, requests):
        answer = [(0, socket.SOCK_STREAM, 6, "", ("93.184.216.34", 443))]
        monkeypatch.setattr(url_policy, "resolver", lambda *_arguments, **_options: answer)
        monkeypatch.setattr(
            sender, "dial", lambda _address, _port, seconds: original(ipaddress.ip_address("127.0.0.1"), port, seconds)
        )
        outcome = sender.post("https://hooks.example.com/", b"{}", {})
    assert outcome.error == ""
    assert names == ["hooks.example.com"]
    assert b"Host: hooks.example.com\r\n" in requests[0]


@pytest.mark.parametrize("fault", ["expired", "other name", "self-signed", "old TLS", "wants a client certificate"])
def test_invalid_certificate_is_a_failure_and_nothing_is_sent(authority: Authority, fault: str) -> None:
    context = authority.server(
        "127.0.0.2" if fault == "other name" else "127.0.0.1",
        days=-5 if fault == "expired" else 10,
        self_signed=fault == "self-signed",
    )
    if fault == "old TLS":
        with warnings.catch_warnings(action="ignore"):
            context.minimum_version = context.maximum_version = ssl.TLSVersion.TLSv1_1
        context.set_ciphers("ALL:@SECLEVEL=0")
    if fault == "wants a client certificate":
        context.load_verify_locations(authority.folder / "ca.pem")
        context.verify_mode = ssl.CERT_REQUIRED
    with hostile(fine, context) as (port, requests):
        outcome = sender.post(f"https://127.0.0.1:{port}/", b"{}", {})
    assert outcome.status is None
    assert not outcome.succeeded
    assert requests == []


def test_stalled_handshake_fails_at_the_deadline() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        outcome = sender.post(f"https://127.0.0.1:{server.getsockname()[1]}/", b"{}", {}, seconds=0.5)
    assert "within" in outcome.error


@pytest.mark.parametrize("first", [b"", OK + b"Content-Length: 100000\r\n\r\n"])
def test_dripping_response_over_tls_fails_at_the_deadline(authority: Authority, first: bytes) -> None:
    with hostile(drip(first, b"a"), authority.server("127.0.0.1")) as (port, _):
        outcome = sender.post(f"https://127.0.0.1:{port}/", b"{}", {}, seconds=0.7)
    assert not outcome.succeeded
    assert outcome.milliseconds < 5_000


def test_https_does_not_fall_back_to_http() -> None:
    with hostile(fine) as (port, requests):
        outcome = sender.post(f"https://127.0.0.1:{port}/", b"{}", {}, seconds=2)
    assert not outcome.succeeded
    assert not any(request.startswith(b"POST") for request in requests)
