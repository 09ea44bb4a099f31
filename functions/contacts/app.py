"""Which operations are there on contacts?"""

from keel.contacts.kind import CONTACT
from keel.contacts.schemas import Contact, ContactList, ContactUpdate
from keel.http import Api
from keel.records import operations

api = Api("contacts")
handler = api.handle

operations.crud(api, CONTACT, update=ContactUpdate, listed=ContactList, result=Contact)
