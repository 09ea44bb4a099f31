"""Which kinds of records are there, and what points to what?"""

from typing import Final

from keel.activities.kind import ACTIVITY
from keel.companies.kind import COMPANY
from keel.contacts.kind import CONTACT
from keel.custom_fields.kind import CUSTOM_FIELD
from keel.projects.kind import PROJECT
from keel.records.kinds import Kind, Reference
from keel.sources.kind import SOURCE

# By name, as in keys and events: `contact`.
KINDS: Final[dict[str, Kind]] = {
    kind.name: kind for kind in (CONTACT, COMPANY, PROJECT, ACTIVITY, SOURCE, CUSTOM_FIELD)
}


def pointing_to(name: str) -> list[tuple[Kind, Reference]]:
    """Every reference, with the kind that has it, to records of a kind."""
    return [(kind, reference) for kind in KINDS.values() for reference in kind.references if reference.kind == name]
