"""What are activities, to the mechanism that keeps records?"""

from typing import Final

from keel.activities import metadata
from keel.activities.schemas import ActivityCreate
from keel.records.entity_type import EntityType, Join, Record, Reference, Rule, Values, not_null
from keel.records.filters import Filter
from keel.records.references import full_name_of, name_of

_POINTERS: Final = ("contact_id", "company_id", "project_id")


def _must_point_somewhere(values: Values) -> None:
    if all(values[field] is None for field in _POINTERS):
        raise ACTIVITY.error("entity_required")


def _settle_details(activity: Record) -> None:
    if misfit := metadata.misfit(activity["activity_type"], activity["metadata"]):
        raise ACTIVITY.error("invalid_metadata", "metadata", misfit)
    activity["metadata"] = metadata.settled(activity["metadata"])
    activity["occurred_at"] = activity["occurred_at"] or activity["created_at"]


def _reference(field: str, kind: str, name: str, *, is_person: bool = False) -> Reference:
    label = full_name_of if is_person else name_of
    return Reference(field, kind, name, label, missing="invalid_request", malformed="invalid_id")


ACTIVITY: Final = EntityType(
    name="activity",
    resource="activities",
    fields=ActivityCreate,
    rules=(
        Rule("activity_type", "invalid_type", lambda value: value in metadata.SCHEMAS),
        not_null("occurred_at", "invalid_request"),
    ),
    whole=_must_point_somewhere,
    references=(
        _reference("contact_id", "contact", "contact_name", is_person=True),
        _reference("company_id", "company", "company_name"),
        _reference("project_id", "project", "project_name"),
    ),
    joins=(Join("created_by", "user", "created_by_name", name_of),),
    details=_settle_details,
    filters=(
        *(Filter(field, field) for field in _POINTERS),
        Filter("types", "activity_type", choices=tuple(metadata.SCHEMAS), code="invalid_type"),
    ),
)
