"""Declare the entity type of projects."""

from typing import Final

from keel.projects.models import Project
from keel.projects.schemas import ProjectCreate
from keel.records.entity_type import EntityType, Reference, Rule, SearchFields, not_null, required_text
from keel.records.filters import Filter
from keel.records.presentation import name_of

STAGES: Final = ("proposal", "active", "review", "complete", "archived")

PROJECT: Final = EntityType(
    name="project",
    resource="projects",
    model=Project,
    schema=ProjectCreate,
    rules=(
        required_text("name", "name_required"),
        Rule("stage", "invalid_stage", lambda value: value in STAGES),
        not_null("is_retainer", "invalid_request"),
    ),
    references=(
        Reference("company_id", "company", "company_name", name_of, missing="invalid_company_id"),
        Reference(
            "assigned_to",
            "user",
            "assigned_name",
            name_of,
            missing="invalid_assigned_to",
            inactive_when="deactivated_at",
        ),
    ),
    filters=(
        Filter("company_id", "company_id"),
        Filter("assigned_to", "assigned_to"),
        Filter("tags", "tags", any_text=True, every=True),
        Filter("stage", "stage", choices=STAGES, code="invalid_stage"),
    ),
    search_fields=SearchFields(("name",)),
)
