"""What does a row give? Its cells as the values of fields, by the mapping and the types that the API has."""

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from pydantic import ValidationError

from keel.api.fields import problems
from keel.errors import ApiError
from keel.imports.files import Row
from keel.imports.mapping import CUSTOM
from keel.records import csv_values
from keel.records.entity_type import EntityType
from keel.records.field_definitions import Definition

_CELL: Final = 20_000  # characters that are kept of a cell: no field takes as many
_CELLS_BYTES: Final = 200_000  # of a row, as JSON: an item ends at 400 KB
_SURPLUS: Final = 1_000
_COMMA: Final = re.compile(r"\s*,\s*")


class RowFault(Exception):
    """A row that cannot be imported: the field at fault, a code of the catalogue, and what to tell a person."""

    def __init__(self, field: str, code: str, message: str) -> None:
        self.field, self.code, self.message = field, code, message
        super().__init__(code)

    @classmethod
    def of(cls, fault: ApiError, field: str = "") -> "RowFault":
        found = field or (fault.details[0]["field"] if fault.details else "")
        return cls(found, fault.code, fault.message)


@dataclass
class Given:
    """What a row gives, without its empty cells.

    `values` are those of fields, `custom` those of custom fields, `names` those of what the record is to point
    to. `raw` are the cells as they stand in the file, by field and by the id of the custom field.
    """

    number: int
    values: dict[str, Any] = field(default_factory=dict)
    custom: dict[str, Any] = field(default_factory=dict)
    names: dict[str, str] = field(default_factory=dict)
    id: str = ""
    raw: dict[str, str] = field(default_factory=dict)


class RowReader:
    """Reads the rows of one import."""

    def __init__(
        self,
        kind: EntityType,
        columns: Sequence[str],
        mapping: Mapping[str, str],
        defined: Mapping[str, Definition],
        date_format: str | None,
    ) -> None:
        self._kind = kind
        self._columns = columns
        self._defined = defined
        self._date_format = date_format
        self._names = {reference.name for reference in kind.references}
        self.types = {field: csv_values.type_of(kind, field) for field in kind.schema.model_fields}
        self._targets = [
            (place, mapping[column], self.types.get(mapping[column], "text"))
            for place, column in enumerate(columns)
            if column in mapping
        ]
        self._is_full_name = "full_name" in mapping.values()

    def read(self, number: int, row: Row) -> Given:
        """Raises `RowFault`."""
        malformed = f"{self._kind.resource}.invalid_request"
        if row.problem:
            raise RowFault("", malformed, row.problem)
        if len(row.cells) > len(self._columns):
            message = f"The row has {len(row.cells)} cells, but there are {len(self._columns)} columns."
            raise RowFault("", malformed, message)
        given = Given(number)
        for place, target, type_ in self._targets:
            if place < len(row.cells) and (text := csv_values.strip_guard(row.cells[place])):
                self._take(given, target, type_, text, row.cells[place].strip())
        try:
            body = self._kind.schema.model_validate(given.values)
        except ValidationError as error:
            (name, *_), message = next(problems(error))
            raise RowFault(self._column_field(name), malformed, message) from None
        given.values = {name: getattr(body, name) for name in given.values}
        return given

    def _take(self, given: Given, target: str, type_: str, text: str, raw: str) -> None:
        if target == "id":
            given.id = text
        elif target in self._names:
            given.names[target] = text
        elif target == "full_name":
            first, last = _split(text)
            given.values |= {"first_name": first} | ({"last_name": last} if last else {})
            given.raw |= {"first_name": first, "last_name": last}
        elif target.startswith(CUSTOM):
            self._take_custom(given, target, text, raw)
        else:
            try:
                given.values[target] = csv_values.parse_value(type_, text, self._date_format)
            except ValueError as error:
                raise RowFault(target, f"{self._kind.resource}.invalid_request", str(error)) from None
            given.raw[target] = raw

    def _take_custom(self, given: Given, target: str, text: str, raw: str) -> None:
        id_ = target.removeprefix(CUSTOM)
        code = f"{self._kind.resource}.invalid_custom_fields"
        definition = self._defined.get(id_)
        if definition is None:
            raise RowFault(target, code, "This custom field was deleted.")
        try:
            value = csv_values.parse_value(definition.field_type, text, self._date_format)
        except ValueError as error:
            raise RowFault(target, code, f'The custom field "{definition.label}" {error}.') from None
        if definition.field_type == "enum":
            value = next((option for option in definition.options if option.strip() == text), text)
        given.custom[id_] = value
        given.raw[id_] = raw

    def _column_field(self, name: str) -> str:
        return "full_name" if self._is_full_name and name == "first_name" else name

    def error(self, fault: RowFault) -> RowFault:
        """The fault at the field that a column was mapped to."""
        return RowFault(self._column_field(fault.field), fault.code, fault.message)

    def kept(self, row: Row) -> list[str]:
        """The row's cells as they stand in the file, but for what is too long to keep."""
        return cut([cell[:_CELL] for cell in row.cells[: len(self._columns) + _SURPLUS]], _CELLS_BYTES)


def packed(value: Any) -> str:
    """The value as JSON, as short as can be."""
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))


def cut(row: list[str], most: int) -> list[str]:
    """The cells, the long ones cut until all take that many bytes as JSON; what is empty takes three of them."""
    length = max(map(len, row), default=0)
    while length and len(packed(row).encode()) > most:
        length //= 2
        row = [cell[:length] for cell in row]
    return row


def _split(name: str) -> tuple[str, str]:
    """First and last name: of "Lovelace, Ada" as of "Ada Lovelace"."""
    if "," in name:
        last, first = _COMMA.split(name, maxsplit=1)
        if first and last:
            return first, last
    first, _, last = name.partition(" ")
    return first, last.strip()
