"""What does each error mean, and what should a client do? docs/reference/errors.yaml, for every code."""

from dataclasses import dataclass
from typing import Final

import yaml

from keel.errors import CODES
from reference.operations import NOTES

OPENING: Final = """\
# Errors

Every failure is `{"ok": false, "error": {"code", "message", "request_id", "details"?}}`. Decide by `code`: the names
and their statuses do not change. `details` names the fields at fault; `request_id`, also in the header `X-Request-Id`,
is what an operator needs to find the request in the logs.

This page is made from `docs/reference/errors.yaml` by `make openapi`."""


@dataclass(frozen=True)
class Advice:
    code: str
    status: int
    message: str
    when: str
    do: str


def advice() -> list[Advice]:
    """Every code of the catalogue; what is said of a code itself goes before what is said of its ending."""
    said = yaml.safe_load((NOTES / "errors.yaml").read_text())
    found = []
    for code, (status, message) in CODES.items():
        entry = said.get(code) or said[code.partition(".")[2]]
        found.append(Advice(code, status, message, entry["when"], entry["do"]))
    return found


def page() -> str:
    """docs/errors.md."""
    sections: dict[str, list[str]] = {}
    for entry in advice():
        anchor = f'<a id="{entry.code}"></a>`{entry.code}`'
        row = f"| {anchor} | {entry.status} | {entry.when} | {entry.do} |"
        sections.setdefault(entry.code.partition(".")[0], []).append(row)
    lines = [OPENING]
    for prefix, rows in sections.items():
        lines += ["", f"## {prefix}", "", "| code | status | when | what to do |", "| --- | --- | --- | --- |", *rows]
    return "\n".join(lines) + "\n"
