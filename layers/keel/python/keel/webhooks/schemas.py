"""Define the request and response bodies of `webhooks-*`."""

from typing import Annotated, Any, Final, Literal

from pydantic import BaseModel, Field

from keel.api.fields import Body, Id, LongText, Text, Url
from keel.records import schemas

TEST_EVENT: Final = "webhook.test"

Status = Literal["pending", "succeeded", "failed"]
Events = Annotated[list[Text], Field(max_length=100)]


class EndpointCreate(Body):
    url: Url = ""
    description: LongText = ""
    events: Events = Field(default_factory=list)


class EndpointUpdate(EndpointCreate):
    id: Id = ""
    is_active: bool = True


class DeliveriesList(schemas.ListBody):
    endpoint_id: Id = ""
    status: Text | None = None


class ByDelivery(Body):
    delivery_id: Id = ""


class Endpoint(schemas.Record):
    """An endpoint; of its secret only the beginning is shown."""

    url: str
    description: str
    secret_prefix: str
    events: list[str]
    is_active: bool
    disabled_reason: str
    last_success_at: str | None
    last_failure_at: str | None


class EndpointWithSecret(BaseModel):
    """An endpoint with its new secret, which is shown this once."""

    endpoint: Endpoint
    secret: str


class Endpoints(BaseModel):
    items: list[Endpoint]
    next_cursor: str


class Attempt(BaseModel):
    at: str
    status_code: int | None
    error: str
    duration_ms: int


class Delivery(BaseModel):
    """An event on its way to an endpoint."""

    id: str
    endpoint_id: str
    event: str
    status: Status
    attempts: list[Attempt]
    next_attempt_at: str | None
    payload: dict[str, Any]
    created_at: str


class Deliveries(BaseModel):
    items: list[Delivery]
    next_cursor: str
