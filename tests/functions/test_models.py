"""Test that models, schemas and stored items agree with each other."""

import json
from collections.abc import Callable
from typing import Any

import pytest

from keel.entity_types import ENTITY_TYPES
from keel.records.entity_type import JSON_FIELDS
from keel.records.models import Record
from keel.storage import table
from keel.storage.models import AttributeMap, Item, Key, UnknownItem, from_attributes
from tests.harness.accounts import Account, World

OF_ALL_RECORDS = {"created_by", "created_at", "updated_at", "version", "revision", "bulk", "undone"}
KEY = {"pk", "sk", "kind"}

# A value other than the default for the fields that the type of their default does not tell.
VALUES: dict[str, Any] = {
    "email": "ada@engines.example",
    "stage": "active",
    "start_date": "2026-06-01",
    "end_date": "2026-06-02",
    "renewal_date": "2026-06-03",
    "employee_count": 7,
    "annual_revenue": 2**53 - 1,
    "value": 100,
    "display_order": 3,
    "tags": ["b", "a"],
    "occurred_at": "2026-06-01T12:00:00.000Z",
    "metadata": {"notes": 'é "\\\u2028', "duration_seconds": 5},
    "activity_type": "call",
    "entity_type": "company",
    "field_type": "enum",
    "options": ["z", "é"],
    "required": True,
    "is_retainer": True,
}

# A contact as version 0.1 stored it.
STORED_BY_0_1: AttributeMap = {
    "pk": {"S": "a#contact"},
    "sk": {"S": "01976b1e-0000-7000-8000-000000000001"},
    "kind": {"S": "contact"},
    "first_name": {"S": "Ada"},
    "company_id": {"S": "01976b1e-0000-7000-8000-000000000002"},
    "tags": {"L": [{"S": "b"}, {"S": "a"}]},
    "custom_fields": {"S": '{"01976b1e-0000-7000-8000-000000000003":1.50,"01976b1e-0000-7000-8000-000000000004":"é"}'},
    "created_by": {"S": "01976b1e-0000-7000-8000-000000000005"},
    "created_at": {"S": "2026-06-01T12:00:00.000Z"},
    "updated_at": {"S": "2026-06-01T12:00:00.000Z"},
    "version": {"N": "3"},
    "revision": {"N": "4"},
    "bulk": {"N": "3"},
    "undone": {"M": {"at": {"N": "3"}, "version": {"N": "1"}}},
}


@pytest.fixture(params=ENTITY_TYPES)
def entity_type(request: pytest.FixtureRequest) -> Any:
    return ENTITY_TYPES[request.param]


def test_a_model_has_the_fields_of_its_schema_with_the_same_defaults(entity_type: Any) -> None:
    assert set(entity_type.model.get_attributes()) == {"pk", "sk", "item_type", *OF_ALL_RECORDS, *entity_type.defaults}
    values = entity_type.model("pk", "sk").attribute_values
    assert {name: values.get(name) for name in entity_type.defaults} == entity_type.defaults


def test_a_model_has_the_name_of_its_entity_type_as_discriminator(entity_type: Any) -> None:
    assert Item.item_type.get_discriminator(entity_type.model) == entity_type.name


def test_a_field_with_its_default_is_not_stored(entity_type: Any) -> None:
    record = entity_type.model("pk", "sk", **entity_type.defaults)
    assert set(record.serialize(null_check=False)) == KEY


def test_every_field_is_stored_as_it_was_sent(entity_type: Any, account: Account) -> None:
    world = World(account)
    values = {name: _value(world, name, default) for name, default in entity_type.defaults.items()}
    values = {name: value for name, value in values.items() if name in entity_type.schema.model_fields}
    if entity_type.has_custom_fields:
        definition = {"entity_type": entity_type.name, "label": "Weight", "field_type": "number"}
        values["custom_fields"] = {account.creates("custom-fields", **definition)["id"]: 1.5}
    created = account.creates(entity_type.resource.replace("_", "-"), **values)
    assert {name: created[name] for name in values} == values
    record = table.get(entity_type.model, entity_type.key(created["account_id"], created["id"]))
    assert record is not None
    assert {name: record.attribute_values[name] for name in values} == values
    assert (record.id, record.account_id, record.version, record.revision) == (
        created["id"],
        created["account_id"],
        1,
        1,
    )
    attributes = record.serialize()
    # No definition applies to projects, so their custom fields are empty.
    assert set(attributes) >= KEY | (set(values) - {"custom_fields"})
    for name in JSON_FIELDS:
        if name in attributes:
            expected = json.dumps(values[name], ensure_ascii=False, separators=(",", ":"), sort_keys=True)
            assert attributes[name] == {"S": expected}


def test_stored_items_are_loaded_without_undeclared_attributes(
    account: Account, invoke: Callable[[str, dict[str, Any]], Any]
) -> None:
    world = World(account)
    company, source = world.id_of("companies"), world.id_of("sources")
    texts = {"email": "ada@engines.example", "phone": "+44 20 7946 0001", "tags": ["a b"]}
    contact = account.creates("contacts", company_id=company, source_id=source, **texts)
    account.does("projects-contacts-add", {"project_id": world.id_of("projects"), "contact_id": contact["id"]})
    for resource in ("activities", "custom-fields"):
        world.id_of(resource)
    invoke("sweep", {})
    kinds = set()
    stored = table.batch_get_attributes(Key(item["pk"], item["sk"]) for item in account.items())
    for attributes in stored.values():
        item = from_attributes(attributes)
        assert not isinstance(item, UnknownItem)
        assert set(attributes) <= {attribute.attr_name for attribute in type(item).get_attributes().values()}
        assert item.serialize() == attributes
        kinds.add(attributes["kind"]["S"])
    assert kinds >= {*ENTITY_TYPES, "posting", "mark", "custom_fields", "project_contact", "contact_project", "user"}


def test_a_record_of_version_0_1_is_loaded_and_stored_unchanged() -> None:
    contact = ENTITY_TYPES["contact"].model.from_raw_data(STORED_BY_0_1)
    stored = contact.serialize()
    custom_fields = json.loads(STORED_BY_0_1["custom_fields"]["S"])
    assert json.loads(stored.pop("custom_fields")["S"]) == custom_fields
    assert stored == {name: value for name, value in STORED_BY_0_1.items() if name != "custom_fields"}


def test_a_copy_keeps_undeclared_attributes_and_leaves_the_original_unchanged() -> None:
    newer = {**STORED_BY_0_1, "nickname": {"S": "Countess"}}
    original: Record = ENTITY_TYPES["contact"].model.from_raw_data(newer)
    copied = original.copy({"last_name": "Lovelace"})
    assert copied.serialize()["nickname"] == {"S": "Countess"}
    assert copied.serialize()["last_name"] == {"S": "Lovelace"}
    assert "last_name" not in original.serialize()
    assert (original.next_revision, original.as_written().revision, original.revision) == (5, 5, 4)


def _value(world: World, name: str, default: Any) -> Any:
    resources = {"company_id": "companies", "source_id": "sources", "contact_id": "contacts", "project_id": "projects"}
    if name in resources:
        return world.id_of(resources[name])
    if name == "assigned_to":
        return world.id_of("users")
    return VALUES.get(name, f"some {name}" if default == "" else default)
