"""Stand in for the bucket and the queue of imports: one server, files on disk, messages in a list."""

import hashlib
import json
import os
import re
import threading
from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, Final
from unittest.mock import patch

from tests.harness.streams import queued

BUCKET: Final = "bench"
_RANGE: Final = re.compile(r"bytes=(\d+)-(\d+)")


class Around:
    """What a client has uploaded, by its key, and what was sent to the queue and not yet taken."""

    def __init__(self) -> None:
        self.files: dict[str, Path] = {}
        self.messages: deque[str] = deque()

    def worker_events(self) -> Iterator[dict[str, Any]]:
        """The events of the queue until it is empty, with whatever is sent meanwhile."""
        while self.messages:
            yield event_of(self.messages.popleft())


def event_of(message: str) -> dict[str, Any]:
    return {"Records": [queued(message)]}


@contextmanager
def around() -> Iterator[Around]:
    """The environment of the functions of imports."""
    found = Around()
    server = ThreadingHTTPServer(("127.0.0.1", 0), type("Handler", (_Handler,), {"around": found}))
    threading.Thread(target=server.serve_forever, daemon=True).start()
    address = f"http://127.0.0.1:{server.server_port}"
    where = {"AWS_ENDPOINT_URL_S3": address, "AWS_ENDPOINT_URL_SQS": address}
    with patch.dict(os.environ, {**where, "FILES_BUCKET": BUCKET, "IMPORT_QUEUE": f"{address}/queue"}):
        yield found
    server.shutdown()


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    around: Around

    def do_HEAD(self) -> None:
        self._answer_file(with_body=False)

    def do_GET(self) -> None:
        self._answer_file(with_body=True)

    def do_PUT(self) -> None:
        """The rows that failed, which nobody reads here."""
        self.rfile.read(int(self.headers["Content-Length"]))
        self._answer(200, b"", {"ETag": '"e"'})

    def do_POST(self) -> None:
        asked = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        self.around.messages.append(asked["MessageBody"])
        digest = hashlib.md5(asked["MessageBody"].encode(), usedforsecurity=False).hexdigest()
        self._answer(200, json.dumps({"MessageId": "m", "MD5OfMessageBody": digest}).encode(), {})

    def _answer_file(self, *, with_body: bool) -> None:
        path = self.around.files[self.path.partition("?")[0].removeprefix(f"/{BUCKET}/")]
        size, etag = path.stat().st_size, {"ETag": f'"{path.name}"'}
        wanted = _RANGE.fullmatch(self.headers.get("Range", ""))
        if not with_body or not wanted:
            self._answer(200, path.read_bytes() if with_body else b"", etag, size)
            return
        start, end = (int(each) for each in wanted.groups())
        with path.open("rb") as file:
            file.seek(start)
            body = file.read(end + 1 - start)
        self._answer(206, body, etag | {"Content-Range": f"bytes {start}-{end}/{size}"})

    def _answer(self, status: int, body: bytes, headers: dict[str, str], length: int | None = None) -> None:
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(body) if length is None else length))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - the name is the library's
        """Say nothing."""
