"""Operations that authenticate users."""

from typing import Any

from keel.api.authorizer import Access
from keel.api.fields import Body
from keel.api.resolver import Api, Call, PublicCall
from keel.auth import service, sessions
from keel.auth.schemas import Login, Me, RefreshToken, Register, SignedIn, Tokens
from keel.users.schemas import Nothing

api = Api("auth")
handler = api.handle


@api.public_operation("auth-register", Register, result=SignedIn)
def register(call: PublicCall[Register]) -> dict[str, Any]:
    return service.register(call.body)


@api.public_operation("auth-login", Login, result=SignedIn, bucket="login")
def login(call: PublicCall[Login]) -> dict[str, Any]:
    return service.login(call.body)


@api.public_operation("auth-refresh-token", RefreshToken, result=Tokens)
def refresh_token(call: PublicCall[RefreshToken]) -> dict[str, Any]:
    return sessions.refresh(call.body.refresh_token)


@api.operation("auth-logout", Body, result=Nothing, access=Access.USER)
def logout(call: Call[Body]) -> dict[str, Any]:
    sessions.end(call.caller.user, call.caller.session_id)
    return {}


@api.operation("auth-me", Body, result=Me, access=Access.USER)
def me(call: Call[Body]) -> dict[str, Any]:
    return service.me(call.caller)
