"""Check references to other records: before a write, and in its transaction."""

from collections.abc import Iterable, Mapping
from functools import cache
from typing import Any

from pynamodb.expressions.operand import Path

from keel import ids
from keel.errors import ApiError
from keel.records.entity_type import EntityType, Join, Reference, Values
from keel.records.models import Record
from keel.storage import calls, table
from keel.storage.models import AttributeMap, Key
from keel.storage.table import Write

Targets = Mapping[Key, AttributeMap | None]
"""What records point to, None for a target that does not exist.

Only its existence, its name and whether it is inactive matter, so a target is an attribute map instead of a model. The
version of the custom field definitions is among the targets, since it is read in the same round trip.
"""


def read(keys: Iterable[Key]) -> dict[Key, AttributeMap | None]:
    """The targets under these keys: one round trip for up to 100."""
    keys = list(keys)
    items = table.batch_get_attributes(keys) if keys else {}
    return {key: items.get(key) for key in keys}


def keys_of(joins: Iterable[Join], account_id: str, values: Mapping[str, Any]) -> list[Key]:
    """The keys that these joins point to. A malformed id points to nothing."""
    target_ids = ((join, ids.parse(values.get(join.field))) for join in joins)
    return [join.key(account_id, target_id) for join, target_id in target_ids if target_id]


def normalized(entity_type: EntityType, values: Values) -> Values:
    """The values with ids of references in lower case. Raises for a malformed id that has a code of its own."""
    normalized = dict(values)
    for reference in entity_type.references:
        value = values.get(reference.field)
        if value is None:
            continue
        target_id = ids.parse(value)
        if target_id is None and reference.malformed:
            raise entity_type.error(reference.malformed, reference.field)
        normalized[reference.field] = target_id or value
    return normalized


def check(
    entity_type: EntityType, account_id: str, values: Values, before: Record | None, targets: Targets
) -> list[Write]:
    """Check the references in `values` against their targets.

    Returns the condition checks that make the transaction fail if a target has changed since. A reference that is the
    same as in `before` needs none.
    """
    checks = []
    for reference in entity_type.references:
        target_id = values.get(reference.field)
        if target_id is None:
            continue
        error = entity_type.error(reference.missing, reference.field, reference.message)
        target = targets.get(reference.key(account_id, target_id))
        if target is None:
            raise error
        if before is not None and target_id == before.attribute_values.get(reference.field):
            continue
        if reference.inactive_when and reference.inactive_when in target:
            raise error
        checks.append(_condition_check(reference, account_id, target_id, error))
    return checks


def _condition_check(reference: Reference, account_id: str, target_id: str, error: ApiError) -> Write:
    key = calls.attributes_of(reference.key(account_id, target_id))
    request = {**_condition(reference), "TableName": calls.table_name(), "Key": key}
    return Write("ConditionCheck", request, dict, table.raise_(error))


@cache
def _condition(reference: Reference) -> dict[str, Any]:
    """The request of a condition check, but for its table and key. Imports build one for each row."""
    exists = Path("pk").exists()
    condition = exists & Path(reference.inactive_when).does_not_exist() if reference.inactive_when else exists
    return calls.request_for(Key("", ""), condition)


def without_dangling(entity_type: EntityType, record: Record, targets: Targets) -> Record:
    """The record with `null` for every reference whose target does not exist."""
    values, account_id = record.attribute_values, record.account_id
    dangling = {
        reference.field: None
        for reference in entity_type.references
        if (target_id := values.get(reference.field)) and targets[reference.key(account_id, target_id)] is None
    }
    return record.copy(dangling) if dangling else record
