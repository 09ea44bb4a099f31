"""Define the requests and responses about projects and their contacts."""

from typing import Any, Literal

from pydantic import BaseModel, Field

from keel.api.fields import Body, Cents, Date, Id, LongText, Search, Tags, Text
from keel.records.schemas import ById, ListBody, Record


class ProjectCreate(Body):
    name: Text = ""
    description: LongText = ""
    stage: str = "proposal"
    company_id: Id | None = None
    assigned_to: Id | None = None
    value: Cents | None = None
    start_date: Date | None = None
    end_date: Date | None = None
    is_retainer: bool = False
    renewal_date: Date | None = None
    notes: LongText = ""
    tags: Tags = Field(default_factory=list)
    custom_fields: dict[str, Any] = Field(default_factory=dict)


class ProjectUpdate(ById, ProjectCreate):
    pass


class ProjectList(ListBody):
    search: Search = ""
    tags: Tags = Field(default_factory=list)
    stage: str | None = None
    company_id: Id | None = None
    assigned_to: Id | None = None


class Project(Record, ProjectCreate):
    company_name: str
    assigned_name: str


class ProjectContactList(Body):
    project_id: Id = ""


class ProjectContactRemove(ProjectContactList):
    contact_id: Id = ""


class ProjectContactAdd(ProjectContactRemove):
    role: Text = ""


class ProjectContact(BaseModel):
    contact_id: str
    contact_name: str
    role: str
    created_at: str


class ProjectContactRemoved(BaseModel):
    project_id: str
    contact_id: str
    deleted: Literal[True]
