"""Does a call get through whatever becomes of the first try, give what botocore would, and is it heard of?"""

import datetime
import ipaddress
import json
import socket
import ssl
import threading
from collections.abc import Iterator
from functools import cache, partial
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any

import pytest
from botocore import xform_name
from botocore.config import Config
from botocore.exceptions import ClientError, SSLError
from botocore.session import get_session
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from keel.storage.attributes import Attribute, encode_item, item_text
from tests.harness.wire import losing_answers, refusal

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
    from keel.storage import dynamodb

    sender = dynamodb._Sender()
    monkeypatch.setattr(dynamodb, "_sender", lambda: sender)
    yield sender
    for connection in sender._idle:
        connection.close()


def stored(items: list[dict[str, Any]]) -> list[str]:
    from keel.storage import table

    return [item["sk"] for item in table.iterate(items[0]["pk"])]


def test_items_are_stored_and_deleted_in_any_number(items: Any, wire: Any) -> None:
    from keel.storage import table

    with wire.counting() as trips:
        table.batch_write(items)
    assert list(trips.calls) == ["BatchWriteItem"] * 3
    assert trips.write_units == 60
    assert stored(items) == [item["sk"] for item in items]
    table.batch_write(items[:1], [table.Key(item["pk"], item["sk"]) for item in items[1:]])
    assert stored(items) == [items[0]["sk"]]


def test_what_is_not_processed_is_tried_again(items: Any, inject: Any) -> None:
    from keel.settings import settings
    from keel.storage import table

    left = {settings().table: [{"PutRequest": {"Item": encode_item(items[0])}}]}
    answer = {"UnprocessedItems": left, "ResponseMetadata": {"HTTPStatusCode": 200}}
    injected = inject("BatchWriteItem", answer)
    table.batch_write(items[:1])
    assert injected.hits == 1
    assert stored(items) == [items[0]["sk"]]


def test_what_is_refused_for_ever_is_the_exception_that_botocore_makes_of_it(items: Any, inject: Any) -> None:
    from keel.storage import table

    inject("BatchWriteItem", refusal("ValidationException"), times=99)
    with pytest.raises(ClientError, match="ValidationException"):
        table.batch_write(items[:1])


@pytest.mark.parametrize("broken", ["address", "proxy", "answer", "checksum"])
def test_what_does_not_get_through_goes_botocores_way(items: Any, sender: Any, monkeypatch: Any, broken: str) -> None:
    from keel.storage import dynamodb, table

    if broken == "address":
        monkeypatch.setattr(sender, "_url", "http://127.0.0.1:1/")
    elif broken == "proxy":
        monkeypatch.setattr(sender, "_is_for_botocore", True)
    elif broken == "answer":
        monkeypatch.setattr(dynamodb, "_VERSION", "Nothing")
    else:
        monkeypatch.setattr("keel.storage.dynamodb.zlib.crc32", lambda _content: -1)
    assert sender.send("ListTables", "{}") is None
    table.batch_write(items[:2])
    assert stored(items) == [item["sk"] for item in items[:2]]


def test_a_request_is_signed_as_botocore_signs_it(items: Any, sender: Any, monkeypatch: Any) -> None:
    from keel.storage import table

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
    from keel.storage import table

    table.batch_write(items[:1])
    [first] = sender._idle
    first.sock.shutdown(socket.SHUT_RDWR)
    with wire.counting() as trips:
        table.batch_write(items[1:2])
    assert list(trips.calls) == ["BatchWriteItem"]
    assert sender._idle[0] is not first
    assert first.sock is None


def test_a_connection_whose_answer_was_its_last_is_not_used(items: Any, sender: Any, monkeypatch: Any) -> None:
    from keel.storage import table

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
    from keel.storage import table

    table.batch_write(items[:1])
    [connection] = sender._idle

    def breaks(*_asked: Any) -> None:
        raise ConnectionResetError

    monkeypatch.setattr(connection, "request", breaks)
    table.batch_write(items[1:2])
    assert not sender._idle
    assert connection.sock is None
    assert stored(items) == [item["sk"] for item in items[:2]]


