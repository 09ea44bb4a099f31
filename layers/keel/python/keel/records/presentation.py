"""Present records to clients, with the names of what they point to.

Names are read with the record instead of being copied to it, so a rename shows at once. An id whose target is deleted
shows as `null` even before the cascade has cleared it.
"""

from collections.abc import Mapping, Sequence
from typing import Any

from keel.records import field_definitions, references
from keel.records.entity_type import EntityType, Values
from keel.records.field_definitions import Definition, Definitions
from keel.records.models import Record
from keel.records.references import Targets
from keel.storage.models import AttributeMap


def present(entity_type: EntityType, records: Sequence[Record], targets: Targets | None = None) -> list[Values]:
    """Records of one account as a client sees them, with names and the custom fields that still exist.

    What is not among the `targets` takes one round trip.
    """
    if not records:
        return []
    targets = dict(targets or {})
    account_id = records[0].account_id
    keys = {
        key
        for record in records
        for key in references.keys_of(entity_type.all_joins, account_id, record.attribute_values)
    }
    if entity_type.has_custom_fields:
        keys.add(field_definitions.version_key(account_id))
    targets |= references.read(keys - targets.keys())
    definitions = definitions_among(targets, entity_type, account_id).of(entity_type.name)
    return [
        _view(entity_type, account_id, references.without_dangling(entity_type, record, targets), targets, definitions)
        for record in records
    ]


def definitions_among(targets: Targets, entity_type: EntityType, account_id: str) -> Definitions:
    """The custom field definitions of the version that is among the targets, none if they do not apply."""
    if not entity_type.has_custom_fields:
        return Definitions(0)
    return field_definitions.at(account_id, targets[field_definitions.version_key(account_id)])


def _view(
    entity_type: EntityType,
    account_id: str,
    record: Record,
    targets: Targets,
    definitions: Mapping[str, Definition],
) -> Values:
    values: dict[str, Any] = record.attribute_values
    view: Values = {"id": values["sk"], "account_id": account_id}
    for name in entity_type.defaults:
        view[name] = values.get(name)
    for join in entity_type.all_joins:
        target_id = values.get(join.field)
        target = targets[join.key(account_id, target_id)] if target_id else None
        view[join.name] = join.label(target) if target else ""
    if "custom_fields" in view:
        view["custom_fields"] = field_definitions.with_definition(view["custom_fields"], definitions)
    for name in ("created_by", "created_at", "updated_at"):
        view[name] = values[name]
    return view


def name_of(target: AttributeMap) -> str:
    return str(target["name"]["S"])


def full_name_of(contact: AttributeMap) -> str:
    """First and last name with one space."""
    names = (contact[name]["S"] for name in ("first_name", "last_name") if name in contact)
    return " ".join(names).strip()
