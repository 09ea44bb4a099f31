"""Test the synchronous and the asynchronous client, also when threads share one."""

import asyncio
import json
import logging
import threading
from collections import Counter
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import httpx
import pytest

from keel_crm import AsyncKeel, Keel, MemoryTokens, NotFoundError, Retries, Tokens, UnreachableError

URL = "https://keel.example/v1/"


class Server:
    """Answers as Keel would whose access token is the last one given; a refresh token works once."""

    def __init__(self) -> None:
        self.calls: Counter[str] = Counter()
        self.number = 0
        self.lock = threading.Lock()

    def __call__(self, request: httpx.Request) -> httpx.Response:
        operation = request.url.path.rpartition("/")[2]
        body = json.loads(request.content)
        with self.lock:
            self.calls[operation] += 1
            if operation == "auth-refresh-token":
                return self._refresh(body["refresh_token"])
            if request.headers["Authorization"] != f"Bearer access-{self.number}":
                return self._refused("auth.invalid_token")
        if operation == "contacts-list":
            return self._page(body)
        return self._success({"id": body["id"]})

    def _refresh(self, token: str) -> httpx.Response:
        if token != f"refresh-{self.number}":
            return self._refused("auth.invalid_token")
        self.number += 1
        new = {"access_token": f"access-{self.number}", "refresh_token": f"refresh-{self.number}", "expires_in": 900}
        return self._success(new)

    def _page(self, body: dict[str, Any]) -> httpx.Response:
        pages = {"": ["1", "2"], "a": [], "b": ["3"]}
        follows = {"": "a", "a": "b", "b": ""}
        cursor = body.get("cursor", "")
        assert body["limit"] == 2
        return self._success({"items": [{"id": each} for each in pages[cursor]], "next_cursor": follows[cursor]})

    def _success(self, result: Any) -> httpx.Response:
        return httpx.Response(200, json={"ok": True, "result": result})

    def _refused(self, code: str) -> httpx.Response:
        return httpx.Response(401, json={"ok": False, "error": {"code": code, "message": "No."}})


def test_many_threads_with_an_expired_token_refresh_it_once() -> None:
    server = Server()
    server.number = 5
    store = MemoryTokens(Tokens("expired", "refresh-5"))
    gate = threading.Barrier(8)

    def get(number: int) -> str:
        gate.wait(timeout=30)
        return client.contacts.get(str(number))["id"]

    with Keel(URL, store=store, transport=httpx.MockTransport(server)) as client, ThreadPoolExecutor(8) as pool:
        assert list(pool.map(get, range(8))) == [str(number) for number in range(8)]
    assert server.calls["auth-refresh-token"] == 1


def test_many_tasks_with_an_expired_token_refresh_it_once() -> None:
    server = Server()
    server.number = 5

    async def get_all() -> list[Any]:
        store = MemoryTokens(Tokens("expired", "refresh-5"))
        async with AsyncKeel(URL, store=store, transport=httpx.MockTransport(server)) as client:
            return list(await asyncio.gather(*(client.contacts.get(str(number)) for number in range(8))))

    found = asyncio.run(get_all())
    assert [each["id"] for each in found] == [str(number) for number in range(8)]
    assert server.calls["auth-refresh-token"] == 1


def test_a_walk_gives_every_item_of_every_page() -> None:
    server = Server()
    with Keel(URL, token="access-0", transport=httpx.MockTransport(server)) as client:
        walk = client.contacts.iterate(limit=2)
        assert server.calls["contacts-list"] == 0
        assert [contact["id"] for contact in walk] == ["1", "2", "3"]


def test_a_walk_gives_every_item_of_every_page_to_asyncio() -> None:
    async def walk() -> list[str]:
        async with AsyncKeel(URL, token="access-0", transport=httpx.MockTransport(Server())) as client:
            return [contact["id"] async for contact in client.contacts.iterate(limit=2)]

    assert asyncio.run(walk()) == ["1", "2", "3"]


def test_a_pause_is_slept(monkeypatch: pytest.MonkeyPatch) -> None:
    slept: list[float] = []
    monkeypatch.setattr("keel_crm.clients.time.sleep", slept.append)
    answers = iter([httpx.Response(500, text="no"), httpx.Response(200, json={"ok": True, "result": {"id": "1"}})])
    with Keel(URL, token="t", transport=httpx.MockTransport(lambda _: next(answers))) as client:
        assert client.contacts.get("1")["id"] == "1"
    assert len(slept) == 1


def test_errors_reach_the_caller_of_both(monkeypatch: pytest.MonkeyPatch) -> None:
    body = {"ok": False, "error": {"code": "contacts.not_found", "message": "None."}}
    transport = httpx.MockTransport(lambda _: httpx.Response(404, json=body))
    with Keel(URL, token="t", transport=transport) as client, pytest.raises(NotFoundError):
        client.contacts.get("1")

    async def get() -> None:
        async with AsyncKeel(URL, token="t", transport=transport) as client:
            await client.contacts.get("1")

    with pytest.raises(NotFoundError):
        asyncio.run(get())


def test_a_fault_of_the_connection_reaches_the_decisions() -> None:
    def fail(_: httpx.Request) -> httpx.Response:
        calls.append(1)
        raise httpx.ReadTimeout("slow")

    calls: list[int] = []
    retries = Retries(attempts=2, first_pause=0)
    client = Keel(URL, token="t", transport=httpx.MockTransport(fail), retries=retries)
    with client, pytest.raises(UnreachableError):
        client.contacts.get("1")
    assert len(calls) == 3


@pytest.mark.parametrize(
    "given",
    [
        lambda: Keel("localhost:4566", token="t"),
        lambda: Keel(URL, client_id="kl_ci_1"),
        lambda: Keel(URL, token="t", store=MemoryTokens()),
        lambda: AsyncKeel(URL, token="t", client_id="kl_ci_1", client_secret="kl_cs_1"),
    ],
)
def test_a_client_refuses_what_it_cannot_work_with(given: Callable[[], object]) -> None:
    with pytest.raises(ValueError, match=r"URL|together|one of"):
        given()


def test_tokens_and_bodies_are_not_logged(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG, logger="keel_crm")
    with Keel(URL, store=MemoryTokens(Tokens("x", "refresh-0")), transport=httpx.MockTransport(Server())) as client:
        client.contacts.get("0192f")
        assert "access-1" not in repr(client)
    own = [record.getMessage() for record in caplog.records if record.name == "keel_crm"]
    assert any("contacts-get returned 200" in line for line in own)
    assert not any("access" in line or "0192f" in line or "refresh-0" in line for line in own)
