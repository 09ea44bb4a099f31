"""Define the requests and responses about contacts."""

from typing import Any

from pydantic import Field

from keel.api.fields import Body, Email, Id, LongText, Search, Tags, Text
from keel.records.schemas import ById, ListBody, Record


class ContactCreate(Body):
    first_name: Text = ""
    last_name: Text = ""
    email: Email = ""
    phone: Text = ""
    company_id: Id | None = None
    job_title: Text = ""
    address: Text = ""
    city: Text = ""
    state: Text = ""
    zip_code: Text = ""
    country: Text = ""
    notes: LongText = ""
    tags: Tags = Field(default_factory=list)
    source_id: Id | None = None
    custom_fields: dict[str, Any] = Field(default_factory=dict)


class ContactUpdate(ById, ContactCreate):
    pass


class ContactList(ListBody):
    search: Search = ""
    tags: Tags = Field(default_factory=list)
    company_id: Id | None = None
    company_ids: list[Id | None] = Field(default_factory=list)
    source_ids: list[Id | None] = Field(default_factory=list)


class Contact(Record, ContactCreate):
    company_name: str
    source_name: str
