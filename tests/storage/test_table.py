"""Test reads, writes, transactions and batches of the table against Amazon's own engine."""

import threading
from concurrent.futures import ThreadPoolExecutor
from functools import cache
from typing import Any

import pytest
from botocore.exceptions import ClientError
from botocore.session import get_session
from pynamodb.attributes import UnicodeAttribute, VersionAttribute

from keel.storage import clients, models, read_hook, table
from keel.storage.attribute_types import (
    DocumentAttribute,
    DocumentListAttribute,
    FlagAttribute,
    IntegerAttribute,
    JsonTextAttribute,
    OptionalIntegerAttribute,
    OptionalTextAttribute,
    TextAttribute,
    TextListAttribute,
    encode_attributes,
)
from keel.storage.calls import key_of
from keel.storage.connection import table_connection
from keel.storage.models import AttributeMap, Item, Key, UnknownItem
from keel.storage.table import ConditionFailed, RetriesExhausted
from tests.harness.wire import conflict, losing_answers, refusal


class Sample(Item, discriminator="sample"):
    name = TextAttribute()
    note = OptionalTextAttribute()
    number = IntegerAttribute(default=0)
    limit = OptionalIntegerAttribute()
    is_set = FlagAttribute()
    tags = TextListAttribute()
    fields = JsonTextAttribute()
    document = DocumentAttribute(default=dict)
    entries = DocumentListAttribute(default=list)


class Versioned(Item, discriminator="versioned"):
    text = UnicodeAttribute()
    revision = VersionAttribute()


@pytest.fixture
def account_id(owner: Any) -> str:
    return str(owner().account_id)


@pytest.fixture
def key(account_id: str) -> Key:
    return Key(table.partition(account_id, "sample"), "é \u2028")


def attribute_maps(account_id: str, count: int) -> list[AttributeMap]:
    pk = table.partition(account_id, "entry")
    return [encode_attributes({"pk": pk, "sk": f"{number:03}", "kind": "sample"}) for number in range(count)]


def stored(account_id: str) -> list[str]:
    return [item.sk for item in table.iterate(table.partition(account_id, "entry"))]


def test_every_attribute_type_keeps_its_value(key: Key) -> None:
    values: dict[str, Any] = {
        "name": 'é "\\\u2028\U0001f642',
        "note": "",
        "number": 10**30,
        "limit": 0,
        "is_set": True,
        "tags": ["b", "a"],
        "fields": {"b": [1.5, None], "a": True},
        "document": {"a é": {"b": ["c", 1, True, None]}},
        "entries": [{"at": 1}, {}],
    }
    table.write(table.put(Sample(*key, **values)))
    item = table.get(Sample, key)
    assert item is not None
    assert {name: getattr(item, name) for name in values} == values


def test_a_default_takes_no_space_in_the_item(key: Key) -> None:
    item = Sample(*key)
    assert set(item.serialize()) == {"pk", "sk", "kind", "number", "document", "entries"}
    table.write(table.put(item))
    read = table.get(Sample, key)
    assert read is not None
    assert (read.name, read.note, read.limit, read.is_set, read.tags, read.fields) == ("", None, None, False, [], {})


def test_attributes_of_a_newer_version_survive_an_older_one(key: Key) -> None:
    newer: AttributeMap = {
        "pk": {"S": key.pk},
        "sk": {"S": key.sk},
        "kind": {"S": "sample"},
        "new": {"M": {"a": {"N": "1"}}},
    }
    table.batch_write([newer])
    item = table.get(Sample, key)
    assert item is not None
    item.name = "changed"
    table.write(table.put(item))
    table.write(table.update(Sample, key, [Sample.limit.set(1)]))
    [attributes] = table.batch_get_attributes([key]).values()
    assert attributes["new"] == newer["new"]
    assert (attributes["name"], attributes["limit"]) == ({"S": "changed"}, {"N": "1"})


