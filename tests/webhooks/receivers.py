"""A webhook receiver for tests: a server on loopback that keeps the requests and sends the responses it is given."""

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from standardwebhooks import Webhook


@dataclass(frozen=True)
class Received:
    path: str
    headers: dict[str, str]
    body: bytes
    at: float  # seconds since 1970

    @property
    def id(self) -> str:
        return self.headers["webhook-id"]

    def verified(self, secret: str) -> Any:
        """The payload. Raises an error if the library of Standard Webhooks rejects the request."""
        return Webhook(secret).verify(self.body, self.headers)


Reply = int | tuple[int, dict[str, str]]


class Receiver:
    """Sends the `answers` one by one, and then `default`."""

    def __init__(self) -> None:
        self.received: list[Received] = []
        self.answers: list[Reply] = []
        self.default: Reply = 200
        self.before_answer: Callable[[], Any] = lambda: None
        self._lock = threading.Lock()
        outer = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body, at = self.rfile.read(int(self.headers["Content-Length"])), time.time()
                outer.before_answer()
                names = {name.lower(): value for name, value in self.headers.items()}
                status, headers = outer._take(Received(self.path, names, body, at))
                self.send_response(status)
                for name, value in {"Content-Length": "0", **headers}.items():
                    self.send_header(name, value)
                self.end_headers()

            def log_message(self, *_arguments: Any) -> None:
                """Nothing."""

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.server.daemon_threads = True

    def _take(self, received: Received) -> tuple[int, dict[str, str]]:
        with self._lock:
            self.received.append(received)
            reply = self.answers.pop(0) if self.answers else self.default
        return reply if isinstance(reply, tuple) else (reply, {})

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server.server_port}/hook"


@contextmanager
def running_receiver() -> Iterator[Receiver]:
    receiver = Receiver()
    thread = threading.Thread(target=receiver.server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)
    thread.start()
    try:
        yield receiver
    finally:
        receiver.server.shutdown()
        receiver.server.server_close()
        thread.join()
