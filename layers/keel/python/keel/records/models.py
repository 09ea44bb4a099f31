"""How is a record kept? The conversion between a record and its item, and the check of its size.

A record is a plain dict of every field, with `id`, `account_id`, `created_by`, `created_at`, `updated_at`,
`version` (moves with every change that a client can see, and so with every event) and `revision` (moves with
every write; updates are conditional on it). `bulk` is the version that an import or its undoing made, if one did:
the event of such a change does not go before those of others. An item leaves out what has its default.
"""

import json
from typing import Any, Final

from keel.records.entity_type import JSON_FIELDS, EntityType, Record
from keel.storage.legacy_table import Item

# DynamoDB ends at 400 KB. A record must also fit into an event with its names around it.
_JSON_BYTES: Final = 200_000


def to_item(kind: EntityType, record: Record) -> Item:
    item: Item = {
        "pk": kind.key(record["account_id"], record["id"]).pk,
        "sk": record["id"],
        "kind": kind.name,
    }
    for name, value in record.items():
        if name in ("id", "account_id") or (name in kind.defaults and value == kind.defaults[name]):
            continue
        item[name] = _dumps(value) if name in JSON_FIELDS else value
    if sum(len(item.get(name, "").encode()) for name in JSON_FIELDS) > _JSON_BYTES:
        raise kind.error(
            "invalid_request",
            message="The record is too large: custom_fields or metadata must not exceed 200,000 bytes as JSON.",
        )
    return item


def from_item(kind: EntityType, item: Item) -> Record:
    record: dict[str, Any] = {"id": item["sk"], "account_id": item["pk"].partition("#")[0]}
    for name, default in kind.defaults.items():
        value = item.get(name, default)
        record[name] = json.loads(value) if name in JSON_FIELDS and isinstance(value, str) else value
    for name, value in item.items():
        if name not in record and name not in ("pk", "sk", "kind"):
            record[name] = value
    return record


def _dumps(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"), sort_keys=True)
