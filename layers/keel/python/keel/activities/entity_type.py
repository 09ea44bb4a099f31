"""Declare the entity type of activities."""

from collections.abc import Callable
from typing import Final

from keel.activities import metadata
from keel.activities.models import Activity
from keel.activities.schemas import ActivityCreate
from keel.records.entity_type import EntityType, Join, Reference, Rule, Values, not_null
from keel.records.filters import Filter
from keel.records.presentation import full_name_of, name_of
from keel.storage.models import AttributeMap

_REFERENCE_FIELDS: Final = ("contact_id", "company_id", "project_id")


def _require_reference(values: Values) -> None:
    if all(values[field] is None for field in _REFERENCE_FIELDS):
        raise ACTIVITY.error("entity_required")


def _finalize(activity: Activity) -> None:
    if problem := metadata.problem(activity.activity_type, activity.metadata):
        raise ACTIVITY.error("invalid_metadata", "metadata", problem)
    activity.metadata = metadata.normalized(activity.metadata)
    activity.occurred_at = activity.occurred_at or activity.created_at


def _reference(field: str, target: str, name: str, label: Callable[[AttributeMap], str]) -> Reference:
    return Reference(field, target, name, label, missing="invalid_request", malformed="invalid_id")


ACTIVITY: Final = EntityType(
    name="activity",
    resource="activities",
    model=Activity,
    schema=ActivityCreate,
    rules=(
        Rule("activity_type", "invalid_type", lambda value: value in metadata.SCHEMAS),
        not_null("occurred_at", "invalid_request"),
    ),
    validate=_require_reference,
    references=(
        _reference("contact_id", "contact", "contact_name", full_name_of),
        _reference("company_id", "company", "company_name", name_of),
        _reference("project_id", "project", "project_name", name_of),
    ),
    joins=(Join("created_by", "user", "created_by_name", name_of),),
    finalize=_finalize,
    filters=(
        *(Filter(field, field) for field in _REFERENCE_FIELDS),
        Filter("types", "activity_type", choices=tuple(metadata.SCHEMAS), code="invalid_type"),
    ),
)
