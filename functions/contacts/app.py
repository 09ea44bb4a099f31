"""Which operations are there on contacts?"""

from keel.contacts.kind import CONTACT
from keel.contacts.schemas import ContactCreate, ContactUpdate
from keel.http import Api, Call
from keel.records import lists, service
from keel.records.kinds import Values
from keel.records.schemas import ById, ListBody

api = Api("contacts")
handler = api.handle


@api.operation("contacts-create", ContactCreate, idempotent=True)
def create(call: Call[ContactCreate]) -> Values:
    return service.create(CONTACT, call.caller, call.body, call.once)


@api.operation("contacts-update", ContactUpdate)
def update(call: Call[ContactUpdate]) -> Values:
    return service.update(CONTACT, call.caller, call.body.id, call.body)


@api.operation("contacts-list", ListBody)
def list_(call: Call[ListBody]) -> Values:
    return lists.page(CONTACT, call.caller, "contacts-list", call.body)


@api.operation("contacts-get", ById)
def get(call: Call[ById]) -> Values:
    return service.get(CONTACT, call.caller, call.body)


@api.operation("contacts-delete", ById)
def delete(call: Call[ById]) -> Values:
    return service.delete(CONTACT, call.caller, call.body)
