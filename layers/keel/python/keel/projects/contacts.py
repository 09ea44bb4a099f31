"""Add contacts to a project, remove and list them."""

from keel import clock, ids
from keel.api.authorizer import Caller
from keel.contacts.entity_type import CONTACT
from keel.contacts.models import Contact
from keel.errors import ApiError
from keel.projects import models
from keel.projects.entity_type import PROJECT
from keel.projects.models import ContactProject, Project, ProjectContact
from keel.projects.schemas import ProjectContactAdd, ProjectContactList, ProjectContactRemove
from keel.records import references, service
from keel.records.entity_type import Values
from keel.records.presentation import full_name_of
from keel.records.references import Targets
from keel.storage import table
from keel.storage.models import AttributeMap, Key


def add(caller: Caller, body: ProjectContactAdd) -> Values:
    """Add a contact to a project, or change its role if it was added before. Without a role it keeps the one it has."""
    link = _Link(caller, body.project_id, body.contact_id)
    has_role = "role" in body.model_fields_set or "role" in body.cleared
    return service.retry_on_conflict(lambda: _add(link, body.role if has_role else None))


def remove(caller: Caller, body: ProjectContactRemove) -> Values:
    """Remove a contact from a project."""
    link = _Link(caller, body.project_id, body.contact_id)
    not_found = CONTACT.error("not_found")
    if link.read()[link.keys.project_contact] is None:
        raise not_found
    table.commit(
        table.delete(
            ProjectContact,
            link.keys.project_contact,
            ProjectContact.pk.exists(),
            on_failure=table.raise_(not_found),
        ),
        table.delete(ContactProject, link.keys.contact_project),
    )
    return {"project_id": link.project.sk, "contact_id": link.contact.sk, "deleted": True}


def list_(caller: Caller, body: ProjectContactList) -> Values:
    """The contacts of a project, in the order in which they were added."""
    project = PROJECT.key(caller.account_id, _id(body.project_id, "project_id"))
    items = table.iterate(models.contacts_partition(caller.account_id, project.sk))
    links = sorted(
        (item for item in items if isinstance(item, ProjectContact)), key=lambda link: (link.created_at, link.sk)
    )
    contacts = {link.sk: CONTACT.key(caller.account_id, link.sk) for link in links}
    targets = references.read([project, *contacts.values()])
    if targets[project] is None:
        raise PROJECT.error("not_found")
    views = [_view(link, contact) for link in links if (contact := targets[contacts[link.sk]]) is not None]
    return {"items": views, "next_cursor": ""}


class _Link:
    """A project and a contact that a request names."""

    def __init__(self, caller: Caller, project_id: str, contact_id: str) -> None:
        account_id = caller.account_id
        self.project = PROJECT.key(account_id, _id(project_id, "project_id"))
        self.contact = CONTACT.key(account_id, _id(contact_id, "contact_id"))
        self.keys = models.link_keys(account_id, self.project.sk, self.contact.sk)

    def read(self) -> Targets:
        """The project, the contact and the item that links them, None if there is none."""
        targets = references.read([self.project, self.contact, self.keys.project_contact])
        if targets[self.project] is None:
            raise PROJECT.error("not_found")
        if targets[self.contact] is None:
            raise CONTACT.error("not_found")
        return targets


def _add(link: _Link, role: str | None) -> Values:
    targets = link.read()
    key = link.keys.project_contact
    stored = targets[key]
    if stored is None:
        project_contact = ProjectContact(*key, role=role or "", created_at=clock.text(clock.now()))
        write = table.put(project_contact, ProjectContact.pk.does_not_exist(), on_failure=service.stale)
    else:
        project_contact = ProjectContact.from_raw_data(stored)
        if role is not None:
            project_contact.role = role
        write = table.update(
            ProjectContact, key, [ProjectContact.role.set(project_contact.role)], on_failure=service.stale
        )
    table.commit(
        _check(Project, link.project, PROJECT.error("not_found")),
        _check(Contact, link.contact, CONTACT.error("not_found")),
        write,
        table.put(ContactProject(*link.keys.contact_project)),
    )
    return _view(project_contact, targets[link.contact] or {})


def _check(model: type[Project] | type[Contact], key: Key, error: ApiError) -> table.Write:
    return table.check(model, key, on_failure=table.raise_(error))


def _view(link: ProjectContact, contact: AttributeMap) -> Values:
    return {
        "contact_id": link.sk,
        "contact_name": full_name_of(contact),
        "role": link.role,
        "created_at": link.created_at,
    }


def _id(value: str, field: str) -> str:
    id_ = ids.parse(value)
    if id_ is None:
        raise PROJECT.error("invalid_id", field)
    return id_
