"""What does a record point to? The check of references before and in a write, and the join of names.

Names are never copied: they are read with the record, so a rename is seen at once, and an id whose target
is gone reads as `null` before anything has cleared it.
"""

from collections.abc import Iterable, Mapping

from keel import ids
from keel.records import field_definitions
from keel.records.entity_type import EntityType, Join, Record, Reference, Values
from keel.records.field_definitions import Definition, Definitions
from keel.storage import legacy_table as table
from keel.storage.legacy_table import Item, Key, Write

Targets = Mapping[Key, Item | None]


def read(keys: Iterable[Key]) -> dict[Key, Item | None]:
    """The items under these keys, None for those that do not exist: one round trip up to 100."""
    wanted = list(keys)
    found = table.batch_get(wanted) if wanted else {}
    return {key: found.get(key) for key in wanted}


def keys_of(joins: Iterable[Join], account_id: str, values: Values) -> list[Key]:
    """What these joins of a record point to; malformed ids point to nothing."""
    found = ((join, ids.parse(values.get(join.field))) for join in joins)
    return [join.key(account_id, id_) for join, id_ in found if id_]


def normalized(kind: EntityType, values: Values) -> Values:
    """The values with references in lower case; raises for a malformed one where it has its own code."""
    written = dict(values)
    for reference in kind.references:
        value = values.get(reference.field)
        if value is None:
            continue
        id_ = ids.parse(value)
        if id_ is None and reference.malformed:
            raise kind.error(reference.malformed, reference.field)
        written[reference.field] = id_ or value
    return written


def check(kind: EntityType, account_id: str, values: Values, before: Values, targets: Targets) -> list[Write]:
    """Judge the references in `values` against what was read; gives the checks that hold the judgement in
    the transaction. `before` are the values that the record has had so far."""
    writes = []
    for reference in kind.references:
        value = values.get(reference.field)
        if value is None:
            continue
        fault = kind.error(reference.missing, reference.field, reference.message)
        target = targets.get(reference.key(account_id, value))
        if target is None:
            raise fault
        if value == before.get(reference.field):
            continue
        if reference.closed_by and reference.closed_by in target:
            raise fault
        writes.append(_held(reference, account_id, value, fault))
    return writes


def _held(reference: Reference, account_id: str, target_id: str, fault: Exception) -> Write:
    condition = "attribute_exists(pk)"
    if reference.closed_by:
        condition += f" AND attribute_not_exists(#{reference.closed_by})"
    return table.check(reference.key(account_id, target_id), condition, failed=lambda _item: fault)


def without_dangling(kind: EntityType, record: Record, targets: Targets) -> Record:
    """The record with `null` for every reference whose target is gone."""
    gone = {
        reference.field: None
        for reference in kind.references
        if record[reference.field] and targets[reference.key(record["account_id"], record[reference.field])] is None
    }
    return record | gone


def definitions_in(kind: EntityType, account_id: str, items: Targets) -> Definitions:
    """The custom fields that apply to this kind, of the version among the items that were read."""
    if not kind.has_custom_fields:
        return Definitions(0)
    return field_definitions.at(account_id, items[field_definitions.version_key(account_id)])


def present(kind: EntityType, records: list[Record], known: Targets | None = None) -> list[Values]:
    """Records of one account as a client sees them, with names and the custom fields that still exist.

    One round trip for what is not among the `known` items, none if everything is.
    """
    if not records:
        return []
    items = dict(known or {})
    account_id = records[0]["account_id"]
    wanted = {key for record in records for key in keys_of(kind.all_joins, account_id, record)}
    if kind.has_custom_fields:
        wanted.add(field_definitions.version_key(account_id))
    items |= read(wanted - items.keys())
    defined = definitions_in(kind, account_id, items).of(kind.name)
    return [_view(kind, without_dangling(kind, record, items), items, defined) for record in records]


def _view(kind: EntityType, record: Record, items: Targets, defined: dict[str, Definition]) -> Values:
    view: Values = {"id": record["id"], "account_id": record["account_id"]}
    for name in kind.defaults:
        view[name] = record[name]
    for join in kind.all_joins:
        target = items[join.key(record["account_id"], record[join.field])] if record[join.field] else None
        view[join.name] = join.label(target) if target else ""
    if "custom_fields" in view:
        view["custom_fields"] = field_definitions.shown(view["custom_fields"], defined)
    return view | {name: record[name] for name in ("created_by", "created_at", "updated_at")}


def name_of(item: Item) -> str:
    return str(item["name"])


def full_name_of(contact: Item) -> str:
    """First and last name with one space."""
    return f"{contact.get('first_name', '')} {contact.get('last_name', '')}".strip()
