"""Deploy the real template to a local AWS, for tests over HTTP."""

import json
import re
import tempfile
import time
import uuid
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import urllib3
from botocore.awsrequest import HeadersDict

from stack import Stack
from tests.conftest import GENEROUS, PASSWORD, Call
from tests.harness.dynamodb_local import free_port
from tests.harness.gateway import Answer, Session, fresh_address

# All but one are generous; that one shows the template's own, see test_limits.
RATES = {name: rate for name, rate in GENEROUS.items() if name != "RateResetPassword"}


@pytest.fixture(scope="session")
def stack() -> Iterator[Stack]:
    with tempfile.TemporaryDirectory(prefix="keel-e2e-") as folder:
        stack = Stack(Path(folder), free_port(), RATES)
        try:
            stack.start()
            stack.deploy()
            yield stack
        finally:
            stack.kill()


@pytest.fixture(scope="session")
def pool() -> Iterator[urllib3.PoolManager]:
    with urllib3.PoolManager(maxsize=16, retries=False, timeout=120) as pool:
        yield pool


@pytest.fixture
def call(stack: Stack, pool: urllib3.PoolManager) -> Call:
    """The same as in the other tests, but over HTTP."""
    own_address, url = fresh_address(), stack.url()

    def call(
        operation: str,
        body: Any = None,
        *,
        token: str | None = None,
        headers: dict[str, str] | None = None,
        raw: str | bytes | None = None,
        method: str = "POST",
        address: str | None = None,
    ) -> Answer:
        path = operation if operation.startswith("/") else f"/api/{operation}"
        sent = {"Content-Type": "application/json", "X-Forwarded-For": address or own_address, **(headers or {})}
        if token is not None:
            sent["Authorization"] = f"Bearer {token}"
        content = raw if raw is not None else None if body is None else json.dumps(body)
        return _patiently(lambda: pool.request(method, url + path, body=content, headers=sent))

    return call


def _patiently(send: Callable[[], urllib3.BaseHTTPResponse]) -> Answer:
    """Repeats what MiniStack refuses because too much runs already: such an answer tells no rate."""
    deadline = time.monotonic() + 60
    while True:
        response = send()
        headers = HeadersDict(dict(response.headers))
        if response.status == 429 and "RateLimit-Limit" not in headers and time.monotonic() < deadline:
            time.sleep(0.2)
            continue
        is_json = headers.get("Content-Type", "").startswith("application/json") and response.data
        return Answer(response.status, json.loads(response.data) if is_json else response.data, headers)


@pytest.fixture
def owner(call: Call) -> Callable[..., Session]:
    def owner(**fields: Any) -> Session:
        body = {"email": f"{uuid.uuid4().hex}@example.com", "password": PASSWORD, "name": "Ada Owner"} | fields
        result = call("auth-register", body, address=fresh_address()).result
        return Session(result["access_token"], result["refresh_token"], result["user"], body["password"])

    return owner


@pytest.fixture
def mailed_token(stack: Stack, pool: urllib3.PoolManager) -> Callable[[str], str]:
    """The token in the newest mail to an address; it waits for one."""

    def mailed_token(address: str) -> str:
        def newest() -> str | None:
            answer = pool.request("GET", f"{stack.endpoint}/_ministack/ses/messages")
            mails = [mail for account in json.loads(answer.data)["messages"].values() for mail in account]
            texts = [mail["BodyText"] for mail in mails if mail["To"] == [address]]
            tokens = [token for text in texts for token in re.findall(r"\?token=(\S+)$", text, re.MULTILINE)]
            return tokens[-1] if tokens else None

        return str(eventually(newest))

    return mailed_token


def eventually(look: Callable[[], Any], seconds: float = 60) -> Any:
    """What `look` gives once it gives something."""
    deadline = time.monotonic() + seconds
    while True:
        found = look()
        if found:
            return found
        assert time.monotonic() < deadline, "it did not happen in time"
        time.sleep(0.2)
