"""List the names of all events."""

from typing import Final

KINDS: Final = ("contact", "company", "activity", "project")  # as in the filter of the stream in template.yaml
ACTIONS: Final = ("created", "updated", "deleted")
EVENTS: Final = frozenset(f"{kind}.{action}" for kind in KINDS for action in ACTIONS)
