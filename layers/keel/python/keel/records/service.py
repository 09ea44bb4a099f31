"""Create, read, update and delete records by the rules that all entity types share.

Writes are conditional. A change is made to the revision that it was computed from, or is computed again. The targets of
references, and the definitions that custom fields were checked against, are checked in the same transaction.
"""

import random
import time
from collections.abc import Callable, Mapping
from functools import cache
from typing import Any, Final, TypeVar

from keel import clock, ids
from keel.api.authorizer import Caller
from keel.api.fields import Body
from keel.api.idempotency import IdempotentRequest
from keel.records import field_definitions, index_entries, presentation, references
from keel.records.entity_type import JSON_FIELDS, EntityType, Values
from keel.records.field_definitions import DefinitionsChanged, InvalidValue
from keel.records.models import Record
from keel.records.references import Targets
from keel.records.schemas import ById
from keel.storage import table
from keel.storage.models import AttributeMap, Key
from keel.storage.table import RetriesExhausted, Write

R = TypeVar("R")

# A write that keeps losing to others gives up well before its function's time-out.
_RETRY_SECONDS: Final = 20.0

# DynamoDB's limit is 400 KB. A record must also fit into an event, together with its names.
_MAX_JSON_BYTES: Final = 200_000


class Stale(Exception):
    """The record has changed since it was read."""


def create(entity_type: EntityType, caller: Caller, body: Body, idempotency: IdempotentRequest | None = None) -> Values:
    """Create a record and return it as a client sees it.

    `body` is an instance of the entity type's schema. Raises the errors of the entity type, in their order.
    """
    values = {name: getattr(body, name) for name in entity_type.schema.model_fields}
    return retry_on_conflict(lambda: _create(entity_type, caller, values, idempotency))


def get(entity_type: EntityType, caller: Caller, body: ById) -> Values:
    """The record as a client sees it. Raises `invalid_id` and `not_found`."""
    key = _key(entity_type, caller, body.id)
    targets = references.read([key, *_definitions_key(entity_type, caller.account_id)])
    [view] = presentation.present(entity_type, [_existing(entity_type, targets[key])], targets)
    return view


def update(entity_type: EntityType, caller: Caller, record_id: str, body: Body) -> Values:
    """Set the fields that the body has, and clear those that are `null` in it.

    The body may have fewer fields than the entity type. Without a change, nothing is written.
    """
    fields = entity_type.schema.model_fields
    values = {name: getattr(body, name) for name in body.model_fields_set if name in fields}
    cleared = body.cleared & fields.keys()
    return patch(entity_type, caller, record_id, lambda _record: values, cleared)


def patch(
    entity_type: EntityType,
    caller: Caller,
    record_id: str,
    change: Callable[[Any], Values],
    cleared: frozenset[str] = frozenset(),
) -> Values:
    """Change a record by the new values that `change` returns for it; `change` takes a record of the model."""
    key = _key(entity_type, caller, record_id)
    return retry_on_conflict(lambda: _patch(entity_type, key, caller.account_id, change, cleared))


def delete(entity_type: EntityType, caller: Caller, body: ById) -> Values:
    """Delete the record. From now on, records that point to it show `null`."""
    key = _key(entity_type, caller, body.id)

    def attempt() -> Values:
        record = table.get(entity_type.model, key)
        if record is None:
            raise entity_type.error("not_found")
        _save(entity_type, record, None, [remove(entity_type, record)])
        return {"id": record.id, "deleted": True}

    return retry_on_conflict(attempt)


def clear_reference(entity_type: EntityType, account_id: str, field: str, target_id: str, entry: Key) -> None:
    """Clear the reference to a deleted record that an index entry tells of.

    If the record does not point there, only the index entry is removed.
    """
    key = entity_type.key(account_id, entry.sk)

    def attempt() -> None:
        record = table.get(entity_type.model, key)
        if record is None or record.attribute_values.get(field) != target_id:
            table.write(table.delete(index_entries.IndexEntry, entry))
            return
        cleared = record.copy({field: entity_type.defaults[field]})
        _save(entity_type, record, cleared, [put(entity_type, cleared)])

    retry_on_conflict(attempt)


# --- Steps that imports share -----------------------------------------------------------------------


