"""Build docs/errors.md: for every code, when it is returned and what a client should do."""

from dataclasses import dataclass
from typing import Final

import yaml

from keel.errors import CODES
from reference.operations import NOTES

OPENING: Final = """\
# Errors

Every failure is `{"ok": false, "error": {"code", "message", "request_id", "details"?}}`.

- Write code against `code`. Names and statuses of codes do not change.
- `message` is for people and may change.
- `details` lists the invalid fields: `[{"field", "message"}]`.
- `request_id` identifies the request in the logs. Give it to the operator when you report a problem. The header
  `X-Request-Id` of every response has the same value.

`make openapi` generates this page from `docs/reference/errors.yaml`."""


@dataclass(frozen=True)
class Advice:
    code: str
    status: int
    message: str
    when: str
    do: str


def advice() -> list[Advice]:
    """Every code of the catalogue. An entry for the full code takes precedence over one for its ending."""
    texts = yaml.safe_load((NOTES / "errors.yaml").read_text())
    entries = []
    for code, (status, message) in CODES.items():
        entry = texts.get(code) or texts[code.partition(".")[2]]
        entries.append(Advice(code, status, message, entry["when"], entry["do"]))
    return entries


def page() -> str:
    """The content of docs/errors.md."""
    sections: dict[str, list[str]] = {}
    for entry in advice():
        anchor = f'<a id="{entry.code}"></a>`{entry.code}`'
        row = f"| {anchor} | {entry.status} | {entry.when} | {entry.do} |"
        sections.setdefault(entry.code.partition(".")[0], []).append(row)
    lines = [OPENING]
    for prefix, rows in sections.items():
        lines += ["", f"## {prefix}", "", "| code | status | when | what to do |", "| --- | --- | --- | --- |", *rows]
    return "\n".join(lines) + "\n"
