"""List the names of all events."""

from typing import Final

ENTITY_TYPE_NAMES: Final = (
    "contact",
    "company",
    "activity",
    "project",
)  # as in the filter of the stream in template.yaml
ACTIONS: Final = ("created", "updated", "deleted")
EVENTS: Final = frozenset(f"{name}.{action}" for name in ENTITY_TYPE_NAMES for action in ACTIONS)
