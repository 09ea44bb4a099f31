"""Which operations do the kinds of records have alike? Each is one declaration on the resource's `Api`."""

from typing import Any, TypeVar, cast

from pydantic import BaseModel

from keel.api.fields import Body
from keel.api.resolver import Api, Call
from keel.records import lists, service
from keel.records.entity_type import EntityType, Values
from keel.records.schemas import ById, Deleted, ListBody, Page

L = TypeVar("L", bound=ListBody)
U = TypeVar("U", bound=ById)


def crud(api: Api, kind: EntityType, *, update: type[U], listed: type[L], result: type[BaseModel]) -> None:
    """Declare `<resource>-create`, `-update`, `-list`, `-get` and `-delete`.

    `update` and `listed` are the bodies of those two operations, `result` describes a record as clients see it.
    """
    creates(api, kind, result)
    updates(api, kind, update, result)
    pages(api, kind, listed, result)
    gets(api, kind, result)
    deletes(api, kind)


def creates(api: Api, kind: EntityType, result: type[BaseModel]) -> None:
    @api.operation(_name(kind, "create"), kind.fields, result=result, idempotent=True)
    def create(call: Call[Body]) -> Values:
        return service.create(kind, call.caller, call.body, call.idempotency)


def updates(api: Api, kind: EntityType, schema: type[U], result: type[BaseModel]) -> None:
    @api.operation(_name(kind, "update"), schema, result=result)
    def update(call: Call[U]) -> Values:
        return service.update(kind, call.caller, call.body.id, call.body)


def pages(api: Api, kind: EntityType, schema: type[L], result: type[BaseModel]) -> None:
    name = _name(kind, "list")

    @api.operation(name, schema, result=page_of(result))
    def list_(call: Call[L]) -> Values:
        return lists.page(kind, call.caller, name, call.body)


def gets(api: Api, kind: EntityType, result: type[BaseModel]) -> None:
    @api.operation(_name(kind, "get"), ById, result=result)
    def get(call: Call[ById]) -> Values:
        return service.get(kind, call.caller, call.body)


def deletes(api: Api, kind: EntityType) -> None:
    @api.operation(_name(kind, "delete"), ById, result=Deleted)
    def delete(call: Call[ById]) -> Values:
        return service.delete(kind, call.caller, call.body)


def page_of(result: type[BaseModel]) -> type[Page[Any]]:
    """What a list of these answers."""
    return cast(type[Page[Any]], Page.__class_getitem__(result))


def _name(kind: EntityType, verb: str) -> str:
    return f"{kind.resource.replace('_', '-')}-{verb}"
