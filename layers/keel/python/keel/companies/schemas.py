"""Define the requests and responses about companies."""

from typing import Any

from pydantic import Field

from keel.api.fields import Body, Cents, Integer, LongText, Search, Tags, Text
from keel.records.schemas import ById, ListBody, Record


class CompanyCreate(Body):
    name: Text = ""
    domain: Text = ""
    industry: Text = ""
    notes: LongText = ""
    phone: Text = ""
    website: Text = ""
    linkedin_url: Text = ""
    address: Text = ""
    city: Text = ""
    state: Text = ""
    zip_code: Text = ""
    country: Text = ""
    employee_count: Integer | None = None
    annual_revenue: Cents | None = None
    tags: Tags = Field(default_factory=list)
    custom_fields: dict[str, Any] = Field(default_factory=dict)


class CompanyUpdate(ById, CompanyCreate):
    pass


class CompanyList(ListBody):
    search: Search = ""
    tags: Tags = Field(default_factory=list)


class Company(Record, CompanyCreate):
    pass
