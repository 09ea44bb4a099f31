"""Define the requests and responses about activities."""

from typing import Any

from pydantic import BaseModel, Field

from keel.api.fields import Body, Datetime, Id
from keel.records.schemas import ById, ListBody, Record


class ActivityCreate(Body):
    activity_type: str = ""
    contact_id: Id | None = None
    company_id: Id | None = None
    project_id: Id | None = None
    occurred_at: Datetime | None = None
    metadata: dict[str, Any] = Field(default_factory=dict)


class ActivityUpdate(ById):
    occurred_at: Datetime | None = None
    metadata: dict[str, Any] = Field(default_factory=dict)


class ActivityList(ListBody):
    contact_id: Id | None = None
    company_id: Id | None = None
    project_id: Id | None = None
    types: list[str | None] = Field(default_factory=list)


class Activity(Record, ActivityCreate):
    created_by_name: str
    contact_name: str
    company_name: str
    project_name: str


class ActivitySchema(BaseModel):
    """`schema` is the JSON Schema of `metadata` for activities of the type."""

    activity_type: str
    metadata_schema: dict[str, Any] = Field(alias="schema")
