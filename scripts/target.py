"""Which platform do the layers run on? The template's default, or what KEEL_PLATFORM says ("python3.11 x86_64")."""

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
    # Not parsed as YAML: `sam build` may run this with a Python that has no packages.
    template = (ROOT / "template.yaml").read_text()
    return Target(*re.findall(r"^  (?:PythonRuntime|Architecture): .*Default: ([\w.]+),", template, re.MULTILINE))
