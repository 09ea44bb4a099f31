"""Where does it lie that a contact takes part in a project?

A project's links to contacts lie together under the project; under the contact lies the same pair the other
way round, by which the links of a deleted contact are found.
"""

from collections.abc import Iterator
from typing import Final, NamedTuple

from keel.storage import legacy_table as table
from keel.storage.legacy_table import Key

LINK: Final = "project_contact"
REVERSE: Final = "contact_project"


class Pair(NamedTuple):
    """The two items of one link."""

    link: Key
    reverse: Key


def pair(account_id: str, project_id: str, contact_id: str) -> Pair:
    return Pair(
        Key(partition_of_project(account_id, project_id), contact_id),
        Key(_partition_of_contact(account_id, contact_id), project_id),
    )


def partition_of_project(account_id: str, project_id: str) -> str:
    """The partition of a project's links; `sk` is the contact's id."""
    return table.partition(account_id, f"{LINK}#{project_id}")


def of_project(account_id: str, project_id: str) -> Iterator[Key]:
    """Every item of a project's links."""
    for item in table.iterate(partition_of_project(account_id, project_id)):
        yield from pair(account_id, project_id, item["sk"])


def of_contact(account_id: str, contact_id: str) -> Iterator[Key]:
    """Every item of the links of a contact to projects."""
    for item in table.iterate(_partition_of_contact(account_id, contact_id)):
        yield from pair(account_id, item["sk"], contact_id)


def _partition_of_contact(account_id: str, contact_id: str) -> str:
    return table.partition(account_id, f"{REVERSE}#{contact_id}")
