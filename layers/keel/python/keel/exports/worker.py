"""How does an export come about? Page after page of records, written as they are read."""

import csv
import io
import json
import os
from collections.abc import Callable, Iterator, Mapping
from typing import Any, Final

from keel.exports import jobs
from keel.exports.jobs import KINDS, Job
from keel.records import csv_values, field_definitions, presentation
from keel.records.entity_type import EntityType, Values
from keel.records.field_definitions import Definition
from keel.storage import legacy_table as table
from keel.storage.legacy_table import ConditionFailed
from keel.storage.objects import Writer
from keel.storage.table import query_attributes

_PAGE: Final = 500
_TYPES: Final = {"csv": "text/csv; charset=utf-8", "jsonl": "application/x-ndjson"}

Line = Callable[[Values], bytes]


def carry_out(message: dict[str, str]) -> None:
    """Write the file of a job, anew if need be: the job names the file of whoever finishes first."""
    job = jobs.find(message["account_id"], message["job_id"])
    if job is None or job["status"] not in ("pending", "processing"):
        return
    key = f"exports/{job['account_id']}/{job['id']}/{os.urandom(8).hex()}.{job['format']}"
    try:
        count = _write(job, key)
    except ConditionFailed:
        return  # another worker has finished it
    jobs.end(job, "completed", row_count=count, object=key)


def _write(job: Job, key: str) -> int:
    kind = KINDS[job["model_type"]]
    writer = Writer(key, _TYPES[job["format"]])
    line: Line = _json_line
    if job["format"] == "csv":
        defined = field_definitions.current(job["account_id"]).of(kind.name)
        columns = [*_columns(kind), *(f"custom_fields.{id_}" for id_ in defined)]
        line = _csv_line(kind, defined)
        writer.write(_csv(columns))
    count = 0
    for page in _pages(kind, job["account_id"]):
        jobs.note(job, row_count=count)
        writer.write(b"".join(map(line, page)))
        count += len(page)
    writer.close()
    return count


def _pages(kind: EntityType, account_id: str) -> Iterator[list[Values]]:
    """The records as clients see them, the oldest first."""
    after, more = "", True
    while more:
        page = query_attributes(table.partition(account_id, kind.name), after=after, limit=_PAGE)
        records = [kind.model.from_raw_data(attributes) for attributes in page.items]
        yield presentation.present(kind, records)
        more = page.more
        after = records[-1].id if records else ""


def _json_line(view: Values) -> bytes:
    return json.dumps(view, ensure_ascii=False, separators=(",", ":")).encode() + b"\n"


def _columns(kind: EntityType) -> list[str]:
    writable = [name for name in kind.schema.model_fields if name != "custom_fields"]
    return ["id", *writable, *(join.name for join in kind.all_joins)]


def _csv_line(kind: EntityType, defined: Mapping[str, Definition]) -> Line:
    types = [(name, csv_values.type_of(kind, name)) for name in _columns(kind)]

    def line(view: Values) -> bytes:
        row = [csv_values.format_value(type_, view[name]) for name, type_ in types]
        values: dict[str, Any] = view.get("custom_fields", {})
        row += [csv_values.format_value(each.field_type, values.get(id_)) for id_, each in defined.items()]
        return _csv(row)

    return line


def _csv(row: list[str]) -> bytes:
    text = io.StringIO()
    csv.writer(text).writerow(row)
    return text.getvalue().encode()
