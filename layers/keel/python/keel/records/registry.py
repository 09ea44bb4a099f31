"""Which kinds of records are there, and what points to what?

A kind is found where its package declares it, in `keel.<resource>.kind`: a resource is added by its package alone.
"""

from importlib import import_module
from importlib.util import find_spec
from pkgutil import iter_modules
from typing import Final

import keel
from keel.records.kinds import Kind, Reference


def _declared() -> dict[str, Kind]:
    packages = [module.name for module in iter_modules(keel.__path__) if module.ispkg]
    modules = [import_module(f"keel.{name}.kind") for name in packages if find_spec(f"keel.{name}.kind")]
    kinds = [value for module in modules for value in vars(module).values() if isinstance(value, Kind)]
    return {kind.name: kind for kind in kinds}


# By name, as in keys and events: `contact`.
KINDS: Final[dict[str, Kind]] = _declared()


def pointing_to(name: str) -> list[tuple[Kind, Reference]]:
    """Every reference, with the kind that has it, to records of a kind."""
    return [(kind, reference) for kind in KINDS.values() for reference in kind.references if reference.kind == name]