def build(
    entity_type: EntityType, account_id: str, created_by: str, values: Values, record_id: str, now: str
) -> Record:
    """A new record of these values, validated by its own rules. `resolve` validates the rest."""
    for rule in entity_type.rules:
        if not rule.holds(values[rule.field]):
            raise entity_type.error(rule.code, rule.field, rule.message)
    entity_type.validate(values)
    key = entity_type.key(account_id, record_id)
    attributes = {"pk": key.pk, "sk": key.sk, "created_by": created_by, "created_at": now, "updated_at": now}
    fields = entity_type.defaults | references.normalized(entity_type, values)
    return _blank(entity_type.model).copy({**attributes, **fields, "version": 1})


@cache
def _blank(model: type[Record]) -> Record:
    """An empty record, to be copied. PynamoDB takes much longer to set attributes one by one."""
    return model("", "")


def validate(entity_type: EntityType, values: Values, cleared: frozenset[str] = frozenset()) -> Values:
    """The patch that these values are, validated by the rules of its fields. `apply_patch` validates the rest."""
    for rule in entity_type.rules:
        if rule.field in cleared or (rule.field in values and not rule.holds(values[rule.field])):
            raise entity_type.error(rule.code, rule.field, rule.message)
    return references.normalized(entity_type, values) | {name: entity_type.defaults[name] for name in cleared}


def apply_patch(
    entity_type: EntityType, stored: Record, patch: Values, values: Values, targets: Targets
) -> tuple[Record, list[Write]]:
    """The record with the patch and the condition checks for its write. Without a change, `stored` itself.

    `values` are those of the patch that were not cleared. `targets` are what the record pointed to and will point to,
    and the version of the definitions.
    """
    before = references.without_dangling(entity_type, stored, targets)
    record = before.copy(patch)
    checks = resolve(entity_type, record, patch, values, before, targets)
    old, new = before.attribute_values, record.attribute_values
    if all(new.get(name) == old.get(name) for name in entity_type.defaults):
        return stored, []
    return record.copy({"updated_at": clock.text(clock.now()), "version": stored.version + 1}), checks


def resolve(
    entity_type: EntityType, record: Record, patch: Values, values: Values, before: Record | None, targets: Targets
) -> list[Write]:
    """Check the references and custom fields of a patch, and set the fields of the record that depend on others.

    Returns the condition checks for its write.
    """
    checks = references.check(entity_type, record.account_id, patch, before, targets)
    for name in JSON_FIELDS:
        if name in patch and name not in values:  # cleared
            raise entity_type.error(f"invalid_{name}", name)
    checks += _merge_json_fields(entity_type, record, values, before, targets)
    entity_type.finalize(record)
    return checks


def put(entity_type: EntityType, record: Record) -> Write:
    """The write that stores a record: a new one unconditionally, another one on the revision that it was read with.

    Raises `invalid_request` if the record is too large.
    """
    if record.revision is None:
        # Unconditional, so that a request that is sent again after a lost response does not meet its own write.
        write = table.put_attributes(record.serialize_new())
    else:
        write = table.put(record, on_failure=stale)
    attributes: AttributeMap = write.request["Item"]
    if sum(len(attributes[name]["S"].encode()) for name in JSON_FIELDS if name in attributes) > _MAX_JSON_BYTES:
        message = "The record is too large: custom_fields or metadata must not exceed 200,000 bytes as JSON."
        raise entity_type.error("invalid_request", message=message)
    return write


def remove(entity_type: EntityType, record: Record) -> Write:
    """The write that deletes a record, on the revision that it was read with."""
    model = entity_type.model
    return table.delete(model, record.key, model.revision == record.revision, on_failure=stale)


def stale(_item: object) -> Exception:
    return Stale()


def retry_on_conflict(attempt: Callable[[], R]) -> R:
    """Repeat the attempt while others change what it was based on, with exponential backoff."""
    jitter = random.SystemRandom()
    deadline = time.monotonic() + _RETRY_SECONDS
    bound = 0.01
    while True:
        try:
            return attempt()
        except (Stale, DefinitionsChanged):
            if time.monotonic() > deadline:
                raise RetriesExhausted("a record") from None
        time.sleep(jitter.uniform(0, bound))
        bound = min(2 * bound, 0.2)


# --- Steps ------------------------------------------------------------------------------------------


