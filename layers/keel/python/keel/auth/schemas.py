"""Define the request and response bodies of `auth-*`."""

from typing import Annotated

from pydantic import AfterValidator, BaseModel

from keel.api.fields import AnyText, Body, RequiredEmail, RequiredText, Text, not_blank
from keel.users.schemas import NewPassword, User


class Register(Body):
    email: RequiredEmail
    password: NewPassword
    name: RequiredText
    account_name: Text = ""


class Login(Body):
    # A password of any length is judged as right or wrong.
    email: RequiredText
    password: AnyText


class RefreshToken(Body):
    refresh_token: Annotated[AnyText, AfterValidator(not_blank)]


class Tokens(BaseModel):
    access_token: str
    refresh_token: str
    expires_in: int


class SignedIn(Tokens):
    user: User


class Me(User):
    account_name: str
