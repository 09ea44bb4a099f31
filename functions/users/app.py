"""Operations on users."""

from typing import Any

from keel.api.authorizer import Access
from keel.api.resolver import Api, Call, PublicCall
from keel.records.schemas import ById
from keel.users import passwords, service
from keel.users.schemas import (
    ChangePassword,
    ForgotPassword,
    Invite,
    Nothing,
    ResetPassword,
    SetActive,
    User,
    UserPage,
    UsersList,
)

api = Api("users")
handler = api.handle


@api.operation("users-list", UsersList, result=UserPage, access=Access.USER)
def list_(call: Call[UsersList]) -> dict[str, Any]:
    return service.list_(call.caller, call.body)


@api.operation("users-get", ById, result=User, access=Access.USER)
def get(call: Call[ById]) -> dict[str, Any]:
    return service.get(call.caller, call.body)


@api.operation("users-invite", Invite, result=User, access=Access.OWNER, idempotent=True)
def invite(call: Call[Invite]) -> dict[str, Any]:
    return service.invite(call.caller, call.body, call.idempotency)


@api.operation("users-set-active", SetActive, result=User, access=Access.OWNER)
def set_active(call: Call[SetActive]) -> dict[str, Any]:
    return service.set_active(call.caller, call.body)


@api.operation("users-change-password", ChangePassword, result=Nothing, access=Access.USER)
def change_password(call: Call[ChangePassword]) -> dict[str, Any]:
    return passwords.change(call.caller, call.body)


@api.public_operation("users-forgot-password", ForgotPassword, result=Nothing, bucket="forgot_password")
def forgot_password(call: PublicCall[ForgotPassword]) -> dict[str, Any]:
    return passwords.forgot(call.body)


@api.public_operation("users-reset-password", ResetPassword, result=Nothing, bucket="reset_password")
def reset_password(call: PublicCall[ResetPassword]) -> dict[str, Any]:
    return passwords.reset(call.body)
