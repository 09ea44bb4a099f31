"""Which events are there? What happens to records of these kinds."""

from typing import Final

KINDS: Final = ("contact", "company", "activity", "project")  # the stream's filter in template.yaml names them, too
ACTIONS: Final = ("created", "updated", "deleted")
EVENTS: Final = frozenset(f"{kind}.{action}" for kind in KINDS for action in ACTIONS)
