"""Generate openapi.json, the generated parts of the documentation, and the Python client.

openapi.py            writes them, from the declarations of the functions and from docs/reference
openapi.py --check    exits with 1 if one of them is out of date
"""

import json
import sys

from template import ROOT

sys.path.insert(0, str(ROOT / "layers/keel/python"))

import client
import diagram
import idle_cost
from reference.document import document
from reference.errors import page


def written() -> dict[str, str]:
    """The content of each generated file, by path."""
    described = document()
    return {
        "openapi.json": json.dumps(described, ensure_ascii=False, indent=1) + "\n",
        "docs/errors.md": page(),
        "docs/operating.md": idle_cost.inserted((ROOT / "docs/operating.md").read_text()),
        "docs/architecture.md": diagram.inserted((ROOT / "docs/architecture.md").read_text()),
        **client.generate(described),
    }


def stale() -> list[str]:
    """The paths of the generated files that are out of date."""
    return [name for name, text in written().items() if not (ROOT / name).exists() or (ROOT / name).read_text() != text]


def main() -> None:
    if "--check" in sys.argv:
        if names := stale():
            sys.exit(f"Out of date: {', '.join(names)}. Run make openapi.")
        return
    for name, text in written().items():
        (ROOT / name).write_text(text)


if __name__ == "__main__":
    main()
