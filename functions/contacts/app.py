"""Operations on contacts."""

from keel.api.resolver import Api
from keel.contacts.entity_type import CONTACT
from keel.contacts.schemas import Contact, ContactList, ContactUpdate
from keel.records import routes

api = Api("contacts")
handler = api.handle

routes.crud(api, CONTACT, update=ContactUpdate, listed=ContactList, result=Contact)
