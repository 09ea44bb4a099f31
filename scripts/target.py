"""Read which Python and processor the layers are built for.

That is the template's default, or KEEL_PLATFORM: "python3.12 x86_64" for example.
"""

import os
import re
from pathlib import Path
from typing import NamedTuple

ROOT = Path(__file__).parent.parent


class Target(NamedTuple):
    runtime: str
    architecture: str


def target() -> Target:
    chosen = os.environ.get("KEEL_PLATFORM")
    if chosen:
        return Target(*chosen.split())
    template = (ROOT / "template.yaml").read_text()
    return Target(default("PythonRuntime", template), default("Architecture", template))


def default(parameter: str, template: str) -> str:
    """The default of a parameter. Not parsed as YAML: `sam build` may run this on a Python that has no packages."""
    found = re.search(rf"^  {parameter}:.*?\bDefault: ([\w.]+)", template, re.MULTILINE | re.DOTALL)
    if found is None:
        raise ValueError(f"template.yaml has no default for {parameter}")
    return found[1]