def test_an_answer_that_is_no_object_is_none() -> None:
    from keel.storage import dynamodb

    with pytest.raises(ValueError, match="no object"):
        dynamodb._read(b"[]", None)


ITEM = {
    "n": {"N": "123456789012345678901234567890"},
    "yes": {"BOOL": True},
    "nothing": {"NULL": True},
    "l": {"L": [{"S": ""}, {"M": {"deep": {"L": []}}}]},
}


def calls(pk: str) -> list[tuple[str, dict[str, Any]]]:
    """Calls of every operation in use, some of which are refused."""
    from keel.settings import settings

    table = settings().table
    keys = [{"pk": {"S": pk}, "sk": {"S": sk}} for sk in ("a", "b")]
    item = {**keys[0], **ITEM}
    if_new = {"ConditionExpression": "attribute_not_exists(pk)", "ReturnValuesOnConditionCheckFailure": "ALL_OLD"}
    put, check = {"TableName": table, "Item": item, **if_new}, {"TableName": table, "Key": keys[1], **if_new}
    query = {"TableName": table, "KeyConditionExpression": "pk = :pk", "ExpressionAttributeValues": {":pk": {"S": pk}}}
    change = {"UpdateExpression": "SET m = :m", "ExpressionAttributeValues": {":m": {"M": ITEM}}}
    return [
        ("GetItem", {"TableName": table, "Key": keys[0]}),
        ("PutItem", put),
        ("PutItem", put),
        ("GetItem", {"TableName": table, "Key": keys[0], "ConsistentRead": True}),
        ("UpdateItem", {"TableName": table, "Key": keys[0], "ReturnValues": "ALL_NEW", **change}),
        ("BatchWriteItem", {"RequestItems": {table: [{"PutRequest": {"Item": keys[1] | ITEM}}]}}),
        ("BatchGetItem", {"RequestItems": {table: {"Keys": keys[1:], "ConsistentRead": True}}}),
        ("Query", {**query, "Limit": 1}),
        ("Query", query),
        (
            "TransactWriteItems",
            {"TransactItems": [{"Put": put}, {"ConditionCheck": check}], "ClientRequestToken": pk[:36]},
        ),
        ("TransactWriteItems", {"TransactItems": [{"Delete": {"TableName": table, "Key": key}} for key in keys]}),
        ("DeleteItem", {"TableName": table, "Key": keys[0], "ConditionExpression": "attribute_exists(pk)"}),
        ("Query", query),
        ("Scan", {"TableName": table, "Limit": 1, "ExclusiveStartKey": keys[1]}),
        ("PutItem", {"TableName": table, "Item": {"pk": keys[0]["pk"]}}),
        ("GetItem", {"TableName": "no-such-table", "Key": keys[0]}),
    ]


def outcome(call: Any) -> Any:
    try:
        return {name: value for name, value in call().items() if name != "ResponseMetadata"}
    except ClientError as error:
        return {name: value for name, value in error.response.items() if name != "ResponseMetadata"}


def test_a_call_gives_what_botocores_own_client_gives(items: Any) -> None:
    from keel.storage import clients, dynamodb

    client: Any = get_session().create_client(
        "dynamodb",
        endpoint_url=clients.client("dynamodb").meta.endpoint_url,
        config=Config(parameter_validation=False, retries={"total_max_attempts": 1}),
    )
    pk = items[0]["pk"]
    given = [outcome(partial(dynamodb.call, operation, **asked)) for operation, asked in calls(pk)]
    methods = {operation: getattr(client, xform_name(operation)) for operation, _ in calls(pk)}
    wanted = [outcome(partial(methods[operation], **asked)) for operation, asked in calls(pk)]
    refused = [each["Error"]["Code"] for each in given if "Error" in each]
    assert [code.removesuffix("Exception") for code in refused] == [
        "ConditionalCheckFailed",
        "TransactionCanceled",
        "ConditionalCheckFailed",
        "Validation",
        "ResourceNotFound",
    ]
    for each, other in zip(given[:13], wanted[:13], strict=True):
        assert normal(each) == normal(other)
    for each, other in zip(given[14:], wanted[14:], strict=True):
        assert each["Error"] == other["Error"]


