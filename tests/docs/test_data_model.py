"""Compare docs/data-model.md with the entity types and with stored items."""

import re
import uuid
from collections.abc import Callable, Iterator, Mapping
from typing import Final, NamedTuple

import template
from keel.entity_types import ENTITY_TYPES
from tests.harness.accounts import Account, World

PAGE: Final = (template.ROOT / "docs/data-model.md").read_text()

ID: Final = "[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}"
PLACEHOLDERS: Final = {
    "account": ID,
    "id": ID,
    "type": "|".join(ENTITY_TYPES),
    "field": r"\w+",
    "value": ".+",
    "character": ".",
    "word": r"\S+",
    "hash": "[0-9a-f]{32}|[0-9a-f]{64}",
    "operation": "[a-z-]+",
    "row": r"\d{8}",
}


class ItemType(NamedTuple):
    """A row of the tables of item types: names, and the patterns of the keys."""

    names: set[str]
    pk: str
    sk: str

    def describes(self, item: Mapping[str, object]) -> bool:
        keys = ((self.pk, item["pk"]), (self.sk, item["sk"]))
        return item["kind"] in self.names and all(re.fullmatch(pattern, str(key)) for pattern, key in keys)


def item_types() -> Iterator[ItemType]:
    """The item types that belong to an account."""
    for line in PAGE.splitlines():
        names, *keys = [re.findall(r"`([^`]+)`", cell) for cell in line.split("|")[1:4]] or [[]]
        if [len(key) for key in keys] == [1, 1] and keys[0][0].startswith("<account>#"):
            yield ItemType(set(names), *(pattern(key) for [key] in keys))


def pattern(key: str) -> str:
    parts = re.split(r"<(\w+)>", key)
    return "".join(f"(?:{PLACEHOLDERS[part]})" if at % 2 else re.escape(part) for at, part in enumerate(parts))


def test_diagram_has_the_fields_of_each_entity_type() -> None:
    for entity_type in ENTITY_TYPES.values():
        [block] = re.findall(rf"^  {entity_type.name.upper()} {{\n(.*?)^  }}$", PAGE, re.MULTILINE | re.DOTALL)
        assert re.findall(r"^ +\w+ (\w+)", block, re.MULTILINE) == ["id", *entity_type.defaults]


def test_diagram_has_the_references_of_each_entity_type() -> None:
    for entity_type in ENTITY_TYPES.values():
        found = re.findall(rf"^  (\w+) \S+ {entity_type.name.upper()} : (\w+)$", PAGE, re.MULTILINE)
        shown = {(target.lower(), field) for target, field in found if target != "ACCOUNT"}
        assert shown == {(join.target, join.field) for join in entity_type.all_joins}


def test_tables_list_the_items_of_an_account(account: Account, setting: Callable[..., None]) -> None:
    setting(WEBHOOK_EXEMPT_HOSTS="127.0.0.1")
    world = World(account)
    for resource in ("activities", "custom-fields", "oauth-apps", "deliveries", "imports", "exports"):
        world.id_of(resource)
    company, source = world.id_of("companies"), world.id_of("sources")
    texts = {"email": "ada@engines.example", "phone": "+44 20 7946 0001", "tags": ["a b"]}
    contact = account.creates("contacts", company_id=company, source_id=source, **texts)
    account.does("projects-contacts-add", {"project_id": world.id_of("projects"), "contact_id": contact["id"]})
    account.does("users-invite", {"email": f"{uuid.uuid4()}@example.com", "name": "Grace"})
    account.does("sources-create", {"name": "Web"}, headers={"Idempotency-Key": "a"})

    listed = list(item_types())
    items = account.items()
    assert len({item["kind"] for item in items}) > 20
    for item in items:
        assert [row for row in listed if row.describes(item)], (item["kind"], item["pk"], item["sk"])