def test_items_are_loaded_with_the_values_that_pynamodb_loads(key: Key) -> None:
    full = Sample(*key, name="é", note="", number=1, is_set=True, tags=["a"], fields={"a": 1}, entries=[{}])
    for attributes in (full.serialize(), Sample(*key).serialize(), {**full.serialize(), "note": {"NULL": True}}):
        by_pynamodb = super(Item, Sample).from_raw_data(attributes)
        assert Sample.from_raw_data(attributes).attribute_values == by_pynamodb.attribute_values
        assert Item.from_raw_data(attributes).attribute_values == by_pynamodb.attribute_values
    with pytest.raises(ValueError, match="cannot be loaded"):
        Versioned.from_raw_data(full.serialize())


def test_an_item_of_an_unknown_type_is_logged_and_returned(key: Key, log_lines: Any) -> None:
    table.batch_write([{"pk": {"S": key.pk}, "sk": {"S": key.sk}, "kind": {"S": "hologram"}}])
    [item] = table.query(key.pk).items
    assert isinstance(item, UnknownItem)
    assert item.key == key
    assert [line["kind"] for line in log_lines() if line["message"] == "unknown_item_type"] == ["hologram"]


@pytest.mark.parametrize("transaction", [False, True])
def test_a_refused_write_raises_with_the_stored_item(key: Key, transaction: bool) -> None:
    run = table.transact if transaction else table.write
    table.write(table.put(Sample(*key, name="first")))
    absent = Sample.pk.does_not_exist()
    for refused in (
        table.put(Sample(*key), absent),
        table.update(Sample, key, [Sample.name.set("x")], Sample.name == "other"),
        table.delete(Sample, key, Sample.name == "other"),
    ):
        with pytest.raises(ConditionFailed) as failure:
            run(refused)
        assert failure.value.item.name == "first"
    missing = Key(key.pk, "missing")
    with pytest.raises(ConditionFailed) as failure:
        run(table.update(Sample, missing, [Sample.name.set("x")]))
    assert failure.value.item is None


def test_a_failed_condition_raises_what_the_write_names(key: Key) -> None:
    error = LookupError("gone")
    with pytest.raises(LookupError, match="gone"):
        table.write(table.delete(Sample, key, Sample.pk.exists(), on_failure=table.raise_(error)))


def test_the_first_failed_condition_of_a_transaction_decides(key: Key) -> None:
    other = Key(key.pk, "other")

    def named(name: str) -> Any:
        return table.raise_(LookupError(name))

    with pytest.raises(LookupError, match="first"):
        table.transact(
            table.put(Sample(*Key(key.pk, "new"))),
            table.update(Sample, key, [Sample.name.set("x")], on_failure=named("first")),
            table.check(Sample, other, on_failure=named("second")),
        )
    assert table.get(Sample, Key(key.pk, "new")) is None


def test_a_write_returns_the_item_before_and_after(key: Key) -> None:
    table.write(table.put(Sample(*key, name="old")))
    renamed = table.update(Sample, key, [Sample.name.set("new")])
    assert table.write(renamed, returning="ALL_NEW").name == "new"
    assert table.write(table.delete(Sample, key), returning="ALL_OLD").name == "new"
    assert table.write(table.delete(Sample, key), returning="ALL_OLD") is None


def test_a_version_attribute_refuses_a_change_of_an_older_version(key: Key) -> None:
    table.write(table.put(Versioned(*key, text="first")))
    one, other = table.get(Versioned, key), table.get(Versioned, key)
    assert one is not None
    assert other is not None
    assert one.revision == 1
    one.text = "second"
    table.write(table.put(one))
    with pytest.raises(ConditionFailed) as failure:
        table.write(table.put(other))
    assert (failure.value.item.text, failure.value.item.revision) == ("second", 2)


