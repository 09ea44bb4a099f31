"""Is what is written in bulk stored, whatever becomes of the first try, and does everybody hear of it?"""

import json
import socket
from collections.abc import Iterator
from typing import Any

import pytest

from keel.attributes import Attribute, encode_item, item_text
from tests.harness.wire import refusal

VALUES: Any = ["", 'é "\\\u2028\U0001f642', 0, -(10**30), True, None, [], ["a", [1, None]], {}, {"a é": {"b": ["c"]}}]


@pytest.mark.parametrize("value", VALUES, ids=repr)
def test_the_text_of_an_item_is_its_json(value: Any) -> None:
    item = {"pk": "a", "value": value}
    encoded = json.loads(json.dumps(encode_item(item)))
    assert json.loads(item_text(item)) == encoded
    assert json.loads(item_text({name: Attribute(each) for name, each in item.items()})) == encoded


@pytest.fixture
def items(owner: Any) -> list[dict[str, Any]]:
    account_id = owner().account_id
    return [{"pk": f"{account_id}#é", "sk": f'{number:03} "\u2028'} for number in range(60)]


@pytest.fixture
def sender(items: Any, monkeypatch: Any) -> Iterator[Any]:
    """What sends for this test, from one thread."""
    from keel import bulk

    sender = bulk._Sender()
    monkeypatch.setattr(bulk, "_sender", lambda: sender)
    yield sender
    for connection in sender._idle:
        connection.close()


def stored(items: list[dict[str, Any]]) -> list[str]:
    from keel import table

    return [item["sk"] for item in table.walk(items[0]["pk"])]


def test_items_are_stored_and_deleted_in_any_number(items: Any, wire: Any) -> None:
    from keel import table

    with wire.counting() as trips:
        table.batch_write(items)
    assert list(trips.calls) == ["BatchWriteItem"] * 3
    assert trips.write_units == 60
    assert stored(items) == [item["sk"] for item in items]
    table.batch_write(items[:1], [table.Key(item["pk"], item["sk"]) for item in items[1:]])
    assert stored(items) == [items[0]["sk"]]


def test_what_is_not_processed_is_tried_again(items: Any, inject: Any) -> None:
    from keel import table
    from keel.settings import settings

    left = {settings().table: [{"PutRequest": {"Item": encode_item(items[0])}}]}
    answer = {"UnprocessedItems": left, "ResponseMetadata": {"HTTPStatusCode": 200}}
    injected = inject("BatchWriteItem", answer)
    table.batch_write(items[:1])
    assert injected.hits == 1
    assert stored(items) == [items[0]["sk"]]


def test_what_is_refused_for_ever_is_the_exception_that_botocore_makes_of_it(items: Any, inject: Any) -> None:
    from botocore.exceptions import ClientError

    from keel import table

    inject("BatchWriteItem", refusal("ValidationException"), times=99)
    with pytest.raises(ClientError, match="ValidationException"):
        table.batch_write(items[:1])


@pytest.mark.parametrize("broken", ["address", "proxy", "answer"])
def test_what_does_not_get_through_goes_botocores_way(items: Any, sender: Any, monkeypatch: Any, broken: str) -> None:
    from keel import bulk, table

    if broken == "address":
        monkeypatch.setattr(sender, "_url", "http://127.0.0.1:1/")
    elif broken == "proxy":
        monkeypatch.setattr(sender, "_is_behind_proxy", True)
    else:
        monkeypatch.setattr(bulk, "_HEADERS", {"X-Amz-Target": "Nothing"})
    assert sender.send("{}") is None
    table.batch_write(items[:2])
    assert stored(items) == [item["sk"] for item in items[:2]]


def test_a_request_is_signed_as_botocore_signs_it(items: Any, sender: Any, monkeypatch: Any) -> None:
    from keel import table

    sent: list[dict[str, str]] = []
    connection = sender._opened()
    connection.connect()
    sender._idle.append(connection)
    request = connection.request

    def note(method: str, url: str, body: Any, headers: dict[str, str]) -> None:
        sent.append(headers)
        request(method, url, body, headers)

    monkeypatch.setattr(connection, "request", note)
    table.batch_write(items[:1])
    [headers] = sent
    assert headers["Authorization"].startswith("AWS4-HMAC-SHA256 Credential=")
    assert "x-amz-date;x-amz-target" in headers["Authorization"]


def test_a_connection_that_was_closed_meanwhile_is_not_used(items: Any, sender: Any, wire: Any) -> None:
    from keel import table

    table.batch_write(items[:1])
    [first] = sender._idle
    first.sock.shutdown(socket.SHUT_RDWR)
    with wire.counting() as trips:
        table.batch_write(items[1:2])
    assert list(trips.calls) == ["BatchWriteItem"]
    assert sender._idle[0] is not first
    assert first.sock is None


def test_a_connection_whose_answer_was_its_last_is_not_used(items: Any, sender: Any, monkeypatch: Any) -> None:
    from keel import table

    table.batch_write(items[:1])
    [connection] = sender._idle
    answered = connection.getresponse

    def the_last() -> Any:
        answer = answered()
        connection.sock.close()
        connection.sock = None  # as http.client leaves it after "Connection: close"
        return answer

    monkeypatch.setattr(connection, "getresponse", the_last)
    table.batch_write(items[1:2])
    assert not sender._idle
    table.batch_write(items[2:3])
    assert stored(items) == [item["sk"] for item in items[:3]]


def test_a_connection_that_breaks_is_given_up(items: Any, sender: Any, monkeypatch: Any) -> None:
    from keel import table

    table.batch_write(items[:1])
    [connection] = sender._idle

    def breaks(*_asked: Any) -> None:
        raise ConnectionResetError

    monkeypatch.setattr(connection, "request", breaks)
    table.batch_write(items[1:2])
    assert not sender._idle
    assert connection.sock is None
    assert stored(items) == [item["sk"] for item in items[:2]]


def test_an_address_that_is_secure_is_asked_by_tls(sender: Any, monkeypatch: Any) -> None:
    from http.client import HTTPSConnection

    monkeypatch.setattr(sender, "_url", "https://dynamodb.example/")
    connection = sender._opened()
    assert isinstance(connection, HTTPSConnection)
    assert (connection.host, connection.port, connection.timeout) == ("dynamodb.example", 443, 5)
