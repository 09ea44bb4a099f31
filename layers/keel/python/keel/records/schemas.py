"""Define the bodies and responses that all entity types share."""

from typing import Annotated, Final, Generic, Literal, TypeVar

from pydantic import AfterValidator, BaseModel, Field

from keel.api.fields import WHOLE, Body, Id

PAGE: Final = 25
LARGEST_PAGE: Final = 100

# A larger limit counts as the largest page.
Limit = Annotated[int, Field(ge=1), WHOLE, AfterValidator(lambda limit: min(limit, LARGEST_PAGE))]


T = TypeVar("T", bound=BaseModel)


class ById(Body):
    """The body of an operation on one record."""

    id: Id = ""


class ListBody(Body):
    """The body of a list with pages."""

    cursor: str = ""
    limit: Limit = PAGE


class Record(BaseModel):
    """The fields that every record shows."""

    id: str
    account_id: str
    created_by: str
    created_at: str
    updated_at: str


class Page(BaseModel, Generic[T]):
    """The response of a list. `next_cursor` is "" on the last page."""

    items: list[T]
    next_cursor: str


class Deleted(BaseModel):
    id: str
    deleted: Literal[True]