def test_pages_of_a_partition_keep_their_bounds_and_order(account_id: str) -> None:
    table.batch_write(attribute_maps(account_id, 30))
    pk = table.partition(account_id, "entry")

    def read(**bounds: Any) -> list[str]:
        return [item.sk for item in table.query(pk, **bounds).items]

    assert read(begins="01") == [f"{number:03}" for number in range(10, 20)]
    assert read(between=("003", "005")) == ["003", "004", "005"]
    assert read(after="027") == ["028", "029"]
    assert read(before="002") == ["000", "001"]
    assert read(newest_first=True, limit=2) == ["029", "028"]
    assert table.query(pk, limit=29).more
    assert not table.query(pk, limit=31).more


def test_a_scan_finds_the_items_of_one_type(key: Key) -> None:
    table.write(table.put(Sample(*key)))
    after: Key | None = None
    found: list[Key] = []
    while True:
        items, after = table.scan_attributes(Sample, after=after, limit=1_000)
        found += [key_of(item) for item in items]
        assert all(item["kind"]["S"] == "sample" for item in items)
        if after is None:
            break
    assert key in found


def test_any_number_of_items_is_written_and_deleted_in_batches(account_id: str, wire: Any) -> None:
    items = attribute_maps(account_id, 60)
    with wire.counting() as trips:
        table.batch_write(items)
    assert list(trips.calls) == ["BatchWriteItem"] * 3
    assert trips.write_units == 60
    assert stored(account_id) == [item["sk"]["S"] for item in items]
    table.batch_write(items[:1], [key_of(item) for item in items[1:]])
    assert stored(account_id) == ["000"]


def test_more_than_a_hundred_items_are_read_in_batches(account_id: str, wire: Any) -> None:
    items = attribute_maps(account_id, 130)
    table.batch_write(items)
    keys = [key_of(item) for item in items]
    with wire.counting() as trips:
        assert table.batch_get(keys).keys() == set(keys)
    assert list(trips.calls) == ["BatchGetItem"] * 2


def test_what_a_batch_leaves_unprocessed_is_sent_again(account_id: str, inject: Any) -> None:
    [item] = attribute_maps(account_id, 1)
    name = table_connection().table_name
    left = {name: [{"PutRequest": {"Item": item}}]}
    injected = inject("BatchWriteItem", {"UnprocessedItems": left, "ResponseMetadata": {"HTTPStatusCode": 200}})
    table.batch_write([item])
    keys = {name: {"Keys": [{"pk": item["pk"], "sk": item["sk"]}], "ConsistentRead": True}}
    unread = {"Responses": {}, "UnprocessedKeys": keys, "ResponseMetadata": {"HTTPStatusCode": 200}}
    injected_read = inject("BatchGetItem", unread)
    assert table.batch_get([key_of(item)])
    assert (injected.hits, injected_read.hits) == (1, 1)


def test_a_batch_that_stays_unprocessed_ends_in_an_error(account_id: str, inject: Any, monkeypatch: Any) -> None:
    monkeypatch.setattr("keel.storage.table.time.sleep", lambda _seconds: None)
    [item] = attribute_maps(account_id, 1)
    left = {table_connection().table_name: [{"PutRequest": {"Item": item}}]}
    inject("BatchWriteItem", {"UnprocessedItems": left, "ResponseMetadata": {"HTTPStatusCode": 200}}, times=99)
    with pytest.raises(RetriesExhausted):
        table.batch_write([item])


def test_a_transaction_conflict_is_retried(key: Key, inject: Any) -> None:
    injected = inject("TransactWriteItems", conflict(), times=2)
    table.transact(table.put(Sample(*key)))
    assert injected.hits == 2
    assert table.get(Sample, key) is not None


