"""Operations on OAuth apps."""

from typing import Any

from keel.api.authorizer import Access
from keel.api.fields import Body
from keel.api.resolver import Api, Call
from keel.oauth_apps import service
from keel.oauth_apps.schemas import App, AppCreate, Apps, AppUpdate, AppWithSecret
from keel.records.schemas import ById, Deleted

api = Api("oauth_apps")
handler = api.handle


@api.operation("oauth-apps-create", AppCreate, result=AppWithSecret, access=Access.OWNER)
def create(call: Call[AppCreate]) -> dict[str, Any]:
    return service.create(call.caller, call.body)


@api.operation("oauth-apps-list", Body, result=Apps, access=Access.OWNER)
def list_(call: Call[Body]) -> dict[str, Any]:
    return service.list_(call.caller)


@api.operation("oauth-apps-get", ById, result=App, access=Access.OWNER)
def get(call: Call[ById]) -> dict[str, Any]:
    return service.get(call.caller, call.body)


@api.operation("oauth-apps-update", AppUpdate, result=App, access=Access.OWNER)
def update(call: Call[AppUpdate]) -> dict[str, Any]:
    return service.update(call.caller, call.body)


@api.operation("oauth-apps-rotate-secret", ById, result=AppWithSecret, access=Access.OWNER)
def rotate_secret(call: Call[ById]) -> dict[str, Any]:
    return service.rotate_secret(call.caller, call.body)


@api.operation("oauth-apps-revoke", ById, result=App, access=Access.OWNER)
def revoke(call: Call[ById]) -> dict[str, Any]:
    return service.revoke(call.caller, call.body)


@api.operation("oauth-apps-delete", ById, result=Deleted, access=Access.OWNER)
def delete(call: Call[ById]) -> dict[str, Any]:
    return service.delete(call.caller, call.body)
