"""Define the requests and responses about custom field definitions."""

from typing import Annotated

from pydantic import Field

from keel.api.fields import Body, Integer, Text
from keel.records.schemas import ById, Record

Options = Annotated[
    list[Text], Field(description="Required for an enum: 1 to 200 strings, all different and not blank.")
]


class CustomFieldCreate(Body):
    entity_type: str = ""
    label: Text = ""
    field_type: str = ""
    options: Options = Field(default_factory=list)
    required: bool = False
    display_order: Integer = 0


class CustomFieldUpdate(ById):
    label: Text = ""
    options: Options = Field(default_factory=list)
    required: bool = False
    display_order: Integer = 0


class CustomFieldList(Body):
    entity_type: str | None = None


class CustomField(Record, CustomFieldCreate):
    pass