def _create(entity_type: EntityType, caller: Caller, values: Values, idempotency: IdempotentRequest | None) -> Values:
    now = clock.now()
    record = build(entity_type, caller.account_id, caller.user_id, values, ids.mint(now), clock.text(now))
    keys = references.keys_of(entity_type.all_joins, caller.account_id, record.attribute_values)
    targets = references.read([*keys, *_definitions_key(entity_type, caller.account_id)])
    checks = resolve(entity_type, record, record.attribute_values, values, None, targets)
    [view] = presentation.present(entity_type, [record], targets)
    first = [idempotency.record(view)] if idempotency else []
    _save(entity_type, None, record, [*first, *checks, put(entity_type, record)])
    return view


def _patch(
    entity_type: EntityType, key: Key, account_id: str, change: Callable[[Any], Values], cleared: frozenset[str]
) -> Values:
    # What the record points to is known only once it is read.
    targets = references.read([key, *_definitions_key(entity_type, account_id)])
    stored = _existing(entity_type, targets[key])
    values = change(stored)
    patch = validate(entity_type, values, cleared)
    keys = {
        *references.keys_of(entity_type.all_joins, account_id, stored.attribute_values),
        *references.keys_of(entity_type.all_joins, account_id, patch),
    }
    targets |= references.read(keys - targets.keys())
    record, checks = apply_patch(entity_type, stored, patch, values, targets)
    [view] = presentation.present(entity_type, [record], targets)
    if record is not stored:
        _save(entity_type, stored, record, [*checks, put(entity_type, record)])
    return view


def _merge_json_fields(
    entity_type: EntityType, record: Record, values: Values, before: Record | None, targets: Targets
) -> list[Write]:
    """Merge the JSON fields among the values into those of the record. Returns the condition checks for its write."""
    stored: Mapping[str, Any] = before.attribute_values if before else {}
    if "metadata" in values:
        record.attribute_values["metadata"] = stored.get("metadata", {}) | values["metadata"]
    if "custom_fields" not in values:
        return []
    definitions = presentation.definitions_among(targets, entity_type, record.account_id)
    applicable = definitions.of(entity_type.name)
    stored_values = stored.get("custom_fields", {})
    try:
        merged = field_definitions.merge(values["custom_fields"], stored_values, applicable, creating=before is None)
    except InvalidValue as error:
        raise entity_type.error("invalid_custom_fields", "custom_fields", str(error)) from None
    if merged == field_definitions.with_definition(stored_values, applicable):
        merged = stored_values
    record.attribute_values["custom_fields"] = merged
    has_required = before is None and any(definition.required for definition in applicable.values())
    depends = entity_type.has_custom_fields and (values["custom_fields"] or has_required)
    return [field_definitions.unchanged(record.account_id, definitions)] if depends else []


def _save(entity_type: EntityType, before: Record | None, after: Record | None, writes: list[Write]) -> None:
    """Commit the writes together with the index entries that change.

    If these are too many for one transaction, the rest of the additions is written before it and the rest of the
    removals after it: index entries are a superset of the truth.
    """
    record = after or before
    if record is None:
        return
    revision = record.next_revision if after else record.revision
    writes = [*writes, *entity_type.extra_writes(record.account_id)]
    added, removed = index_entries.change(entity_type, before, after)
    room = table.TRANSACTION_LIMIT - len(writes)
    table.batch_write(added[room:])
    writes += [table.put_attributes(entry) for entry in added[:room]]
    room = table.TRANSACTION_LIMIT - len(writes)
    table.commit(*writes, *(table.delete(index_entries.IndexEntry, key) for key in removed[:room]))
    for key in removed[room:]:
        index_entries.discard(key, revision)


def _key(entity_type: EntityType, caller: Caller, record_id: str) -> Key:
    id_ = ids.parse(record_id)
    if id_ is None:
        raise entity_type.error("invalid_id", "id")
    return entity_type.key(caller.account_id, id_)


def _existing(entity_type: EntityType, attributes: AttributeMap | None) -> Record:
    if attributes is None:
        raise entity_type.error("not_found")
    return entity_type.model.from_raw_data(attributes)


def _definitions_key(entity_type: EntityType, account_id: str) -> list[Key]:
    return [field_definitions.version_key(account_id)] if entity_type.has_custom_fields else []
