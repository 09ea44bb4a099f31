"""Declare the operations that all entity types share on the `Api` of a resource."""

from typing import Any, TypeVar, cast

from pydantic import BaseModel

from keel.api.fields import Body
from keel.api.resolver import Api, Call
from keel.records import lists, service
from keel.records.entity_type import EntityType, Values
from keel.records.schemas import ById, Deleted, ListBody, Page

L = TypeVar("L", bound=ListBody)
U = TypeVar("U", bound=ById)


def crud(api: Api, entity_type: EntityType, *, update: type[U], listed: type[L], result: type[BaseModel]) -> None:
    """Declare `<resource>-create`, `-update`, `-list`, `-get` and `-delete`.

    `update` and `listed` are the bodies of these two operations. `result` describes a record as clients see it.
    """
    creates(api, entity_type, result)
    updates(api, entity_type, update, result)
    pages(api, entity_type, listed, result)
    gets(api, entity_type, result)
    deletes(api, entity_type)


def creates(api: Api, entity_type: EntityType, result: type[BaseModel]) -> None:
    @api.operation(_name(entity_type, "create"), entity_type.schema, result=result, idempotent=True)
    def create(call: Call[Body]) -> Values:
        return service.create(entity_type, call.caller, call.body, call.idempotency)


def updates(api: Api, entity_type: EntityType, schema: type[U], result: type[BaseModel]) -> None:
    @api.operation(_name(entity_type, "update"), schema, result=result)
    def update(call: Call[U]) -> Values:
        return service.update(entity_type, call.caller, call.body.id, call.body)


def pages(api: Api, entity_type: EntityType, schema: type[L], result: type[BaseModel]) -> None:
    name = _name(entity_type, "list")

    @api.operation(name, schema, result=page_of(result))
    def list_(call: Call[L]) -> Values:
        return lists.page(entity_type, call.caller, name, call.body)


def gets(api: Api, entity_type: EntityType, result: type[BaseModel]) -> None:
    @api.operation(_name(entity_type, "get"), ById, result=result)
    def get(call: Call[ById]) -> Values:
        return service.get(entity_type, call.caller, call.body)


def deletes(api: Api, entity_type: EntityType) -> None:
    @api.operation(_name(entity_type, "delete"), ById, result=Deleted)
    def delete(call: Call[ById]) -> Values:
        return service.delete(entity_type, call.caller, call.body)


def page_of(result: type[BaseModel]) -> type[Page[Any]]:
    """The response of a list of these."""
    return cast(type[Page[Any]], Page.__class_getitem__(result))


def _name(entity_type: EntityType, verb: str) -> str:
    return f"{entity_type.resource.replace('_', '-')}-{verb}"