def normal(answer: dict[str, Any]) -> dict[str, Any]:
    """Without what says the same twice: botocore repeats the message of an error outside of it."""
    return {name: value for name, value in answer.items() if name.lower() != "message"}


@pytest.mark.parametrize("operation", ["PutItem", "TransactWriteItems", "GetItem"])
def test_a_call_whose_answer_is_lost_is_sent_again(items: Any, wire: Any, operation: str) -> None:
    from keel.storage import table

    place = table.Key(items[0]["pk"], items[0]["sk"])
    writes = [table.put(item, "attribute_not_exists(pk)") for item in items[:2]]
    with losing_answers(operation), wire.counting() as trips:
        if operation == "PutItem":
            table.apply(table.put(items[0]))
        elif operation == "TransactWriteItems":
            table.commit(*writes)  # the same again would fail its conditions
        else:
            assert table.get(place) is None
    assert trips.calls == [operation] * 2
    assert (table.get(place) is None) == (operation == "GetItem")


class _Answers(BaseHTTPRequestHandler):
    def do_POST(self) -> None:
        self.rfile.read(int(self.headers["Content-Length"]))
        self.send_response(200)
        self.end_headers()
        self.wfile.write(b'{"Item": {"pk": {"S": "by TLS"}}}')

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - the name is the library's
        """Say nothing."""


@pytest.fixture
def secure(tmp_path: Path) -> Iterator[tuple[str, Path]]:
    """The address of a server that speaks TLS alone, and the file by which it is to be trusted."""
    key = ec.generate_private_key(ec.SECP256R1())
    name, now = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "keel")]), datetime.datetime.now(datetime.UTC)
    names = x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address("127.0.0.1"))])
    certificate = (
        x509.CertificateBuilder(name, name, key.public_key(), x509.random_serial_number())
        .not_valid_before(now - datetime.timedelta(days=1))
        .not_valid_after(now + datetime.timedelta(days=1))
        .add_extension(names, critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    trusted, private = tmp_path / "trusted.pem", tmp_path / "private.pem"
    trusted.write_bytes(certificate.public_bytes(serialization.Encoding.PEM))
    plain = serialization.NoEncryption()
    private.write_bytes(key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, plain))
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(trusted, private)
    server = HTTPServer(("127.0.0.1", 0), _Answers)
    server.socket = context.wrap_socket(server.socket, server_side=True)
    server.handle_error = lambda *_: None  # type: ignore[method-assign] # of the client that does not trust it
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"https://127.0.0.1:{server.server_port}", trusted
    server.shutdown()
    server.server_close()


def test_a_secure_address_is_asked_by_tls_and_only_trusted_by_its_authority(
    secure: tuple[str, Path], sender: Any, monkeypatch: Any
) -> None:
    from keel.storage import clients, dynamodb

    address, trusted = secure
    monkeypatch.setattr(sender, "_url", f"{address}/")
    dynamodb._trusting.cache_clear()
    assert sender.send("GetItem", "{}") is None
    stock: Any = get_session().create_client(
        "dynamodb", endpoint_url=address, config=Config(retries={"total_max_attempts": 1})
    )
    with pytest.raises(SSLError):
        stock.list_tables()
    dynamodb._trusting.cache_clear()
    with monkeypatch.context() as patch:
        patch.setattr(clients, "trusted", lambda: str(trusted))
        assert sender.send("GetItem", "{}") == {"Item": {"pk": {"S": "by TLS"}}}
    dynamodb._trusting.cache_clear()


def test_threads_that_want_a_client_at_the_same_time_get_the_same(stand_ins: Any, monkeypatch: Any) -> None:
    from keel.storage import clients

    begun = threading.Barrier(8)

    def client(_number: int) -> Any:
        begun.wait()
        return clients.client("sqs")

    monkeypatch.setattr(clients, "_made", cache(clients._made.__wrapped__))
    assert len(set(map(id, clients.map_concurrently(client, range(8))))) == 1
