"""Parse the cells of a row as values of fields, by the mapping of the import and the types of the API."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from pydantic import ValidationError

from keel.api.fields import problems
from keel.errors import ApiError
from keel.imports.csv_reader import Row
from keel.imports.mapping import CUSTOM_FIELD_PREFIX
from keel.imports.row_json import shorten_cells
from keel.records import csv_values
from keel.records.entity_type import EntityType
from keel.records.field_definitions import Definition

_STORED_CELL: Final = 20_000  # characters; no field takes as many
_STORED_CELLS_BYTES: Final = 200_000  # of a row, as JSON: an item has at most 400 KB
_STORED_SURPLUS: Final = 1_000  # cells
_COMMA: Final = re.compile(r"\s*,\s*")


class InvalidRow(Exception):
    """The row cannot be imported. Has the field at fault, a code of the catalogue, and a message for the user."""

    def __init__(self, field: str, code: str, message: str) -> None:
        self.field, self.code, self.message = field, code, message
        super().__init__(code)

    @classmethod
    def from_error(cls, error: ApiError, field: str = "") -> "InvalidRow":
        return cls(field or (error.details[0]["field"] if error.details else ""), error.code, error.message)


@dataclass
class ParsedRow:
    """A row as values, without its empty cells. `error` tells why the row cannot be imported.

    `values` are those of fields, `custom_fields` those of custom fields, `names` those of the records that the row's
    record is to point to, by the name of the reference. `cells` are the cells as they stand in the file, by field and
    by the id of the custom field.
    """

    number: int
    row: Row
    id: str = ""
    values: dict[str, Any] = field(default_factory=dict)
    custom_fields: dict[str, Any] = field(default_factory=dict)
    names: dict[str, str] = field(default_factory=dict)
    cells: dict[str, str] = field(default_factory=dict)
    error: InvalidRow | None = None


class RowParser:
    """Parses the rows of one import."""

    def __init__(
        self,
        entity_type: EntityType,
        columns: Sequence[str],
        mapping: Mapping[str, str],
        definitions: Mapping[str, Definition],
        date_format: str | None,
    ) -> None:
        self.entity_type = entity_type
        self.definitions = definitions
        self.types = {name: csv_values.type_of(entity_type, name) for name in entity_type.schema.model_fields}
        self._columns = columns
        self._date_format = date_format
        self._names = {reference.name for reference in entity_type.references}
        self._targets = [
            (place, mapping[column], self.types.get(mapping[column], "text"))
            for place, column in enumerate(columns)
            if column in mapping
        ]
        self._has_full_name = "full_name" in mapping.values()

    def parse(self, number: int, row: Row) -> ParsedRow:
        parsed = ParsedRow(number, row)
        try:
            self._parse(parsed)
        except InvalidRow as error:
            parsed.error = error
        return parsed

    def _parse(self, parsed: ParsedRow) -> None:
        row = parsed.row
        if row.problem:
            raise self._malformed("", row.problem)
        if len(row.cells) > len(self._columns):
            message = f"The row has {len(row.cells)} cells, but the header has {len(self._columns)} columns."
            raise self._malformed("", message)
        for place, target, type_ in self._targets:
            if place < len(row.cells) and (text := csv_values.strip_guard(row.cells[place])):
                self._parse_cell(parsed, target, type_, text, row.cells[place].strip())
        try:
            body = self.entity_type.schema.model_validate(parsed.values)
        except ValidationError as error:
            (name, *_), message = next(problems(error))
            raise self._malformed(self.mapped_field(name), message) from None
        parsed.values = {name: getattr(body, name) for name in parsed.values}

    def _parse_cell(self, parsed: ParsedRow, target: str, type_: str, text: str, cell: str) -> None:
        if target == "id":
            parsed.id = text
        elif target in self._names:
            parsed.names[target] = text
        elif target == "full_name":
            first, last = _split_name(text)
            parsed.values |= {"first_name": first} | ({"last_name": last} if last else {})
            parsed.cells |= {"first_name": first, "last_name": last}
        elif target.startswith(CUSTOM_FIELD_PREFIX):
            self._parse_custom_field(parsed, target, text, cell)
        else:
            try:
                parsed.values[target] = csv_values.parse_value(type_, text, self._date_format)
            except ValueError as error:
                raise self._malformed(target, str(error)) from None
            parsed.cells[target] = cell

    def _parse_custom_field(self, parsed: ParsedRow, target: str, text: str, cell: str) -> None:
        id_ = target.removeprefix(CUSTOM_FIELD_PREFIX)
        code = f"{self.entity_type.resource}.invalid_custom_fields"
        definition = self.definitions.get(id_)
        if definition is None:
            raise InvalidRow(target, code, "This custom field does not exist any more.")
        try:
            value = csv_values.parse_value(definition.field_type, text, self._date_format)
        except ValueError as error:
            raise InvalidRow(target, code, f'The custom field "{definition.label}" {error}.') from None
        if definition.field_type == "enum":
            value = next((option for option in definition.options if option.strip() == text), text)
        parsed.custom_fields[id_] = value
        parsed.cells[id_] = cell

    def _malformed(self, field: str, message: str) -> InvalidRow:
        return InvalidRow(field, f"{self.entity_type.resource}.invalid_request", message)

    def mapped_field(self, name: str) -> str:
        """The field that a column was mapped to, for an error of the field `name`."""
        return "full_name" if self._has_full_name and name == "first_name" else name

    def stored_cells(self, row: Row) -> list[str]:
        """The row's cells as they stand in the file, shortened to what can be stored."""
        cells = [cell[:_STORED_CELL] for cell in row.cells[: len(self._columns) + _STORED_SURPLUS]]
        return shorten_cells(cells, _STORED_CELLS_BYTES)


def _split_name(name: str) -> tuple[str, str]:
    """First and last name: of "Lovelace, Ada" as of "Ada Lovelace"."""
    if "," in name:
        last, first = _COMMA.split(name, maxsplit=1)
        if first and last:
            return first, last
    first, _, last = name.partition(" ")
    return first, last.strip()
