"""Which contacts take part in a project, and as what?"""

from keel import clock, ids
from keel.api.authorizer import Caller
from keel.contacts.entity_type import CONTACT
from keel.errors import ApiError
from keel.projects import links
from keel.projects.entity_type import PROJECT
from keel.projects.schemas import ProjectContactAdd, ProjectContactList, ProjectContactRemove
from keel.records import references, service
from keel.records.entity_type import Values
from keel.records.references import Targets, full_name_of
from keel.storage import legacy_table as table
from keel.storage.legacy_table import Item


def add(caller: Caller, body: ProjectContactAdd) -> Values:
    """Add a contact, or give one that is there already another role; without a role it keeps the one it has."""
    pair = _Pair(caller, body.project_id, body.contact_id)
    gives_role = "role" in body.model_fields_set or "role" in body.cleared
    return service.retry_on_conflict(lambda: _add(pair, body.role if gives_role else None))


def remove(caller: Caller, body: ProjectContactRemove) -> Values:
    """Take a contact out of a project."""
    pair = _Pair(caller, body.project_id, body.contact_id)
    items = pair.read()
    if items[pair.link] is None:
        raise ApiError("contacts.not_found")
    table.commit(
        table.delete(pair.link, "attribute_exists(pk)", failed=table.raise_(ApiError("contacts.not_found"))),
        table.delete(pair.reverse),
    )
    return {"project_id": pair.project.sk, "contact_id": pair.contact.sk, "deleted": True}


def list_(caller: Caller, body: ProjectContactList) -> Values:
    """The contacts of a project, in the order in which they were added."""
    project = PROJECT.key(caller.account_id, _id(body.project_id, "project_id"))
    found = sorted(
        table.iterate(links.partition_of_project(caller.account_id, project.sk)),
        key=lambda link: (link["created_at"], link["sk"]),
    )
    contacts = {link["sk"]: CONTACT.key(caller.account_id, link["sk"]) for link in found}
    items = references.read([project, *contacts.values()])
    if items[project] is None:
        raise PROJECT.error("not_found")
    views = [_view(link, contact) for link in found if (contact := items[contacts[link["sk"]]]) is not None]
    return {"items": views, "next_cursor": ""}


class _Pair:
    """A project and a contact, as they were named in a request."""

    def __init__(self, caller: Caller, project_id: str, contact_id: str) -> None:
        account_id = caller.account_id
        self.project = PROJECT.key(account_id, _id(project_id, "project_id"))
        self.contact = CONTACT.key(account_id, _id(contact_id, "contact_id"))
        self.link, self.reverse = links.pair(account_id, self.project.sk, self.contact.sk)

    def read(self) -> Targets:
        items = references.read([self.project, self.contact, self.link])
        if items[self.project] is None:
            raise PROJECT.error("not_found")
        if items[self.contact] is None:
            raise CONTACT.error("not_found")
        return items


def _add(pair: _Pair, role: str | None) -> Values:
    items = pair.read()
    stored = items[pair.link]
    if stored is None:
        link = {"kind": links.LINK, "role": role or "", "created_at": clock.text(clock.now())}
        write = table.put(pair.link._asdict() | link, "attribute_not_exists(pk)", failed=service.stale)
    else:
        link = stored | {"role": stored["role"] if role is None else role}
        write = table.update(pair.link, "SET #role = :role", failed=service.stale, role=link["role"])
    table.commit(
        table.check(pair.project, failed=table.raise_(PROJECT.error("not_found"))),
        table.check(pair.contact, failed=table.raise_(CONTACT.error("not_found"))),
        write,
        table.put(pair.reverse._asdict() | {"kind": links.REVERSE}),
    )
    return _view(link | {"sk": pair.contact.sk}, items[pair.contact] or {})


def _view(link: Item, contact: Item) -> Values:
    return {
        "contact_id": link["sk"],
        "contact_name": full_name_of(contact),
        "role": link["role"],
        "created_at": link["created_at"],
    }


def _id(value: str, field: str) -> str:
    id_ = ids.parse(value)
    if id_ is None:
        raise PROJECT.error("invalid_id", field)
    return id_
