"""Define how projects and their contacts are stored.

See `keel.records.models` for the key and the access patterns of a project. That a contact belongs to a project is
stored as two items, so that it is found from either side:

| item | pk | sk | access |
| --- | --- | --- | --- |
| `ProjectContact` | `<account>#project_contact#<project>` | id of the contact | the contacts of a project |
| `ContactProject` | `<account>#contact_project#<contact>` | id of the project | the projects of a deleted contact |
"""

from collections.abc import Iterator
from typing import NamedTuple

from pynamodb.attributes import UnicodeAttribute

from keel.records.models import Record
from keel.storage import table
from keel.storage.attribute_types import (
    FlagAttribute,
    JsonTextAttribute,
    OptionalIntegerAttribute,
    OptionalTextAttribute,
    TextAttribute,
    TextListAttribute,
)
from keel.storage.models import Item, Key


class Project(Record, discriminator="project"):
    name = TextAttribute()
    description = TextAttribute()
    stage = TextAttribute("proposal")
    company_id = OptionalTextAttribute()
    assigned_to = OptionalTextAttribute()
    value = OptionalIntegerAttribute()  # cents
    start_date = OptionalTextAttribute()
    end_date = OptionalTextAttribute()
    is_retainer = FlagAttribute()
    renewal_date = OptionalTextAttribute()
    notes = TextAttribute()
    tags = TextListAttribute()
    custom_fields = JsonTextAttribute()


class ProjectContact(Item, discriminator="project_contact"):
    """A contact of a project, under the project."""

    role = UnicodeAttribute(default="")
    created_at = UnicodeAttribute()


class ContactProject(Item, discriminator="contact_project"):
    """The same contact of the same project, under the contact."""


class LinkKeys(NamedTuple):
    """The keys of the two items that link a contact to a project."""

    project_contact: Key
    contact_project: Key


def link_keys(account_id: str, project_id: str, contact_id: str) -> LinkKeys:
    return LinkKeys(
        Key(contacts_partition(account_id, project_id), contact_id),
        Key(_projects_partition(account_id, contact_id), project_id),
    )


def contacts_partition(account_id: str, project_id: str) -> str:
    """The partition of a project's contacts; `sk` is the id of the contact."""
    return table.partition(account_id, f"project_contact#{project_id}")


def _projects_partition(account_id: str, contact_id: str) -> str:
    return table.partition(account_id, f"contact_project#{contact_id}")


def links_of_project(account_id: str, project_id: str) -> Iterator[Key]:
    """The keys of all items that link contacts to a project."""
    for item in table.iterate(contacts_partition(account_id, project_id)):
        yield from link_keys(account_id, project_id, item.sk)


def links_of_contact(account_id: str, contact_id: str) -> Iterator[Key]:
    """The keys of all items that link a contact to projects."""
    for item in table.iterate(_projects_partition(account_id, contact_id)):
        yield from link_keys(account_id, item.sk, contact_id)
