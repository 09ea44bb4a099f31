"""Write the file of an export: page after page of records, in bounded memory."""

import csv
import io
import json
import os
from collections.abc import Callable, Iterator, Mapping
from typing import Any, Final

from keel.exports import jobs
from keel.exports.jobs import ENTITY_TYPES
from keel.exports.models import ExportJob
from keel.records import csv_values, field_definitions, presentation
from keel.records.entity_type import EntityType, Values
from keel.records.field_definitions import Definition
from keel.storage import table
from keel.storage.objects import Writer
from keel.storage.table import ConditionFailed

_PAGE: Final = 500
_CONTENT_TYPES: Final = {"csv": "text/csv; charset=utf-8", "jsonl": "application/x-ndjson"}

Line = Callable[[Values], bytes]


def run(message: dict[str, str]) -> None:
    """Write the file of a job, from its beginning. The job names the file of the worker that finishes first."""
    job = jobs.find(message["account_id"], message["job_id"])
    if job is None or job.status not in ("pending", "processing"):
        return
    key = f"exports/{job.account_id}/{job.id}/{os.urandom(8).hex()}.{job.format}"
    try:
        count = _write(job, key)
    except ConditionFailed:
        return  # another worker has finished it
    jobs.complete(job, key, count)


def _write(job: ExportJob, key: str) -> int:
    """Write the file and return its number of records."""
    entity_type = ENTITY_TYPES[job.model_type]
    writer = Writer(key, _CONTENT_TYPES[job.format])
    line: Line = _json_line
    if job.format == "csv":
        definitions = field_definitions.current(job.account_id).of(entity_type.name)
        columns = [*_columns(entity_type), *(f"custom_fields.{id_}" for id_ in definitions)]
        line = _csv_line(entity_type, definitions)
        writer.write(_csv(columns))
    count = 0
    for page in _pages(entity_type, job.account_id):
        jobs.update_progress(job, ExportJob.row_count.set(count))
        writer.write(b"".join(map(line, page)))
        count += len(page)
    writer.close()
    return count


def _pages(entity_type: EntityType, account_id: str) -> Iterator[list[Values]]:
    """The records as clients see them, the oldest first."""
    after, more = "", True
    while more:
        page = table.query_attributes(table.partition(account_id, entity_type.name), after=after, limit=_PAGE)
        records = [entity_type.model.from_raw_data(attributes) for attributes in page.items]
        yield presentation.present(entity_type, records)
        more = page.more
        after = records[-1].id if records else ""


def _json_line(view: Values) -> bytes:
    return json.dumps(view, ensure_ascii=False, separators=(",", ":")).encode() + b"\n"


def _columns(entity_type: EntityType) -> list[str]:
    writable = [name for name in entity_type.schema.model_fields if name != "custom_fields"]
    return ["id", *writable, *(join.name for join in entity_type.all_joins)]


def _csv_line(entity_type: EntityType, definitions: Mapping[str, Definition]) -> Line:
    types = [(name, csv_values.type_of(entity_type, name)) for name in _columns(entity_type)]

    def line(view: Values) -> bytes:
        row = [csv_values.format_value(type_, view[name]) for name, type_ in types]
        values: dict[str, Any] = view.get("custom_fields", {})
        row += [csv_values.format_value(each.field_type, values.get(id_)) for id_, each in definitions.items()]
        return _csv(row)

    return line


def _csv(row: list[str]) -> bytes:
    text = io.StringIO()
    csv.writer(text).writerow(row)
    return text.getvalue().encode()
