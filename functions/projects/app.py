"""Operations on projects and their contacts."""

from keel.api.resolver import Api, Call
from keel.projects import contacts
from keel.projects.entity_type import PROJECT
from keel.projects.schemas import (
    Project,
    ProjectContact,
    ProjectContactAdd,
    ProjectContactList,
    ProjectContactRemove,
    ProjectContactRemoved,
    ProjectList,
    ProjectUpdate,
)
from keel.records import routes
from keel.records.entity_type import Values
from keel.records.schemas import Page

api = Api("projects")
handler = api.handle

routes.crud(api, PROJECT, update=ProjectUpdate, listed=ProjectList, result=Project)


@api.operation("projects-contacts-add", ProjectContactAdd, result=ProjectContact)
def add_contact(call: Call[ProjectContactAdd]) -> Values:
    return contacts.add(call.caller, call.body)


@api.operation("projects-contacts-remove", ProjectContactRemove, result=ProjectContactRemoved)
def remove_contact(call: Call[ProjectContactRemove]) -> Values:
    return contacts.remove(call.caller, call.body)


@api.operation("projects-contacts-list", ProjectContactList, result=Page[ProjectContact])
def list_contacts(call: Call[ProjectContactList]) -> Values:
    return contacts.list_(call.caller, call.body)
