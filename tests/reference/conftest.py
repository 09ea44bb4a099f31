"""Serve the API on this machine for browsers and fuzzers, with the real handlers."""

import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qsl, urlsplit

import pytest

import template
from tests.harness.gateway import fresh_address, request_event

PREFIX = "/_aws/execute-api/abc123/v1"


@pytest.fixture
def site(functions) -> Iterator[str]:
    """The address of the deployment: what the gateway does between the browser and the handlers."""
    lock, routes, address = threading.Lock(), template.routes(), fresh_address()

    class Gateway(BaseHTTPRequestHandler):
        def answer(self) -> None:
            url = urlsplit(self.path)
            path = url.path.removeprefix(PREFIX)
            raw: bytes = self.rfile.read(int(self.headers["Content-Length"] or 0))
            event = request_event(
                path, method=self.command, address=address, raw=raw or None, headers=dict(self.headers)
            )
            event["queryStringParameters"] = dict(parse_qsl(url.query)) or None
            with lock:  # the tests are about answers, and one process has one environment
                answer = functions.invoke(routes.get(("ANY", path), "api"), event)
            self.send_response(answer["statusCode"])
            for name, [value] in answer["multiValueHeaders"].items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(answer["body"].encode())

        do_GET = do_POST = do_PUT = do_DELETE = do_OPTIONS = answer  # noqa: N815 - the names that the server calls

        def log_message(self, *_: object) -> None:
            """Nothing: the functions log."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Gateway)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}{PREFIX}"
    server.shutdown()
    thread.join()
    server.server_close()
