"""Define the request and response bodies of `oauth-apps-*` and `oauth-token`."""

from typing import Literal

from pydantic import BaseModel

from keel.api.fields import AnyText, Body, Id, Text
from keel.records.schemas import Record


class AppCreate(Body):
    name: Text = ""


class AppUpdate(AppCreate):
    id: Id = ""


class App(Record):
    name: str
    client_id: str
    client_secret_prefix: str
    last_used_at: str | None
    revoked_at: str | None


class AppWithSecret(BaseModel):
    app: App
    client_secret: str


class Apps(BaseModel):
    items: list[App]
    next_cursor: str


class TokenRequest(Body):
    grant_type: AnyText = ""
    client_id: AnyText = ""
    client_secret: AnyText = ""


class TokenGrant(BaseModel):
    access_token: str
    token_type: Literal["Bearer"]
    expires_in: int
