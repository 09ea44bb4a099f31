"""Declare the operations on webhook endpoints and deliveries."""

from typing import Any

from keel.api.fields import Body
from keel.api.resolver import Api, Call
from keel.records.schemas import ById, Deleted
from keel.webhooks import deliveries, endpoints, on_demand, schemas

api = Api("webhooks")
handler = api.handle


# No Idempotency-Key: the response contains a secret, which is shown only once.
@api.operation("webhooks-create", schemas.EndpointCreate, result=schemas.EndpointWithSecret)
def create(call: Call[schemas.EndpointCreate]) -> dict[str, Any]:
    return endpoints.create(call.caller, call.body)


@api.operation("webhooks-update", schemas.EndpointUpdate, result=schemas.Endpoint)
def update(call: Call[schemas.EndpointUpdate]) -> dict[str, Any]:
    return endpoints.update(call.caller, call.body)


@api.operation("webhooks-list", Body, result=schemas.Endpoints)
def list_(call: Call[Body]) -> dict[str, Any]:
    return endpoints.list_(call.caller)


@api.operation("webhooks-get", ById, result=schemas.Endpoint)
def get(call: Call[ById]) -> dict[str, Any]:
    return endpoints.get(call.caller, call.body.id)


@api.operation("webhooks-delete", ById, result=Deleted)
def delete(call: Call[ById]) -> dict[str, Any]:
    return endpoints.delete(call.caller, call.body.id)


@api.operation("webhooks-rotate-secret", ById, result=schemas.EndpointWithSecret)
def rotate_secret(call: Call[ById]) -> dict[str, Any]:
    return endpoints.rotate(call.caller, call.body.id)


@api.operation("webhooks-test", ById, result=schemas.Delivery)
def test(call: Call[ById]) -> dict[str, Any]:
    return on_demand.send_test(call.caller, call.body.id)


@api.operation("webhooks-deliveries", schemas.DeliveriesList, result=schemas.Deliveries)
def deliveries_(call: Call[schemas.DeliveriesList]) -> dict[str, Any]:
    return deliveries.page(call.caller, call.body)


@api.operation("webhooks-redeliver", schemas.ByDelivery, result=schemas.Delivery)
def redeliver(call: Call[schemas.ByDelivery]) -> dict[str, Any]:
    return on_demand.redeliver(call.caller, call.body.delivery_id)
