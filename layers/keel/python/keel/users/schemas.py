"""Define the request and response bodies of `users-*`."""

from typing import Annotated, Literal

from pydantic import AfterValidator, BaseModel, Field

from keel.api.fields import AnyText, Body, Id, Integer, RequiredEmail, RequiredText, Search, Text, not_blank
from keel.records.schemas import Limit
from keel.users.password_hashing import LONGEST

Role = Literal["owner", "member"]
# A password that is set; one that is only compared may be any text.
NewPassword = Annotated[Text, Field(min_length=8, max_length=LONGEST), AfterValidator(not_blank)]


class UsersList(Body):
    search: Search = ""
    limit: Limit = 50
    offset: Integer = 0


class Invite(Body):
    email: RequiredEmail
    name: RequiredText
    role: Role = "member"


class SetActive(Body):
    user_id: Id = ""
    # Judged after the id, as what an operation has a code for is.
    active: bool = True


class ChangePassword(Body):
    current_password: AnyText
    new_password: NewPassword


class ForgotPassword(Body):
    email: RequiredEmail


class ResetPassword(Body):
    token: Annotated[AnyText, AfterValidator(not_blank)]
    new_password: NewPassword


class User(BaseModel):
    id: str
    account_id: str
    email: str
    name: str
    role: Role
    must_change_password: bool
    deactivated_at: str | None
    created_at: str
    updated_at: str


class UserPage(BaseModel):
    users: list[User]
    total: int


class Nothing(BaseModel):
    pass
