"""How is a record created, read, changed and deleted? The rules that every kind shares.

Writes are conditional: a change is made to the revision that it was computed from, or computed anew; what a
record points to, and the definitions by which its custom fields were judged, are checked in the same
transaction.
"""

import random
import time
from collections.abc import Callable
from typing import Any, Final, TypeVar

from keel import clock, ids
from keel.api.authorizer import Caller
from keel.api.fields import Body
from keel.api.idempotency import IdempotentRequest
from keel.records import field_definitions, index_entries, models, references
from keel.records.entity_type import JSON_FIELDS, EntityType, Record, Values
from keel.records.field_definitions import Changed, Unfit
from keel.records.schemas import ById
from keel.storage import legacy_table as table
from keel.storage.legacy_table import Item, Key, RetriesExhausted, Write

R = TypeVar("R")

# A write that keeps losing to others gives up well before its function's time-out.
_PATIENCE_SECONDS: Final = 20.0


class Stale(Exception):
    """The record is no longer as it was read."""


def create(kind: EntityType, caller: Caller, body: Body, once: IdempotentRequest | None = None) -> Values:
    """Create a record; gives it as a client sees it.

    `body` is an instance of `kind.fields`. Raises the codes of the kind, in their order.
    """
    given = {name: getattr(body, name) for name in kind.fields.model_fields}
    return retry_on_conflict(lambda: _create(kind, caller, given, once))


def get(kind: EntityType, caller: Caller, body: ById) -> Values:
    """The record as a client sees it; `invalid_id`, `not_found`."""
    key = _key(kind, caller, body.id)
    items = references.read([key, *_definitions_key(kind, caller.account_id)])
    [view] = references.present(kind, [_found(kind, items[key])], items)
    return view


def update(kind: EntityType, caller: Caller, record_id: str, body: Body) -> Values:
    """Change the fields that the body gives, and clear those that it gives as `null`.

    The body may have fewer fields than the kind. A change of nothing writes nothing.
    """
    fields = kind.fields.model_fields
    given = {name: getattr(body, name) for name in body.model_fields_set if name in fields}
    cleared = body.cleared & fields.keys()
    return patch(kind, caller, record_id, lambda _record: given, cleared)


def patch(
    kind: EntityType,
    caller: Caller,
    record_id: str,
    change: Callable[[Record], Values],
    cleared: frozenset[str] = frozenset(),
) -> Values:
    """Change a record by what `change` makes of it: the new values of some of its fields."""
    key = _key(kind, caller, record_id)
    return retry_on_conflict(lambda: _patch(kind, key, caller.account_id, change, cleared))


def delete(kind: EntityType, caller: Caller, body: ById) -> Values:
    """Delete the record; what pointed to it shows `null` from now on."""
    key = _key(kind, caller, body.id)

    def attempt() -> Values:
        record = _found(kind, table.get(key))
        _save(
            kind,
            record,
            None,
            [table.delete(key, "#revision = :revision", failed=stale, **_revision(record))],
        )
        return {"id": record["id"], "deleted": True}

    return retry_on_conflict(attempt)


def clear_reference(kind: EntityType, account_id: str, field: str, target_id: str, posting: Key) -> None:
    """Clear a reference to a record that is gone, where `posting` says that there is one.

    It may say so wrongly: then the posting alone goes.
    """
    key = kind.key(account_id, posting.sk)

    def attempt() -> None:
        item = table.get(key)
        if item is None or item.get(field) != target_id:
            table.apply(table.delete(posting))
            return
        record = models.from_item(kind, item)
        cleared = record | {field: kind.defaults[field], "revision": record["revision"] + 1}
        write = table.put(models.to_item(kind, cleared), "#revision = :revision", failed=stale, **_revision(record))
        _save(kind, record, cleared, [write])

    retry_on_conflict(attempt)


# --- The steps --------------------------------------------------------------------------------------


def _create(kind: EntityType, caller: Caller, given: Values, once: IdempotentRequest | None) -> Values:
    now = clock.now()
    record = build(kind, caller.account_id, caller.user_id, given, ids.mint(now), clock.text(now))
    wanted = references.keys_of(kind.all_joins, caller.account_id, record)
    items = references.read([*wanted, *_definitions_key(kind, caller.account_id)])
    checks = resolve(kind, record, record, given, {}, items)
    [view] = references.present(kind, [record], items)
    first = [once.record(view)] if once else []
    _save(kind, None, record, [*first, *checks, table.put(models.to_item(kind, record))])
    return view


def build(kind: EntityType, account_id: str, created_by: str, given: Values, record_id: str, now: str) -> Record:
    """A new record of these values, judged by its rules alone; `resolve` judges the rest."""
    for rule in kind.rules:
        if not rule.holds(given[rule.field]):
            raise kind.error(rule.code, rule.field, rule.message)
    kind.whole(given)
    return (
        kind.defaults
        | references.normalized(kind, given)
        | {
            "id": record_id,
            "account_id": account_id,
            "created_by": created_by,
            "created_at": now,
            "updated_at": now,
            "version": 1,
            "revision": 1,
        }
    )


