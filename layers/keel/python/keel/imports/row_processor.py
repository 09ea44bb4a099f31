"""Process parsed rows: match each with the records that exist, and create, update or skip its record."""

import hashlib
from typing import NamedTuple

from keel import clock, ids
from keel.api.fields import TAGS
from keel.errors import ApiError
from keel.imports.batch import Batch
from keel.imports.models import ImportJob
from keel.imports.record_cache import CachedRecord, RecordCache
from keel.imports.row_parser import InvalidRow, ParsedRow, RowParser
from keel.records import csv_values, service
from keel.records.entity_type import EntityType, Reference, Values
from keel.storage.table import Write


class _Change(NamedTuple):
    """A record that a row creates or updates, its write, and the condition checks of the write."""

    cached: CachedRecord
    write: Write
    checks: list[Write]


class RowProcessor:
    """Processes the rows of one import, each by what is stored and by what the rows before it have changed."""

    def __init__(self, job: ImportJob, cache: RecordCache, parser: RowParser) -> None:
        self._cache, self._parser = cache, parser
        self._entity_type = parser.entity_type
        self._duplicate_handling = job.duplicate_handling
        self._job_id, self._started, self._created_by = job.id, job.started, job.created_by
        self._created_at = clock.text(job.started)

    def process(self, row: ParsedRow, batch: Batch) -> None:
        """Add the changes of a row to the batch, or the error for which it fails."""
        changes: list[_Change] = []
        try:
            if row.error:
                raise row.error
            outcome = self._process(row, changes)
        except InvalidRow as error:
            for change in changes:
                self._cache.remove(change.cached)
            reported = InvalidRow(self._parser.mapped_field(error.field), error.code, error.message)
            batch.add_error(row.number, reported, self._parser.stored_cells(row.row))
            outcome = "failed"
        else:
            for change in changes:
                batch.add(*change)
        batch.count_row(outcome)

    def _process(self, row: ParsedRow, changes: list[_Change]) -> str:
        match = self._match(row) if self._duplicate_handling != "create" else None
        if match is None:
            self._create(row, changes)
            return "created"
        if self._duplicate_handling == "skip":
            return "skipped"
        return "updated" if self._update(match, row, changes) else "skipped"

    def _match(self, row: ParsedRow) -> CachedRecord | None:
        """The record that the row is about, if it exists."""
        if row.id:
            id_ = ids.parse(row.id)
            if id_ is None:
                raise InvalidRow.from_error(self._entity_type.error("invalid_id", "id"))
            match = self._cache.by_id(id_)
            if match is None:
                raise InvalidRow.from_error(self._entity_type.error("not_found"), "id")
            return match
        for match_key in self._cache.own_match_keys(row):
            if matches := self._cache.find(match_key):
                return matches[0]
        return None

    def _create(self, row: ParsedRow, changes: list[_Change]) -> None:
        entity_type = self._entity_type
        self._resolve_names(row, None, changes)
        values = {name: entity_type.defaults[name] for name in entity_type.schema.model_fields} | row.values
        if entity_type.has_custom_fields:
            values["custom_fields"] = row.custom_fields
        try:
            self._add_new(entity_type, values, row.number, "", changes)
        except ApiError as error:
            raise self._invalid(error, row) from None

    def _add_new(self, entity_type: EntityType, values: Values, number: int, label: str, changes: list[_Change]) -> str:
        """Create a record of a row, an implicit one by the name of the reference to it. Returns its id."""
        id_ = _record_id(self._job_id, self._started, number, label)
        account_id = self._cache.account_id
        record = service.build(entity_type, account_id, self._created_by, values, id_, self._created_at)
        record.bulk = record.version
        checks = service.resolve(entity_type, record, record.attribute_values, values, None, self._cache.targets)
        cached = CachedRecord(entity_type, None, record, is_implicit=bool(label))
        self._add(_Change(cached, service.put(entity_type, record), checks), changes)
        return id_

    def _add(self, change: _Change, changes: list[_Change]) -> None:
        self._cache.add(change.cached, change.write.request["Item"])
        changes.append(change)

    def _update(self, cached: CachedRecord, row: ParsedRow, changes: list[_Change]) -> bool:
        """Write the cells that say something new to a record. Returns whether there are any."""
        entity_type = self._entity_type
        self._resolve_names(row, cached, changes)
        values = self._new_values(cached, row)
        try:
            patch = service.validate(entity_type, values)
            record, checks = service.apply_patch(entity_type, cached.record, patch, values, self._cache.targets)
            if record is cached.record:
                return False
            # In one transaction a record has one new version, however many rows change it.
            record.version = cached.stored.version + 1 if cached.stored else cached.record.version
            record.bulk = record.version
            write = service.put(entity_type, record)
        except ApiError as error:
            raise self._invalid(error, row) from None
        cached.record = record
        self._add(_Change(cached, write, checks), changes)
        return True

    def _new_values(self, cached: CachedRecord, row: ParsedRow) -> Values:
        """The values that an export of the record would not have in the same cells. Tags are added."""
        stored = cached.record.attribute_values
        types, definitions = self._parser.types, self._parser.definitions
        values = {
            name: value
            for name, value in row.values.items()
            if name not in row.cells or not _is_same(types[name], stored.get(name), row.cells[name])
        }
        if "tags" in values:
            values["tags"] = list(dict.fromkeys([*stored["tags"], *values["tags"]]))
            if len(values["tags"]) > TAGS:
                error = self._entity_type.error("invalid_request", "tags", f"must have at most {TAGS} tags")
                raise InvalidRow.from_error(error)
        stored_custom: Values = stored.get("custom_fields") or {}
        custom = {
            id_: value
            for id_, value in row.custom_fields.items()
            if id_ not in stored_custom
            or id_ not in definitions
            or not _is_same(definitions[id_].field_type, stored_custom[id_], row.cells[id_])
        }
        return values | ({"custom_fields": custom} if custom else {})

    def _invalid(self, error: ApiError, row: ParsedRow) -> InvalidRow:
        """The error as that of the row, at the one custom field that it is about if there is one."""
        invalid = InvalidRow.from_error(error)
        if invalid.field != "custom_fields":
            return invalid
        for id_, definition in self._parser.definitions.items():
            if id_ in invalid.message and (id_ in row.custom_fields or definition.required):
                return InvalidRow(f"custom_fields.{id_}", invalid.code, invalid.message.replace(f" ({id_})", ""))
        return invalid

    # ---- References by name -------------------------------------------------------------------------------------

    def _resolve_names(self, row: ParsedRow, cached: CachedRecord | None, changes: list[_Change]) -> None:
        """Turn names into ids: of records that exist, or else of records that are created for the row."""
        for reference in self._entity_type.references:
            name = row.names.get(reference.name)
            if name is None or row.values.get(reference.field):
                continue
            target_id = self._find_by_name(reference, name, cached)
            row.values[reference.field] = target_id or self._create_by_name(reference, name, row.number, changes)

    def _find_by_name(self, reference: Reference, name: str, cached: CachedRecord | None) -> str | None:
        match_key = self._cache.name_match_key(reference, name)
        current = cached.record.attribute_values.get(reference.field) if cached else None
        if current:
            # If several records have the name, keep the one that the record points to already.
            target = self._cache.targets.get(reference.key(self._cache.account_id, current))
            if target is not None and match_key.matches(match_key.entity_type.model.from_raw_data(target)):
                return str(current)
        found = self._cache.find(match_key)
        inactive_when = reference.inactive_when
        active = [each for each in found if not (inactive_when and each.record.attribute_values.get(inactive_when))]
        if found and not active:
            raise InvalidRow.from_error(self._entity_type.error(reference.missing, reference.name))
        return active[0].record.id if active else None

    def _create_by_name(self, reference: Reference, name: str, number: int, changes: list[_Change]) -> str:
        entity_type = self._cache.name_match_key(reference, name).entity_type
        try:
            body = entity_type.schema.model_validate({"name": name})
            values = {field: getattr(body, field) for field in entity_type.schema.model_fields}
            return self._add_new(entity_type, values, number, reference.name, changes)
        except ApiError as error:
            raise InvalidRow.from_error(error, reference.name) from None
        except ValueError:
            code = f"{self._entity_type.resource}.invalid_request"
            raise InvalidRow(reference.name, code, "The name is too long or invalid.") from None


def _is_same(type_: str, value: object, cell: str) -> bool:
    return value is not None and csv_values.format_value(type_, value).strip() == cell


def _record_id(job_id: str, started: int, number: int, label: str) -> str:
    """The id of a record that a row creates: the same whichever worker creates it, and in the order of the rows."""
    digest = hashlib.sha256(f"{job_id}#{number}#{label}".encode()).digest()
    high, low = divmod(number, 1 << 12)
    # Twelve bits beside the version and twelve after the variant, see `ids.from_bits`.
    ordered = bytes([high >> 8 & 0x0F, high & 0xFF, low >> 6, low << 2 & 0xFC | digest[0] & 0x03])
    return ids.from_bits(started, ordered + digest[1:7])