@pytest.mark.parametrize("operation", ["Query", "GetItem", "PutItem", "BatchWriteItem", "BatchGetItem", "Scan"])
def test_an_error_of_dynamodb_is_botocores_exception(key: Key, inject: Any, operation: str) -> None:
    calls: dict[str, Any] = {
        "Query": lambda: table.query(key.pk),
        "GetItem": lambda: table.get(Sample, key),
        "PutItem": lambda: table.write(table.put(Sample(*key))),
        "BatchWriteItem": lambda: table.batch_write([Sample(*key).serialize()]),
        "BatchGetItem": lambda: table.batch_get([key]),
        "Scan": lambda: table.scan_attributes(Sample, after=None, limit=1),
    }
    inject(operation, refusal("ValidationException"), times=99)
    with pytest.raises(ClientError, match="ValidationException"):
        calls[operation]()


@pytest.mark.parametrize("operation", ["TransactWriteItems", "GetItem", "Query", "BatchWriteItem"])
def test_a_call_whose_response_is_lost_is_sent_again(key: Key, operation: str) -> None:
    with losing_answers("TransactWriteItems"):
        table.transact(table.put(Sample(*key, name="once"), Sample.pk.does_not_exist()))
    if operation == "TransactWriteItems":
        return
    with losing_answers(operation):
        table.batch_write([Sample(*key, name="once").serialize()])
        assert [item.key for item in table.query(key.pk).items] == [key]
        assert table.get(Sample, key) is not None


def test_the_read_hook_returns_what_the_stock_client_returns(key: Key, monkeypatch: Any) -> None:
    values: dict[str, Any] = {"name": "é\u2028", "number": 3, "tags": ["a"], "is_set": True, "document": {"a": [None]}}
    table.write(table.put(Sample(*key, **values)))
    stock = get_session().create_client("dynamodb")
    ours = clients.client("dynamodb")
    name = table_connection().table_name
    key_attributes = {"pk": {"S": key.pk}, "sk": {"S": key.sk}}
    requests: list[tuple[str, dict[str, Any]]] = [
        ("get_item", {"TableName": name, "Key": key_attributes}),
        ("batch_get_item", {"RequestItems": {name: {"Keys": [key_attributes]}}}),
        (
            "query",
            {
                "TableName": name,
                "KeyConditionExpression": "pk = :pk",
                "ExpressionAttributeValues": {":pk": {"S": key.pk}},
                "ReturnConsumedCapacity": "TOTAL",
            },
        ),
    ]
    for operation, request in requests:
        answers = [getattr(client, operation)(**request) for client in (ours, stock)]
        for answer in answers:
            assert answer.pop("ResponseMetadata")["HTTPStatusCode"] == 200
        assert answers[0] == answers[1]
    stock.close()


def test_reads_work_without_the_read_hook(key: Key, monkeypatch: Any, wire: Any) -> None:
    monkeypatch.setattr(read_hook, "register", lambda _events: None)
    monkeypatch.setattr(clients, "_create", cache(clients._create.__wrapped__))
    table.write(table.put(Sample(*key, name="read")))
    assert [item.key for item in table.query(key.pk).items] == [key]
    assert table.batch_get([key]).keys() == {key}
    clients.client("dynamodb").close()


def test_an_error_of_a_hooked_operation_is_parsed_by_botocore(key: Key) -> None:
    with pytest.raises(ClientError, match="ResourceNotFoundException"):
        clients.client("dynamodb").query(
            TableName="none", KeyConditionExpression="pk = :pk", ExpressionAttributeValues={":pk": {"S": "a"}}
        )


def test_threads_and_models_share_one_client(account_id: str, monkeypatch: Any) -> None:
    monkeypatch.setattr(clients, "_create", cache(clients._create.__wrapped__))
    barrier = threading.Barrier(6)

    def make(_number: int) -> int:
        barrier.wait()
        return id(Sample._get_connection().connection.client)

    with ThreadPoolExecutor(6) as pool:
        made = set(pool.map(make, range(6)))
    assert made == {id(clients.client("dynamodb"))}
    assert Sample._get_connection() is Versioned._get_connection() is models.Item._get_connection()
    clients.client("dynamodb").close()