def resolve(
    kind: EntityType, record: Record, patch: Values, given: Values, before: Values, items: references.Targets
) -> list[Write]:
    """Judge what the `patch` points to and the custom fields, and settle what depends on other fields.

    `items` are what the record points to and the version of the definitions. Gives the checks that hold the
    judgement in the transaction.
    """
    checks = references.check(kind, record["account_id"], patch, before, items)
    for name in JSON_FIELDS:
        if name in patch and name not in given:  # cleared
            raise kind.error(f"invalid_{name}", name)
    checks += _settle_json(kind, record, given, before, items)
    kind.details(record)
    return checks


def _patch(
    kind: EntityType, key: Key, account_id: str, change: Callable[[Record], Values], cleared: frozenset[str]
) -> Values:
    # What the change will point to is not known before the record is read, but for what a body gives.
    items = references.read([key, *_definitions_key(kind, account_id)])
    stored = _found(kind, items[key])
    given = change(stored)
    patch = validate(kind, given, cleared)
    pointed = {
        *references.keys_of(kind.all_joins, account_id, stored),
        *references.keys_of(kind.all_joins, account_id, patch),
    }
    items |= references.read(pointed - items.keys())
    record, checks = apply_patch(kind, stored, patch, given, items)
    [view] = references.present(kind, [record], items)
    if record is not stored:
        write = table.put(models.to_item(kind, record), "#revision = :revision", failed=stale, **_revision(stored))
        _save(kind, stored, record, [*checks, write])
    return view


def validate(kind: EntityType, given: Values, cleared: frozenset[str] = frozenset()) -> Values:
    """What a change makes of a record's fields, judged by the rules alone; `apply_patch` judges the rest."""
    for rule in kind.rules:
        if rule.field in cleared or (rule.field in given and not rule.holds(given[rule.field])):
            raise kind.error(rule.code, rule.field, rule.message)
    return references.normalized(kind, given) | {name: kind.defaults[name] for name in cleared}


def apply_patch(
    kind: EntityType, stored: Record, patch: Values, given: Values, items: references.Targets
) -> tuple[Record, list[Write]]:
    """The record with the patch, and the checks that hold it; `stored` itself when that changes nothing.

    `items` are what either points to and the version of the definitions.
    """
    before = references.without_dangling(kind, stored, items)
    record = before | patch
    checks = resolve(kind, record, patch, given, before, items)
    if all(record[name] == before[name] for name in kind.defaults):
        return stored, []
    record |= {
        "updated_at": clock.text(clock.now()),
        "version": stored["version"] + 1,
        "revision": stored["revision"] + 1,
    }
    return record, checks


def _settle_json(
    kind: EntityType, record: Record, given: Values, before: Values, items: references.Targets
) -> list[Write]:
    """Merge the JSON fields that are given into those of the record; gives the checks that hold it."""
    if "metadata" in given:
        record["metadata"] = before.get("metadata", {}) | given["metadata"]
    if "custom_fields" not in given:
        return []
    account_id = record["account_id"]
    defined = references.definitions_in(kind, account_id, items)
    stored = before.get("custom_fields", {})
    try:
        merged = field_definitions.merged(given["custom_fields"], stored, defined.of(kind.name), creating=not before)
    except Unfit as unfit:
        raise kind.error("invalid_custom_fields", "custom_fields", str(unfit)) from None
    if merged == field_definitions.shown(stored, defined.of(kind.name)):
        merged = stored
    record["custom_fields"] = merged
    demanded = not before and any(each.required for each in defined.of(kind.name).values())
    judged = kind.has_custom_fields and (given["custom_fields"] or demanded)
    return [field_definitions.still(account_id, defined)] if judged else []


def _save(kind: EntityType, before: Record | None, after: Record | None, writes: list[Write]) -> None:
    """Commit the writes with the postings that change.

    Where they are too many for one transaction, the rest of the additions goes before it and the rest of the
    removals after it: postings may be more than the truth, never less.
    """
    record = after or before or {}
    writes = [*writes, *kind.alongside(record["account_id"])]
    added, removed = index_entries.change(kind, before, after)
    room = table.TRANSACTION_LIMIT - len(writes)
    table.batch_write(added[room:])
    writes += [table.put(posting) for posting in added[:room]]
    room = table.TRANSACTION_LIMIT - len(writes)
    table.commit(*writes, *(table.delete(key) for key in removed[:room]))
    for key in removed[room:]:
        index_entries.discard(key, record)


def retry_on_conflict(attempt: Callable[[], R]) -> R:
    """Try again for as long as others change what the attempt was based on."""
    jitter = random.SystemRandom()
    deadline = time.monotonic() + _PATIENCE_SECONDS
    bound = 0.01
    while True:
        try:
            return attempt()
        except (Stale, Changed):
            if time.monotonic() > deadline:
                raise RetriesExhausted("a record") from None
        time.sleep(jitter.uniform(0, bound))
        bound = min(2 * bound, 0.2)


def _key(kind: EntityType, caller: Caller, record_id: str) -> Key:
    id_ = ids.parse(record_id)
    if id_ is None:
        raise kind.error("invalid_id", "id")
    return kind.key(caller.account_id, id_)


def _found(kind: EntityType, item: Item | None) -> Record:
    if item is None:
        raise kind.error("not_found")
    return models.from_item(kind, item)


def _definitions_key(kind: EntityType, account_id: str) -> list[Key]:
    return [field_definitions.version_key(account_id)] if kind.has_custom_fields else []


def _revision(record: Record) -> dict[str, Any]:
    return {"revision": record["revision"]}


def stale(_item: Item | None) -> Exception:
    return Stale()
