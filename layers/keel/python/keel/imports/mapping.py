"""Map the columns of a file to fields: list the fields, suggest a mapping, and validate one."""

from collections.abc import Mapping, Sequence
from typing import Final

from keel import ids
from keel.companies.entity_type import COMPANY
from keel.contacts.entity_type import CONTACT
from keel.errors import ApiError, Detail
from keel.imports import header_names
from keel.records import field_definitions
from keel.records.entity_type import EntityType
from keel.records.field_definitions import Definition
from keel.sources.entity_type import SOURCE

ENTITY_TYPES: Final[dict[str, EntityType]] = {each.resource: each for each in (CONTACT, COMPANY, SOURCE)}
CUSTOM_FIELD_PREFIX: Final = "custom_fields."
ERROR_COLUMNS: Final = ("row", "field", "code", "message")  # an errors file has them after the columns of its file

_QUOTED: Final = 100  # characters of a name in a message

Definitions = Mapping[str, Definition]
Columns = Sequence[str]


def definitions_of(entity_type: EntityType, account_id: str) -> Definitions:
    """The account's custom fields of this entity type, as they are now."""
    return field_definitions.current(account_id).of(entity_type.name) if entity_type.has_custom_fields else {}


def fields(entity_type: EntityType, definitions: Definitions) -> dict[str, str]:
    """The labels of the fields that a column can be mapped to, by field name."""
    labels = {name: _label(name) for name in entity_type.schema.model_fields if name != "custom_fields"}
    if "first_name" in labels:
        labels["full_name"] = "Full name"
    labels |= {reference.name: _label(reference.name) for reference in entity_type.references}
    return labels | {f"{CUSTOM_FIELD_PREFIX}{each.id}": each.label for each in definitions.values()}


def available_fields(entity_type: EntityType, definitions: Definitions) -> list[dict[str, str]]:
    return [{"value": value, "label": label} for value, label in fields(entity_type, definitions).items()]


def _label(name: str) -> str:
    words = name.removesuffix("_name").replace("_", " ") if name in ("company_name", "source_name") else name
    text = words.replace("_", " ").capitalize()
    return text.replace(" id", " ID").replace(" url", " URL").replace("Linkedin", "LinkedIn")


# --- Suggestion --------------------------------------------------------------------------------------------


def suggest(
    entity_type: EntityType, definitions: Definitions, columns: Columns, samples: Sequence[Sequence[str]]
) -> dict[str, str]:
    """A mapping by the names of the columns, and for emails by the first rows."""
    known = fields(entity_type, definitions)
    mapping: dict[str, str] = {}
    taken: set[str] = set()
    # The columns of an errors file. If the imported file has one of the same name, the error column is the second.
    last = columns[-len(ERROR_COLUMNS) :]
    ignored = set(last) if [column.removesuffix(" (2)") for column in last] == [*ERROR_COLUMNS] else set()
    for names in (_exact_names(known), header_names.fields_by_header(entity_type.name)):
        for place, column in enumerate(columns):
            field = names.get(header_names.normalize(column), "")
            if (
                column not in mapping
                and column not in ignored
                and field
                and _is_free(field, taken)
                and _is_plausible(field, place, samples)
            ):
                mapping[column] = field
                taken.add(field)
    if "email" in known and "email" not in taken:
        email = next((place for place in range(len(columns)) if _has_only_emails(place, samples)), None)
        if email is not None and columns[email] not in mapping:
            mapping[columns[email]] = "email"
    return {column: mapping[column] for column in columns if column in mapping}


def _exact_names(known: Mapping[str, str]) -> dict[str, str]:
    """Fields by their names and labels, so that the columns of an export map to the fields that they came from."""
    by_label = {header_names.normalize(label): field for field, label in known.items()}
    by_name = {header_names.normalize(field): field for field in known}
    return {**by_label, **by_name, "id": "id"}


def _is_free(field: str, taken: set[str]) -> bool:
    if field == "full_name":
        return not {"full_name", "first_name", "last_name"} & taken
    if field in ("first_name", "last_name") and "full_name" in taken:
        return False
    return field not in taken


def _is_plausible(field: str, place: int, samples: Sequence[Sequence[str]]) -> bool:
    """Whether a column can have the field: one with another system's ids cannot have an id."""
    if field != "id" and not field.endswith("_id"):
        return True
    cells = [cell for cell in _cells(place, samples) if cell]
    return bool(cells) and all(ids.parse(cell) for cell in cells)


def _has_only_emails(place: int, samples: Sequence[Sequence[str]]) -> bool:
    cells = [cell for cell in _cells(place, samples) if cell]
    return bool(cells) and all(cell.count("@") == 1 and " " not in cell for cell in cells)


def _cells(place: int, samples: Sequence[Sequence[str]]) -> list[str]:
    return [row[place].strip() for row in samples if place < len(row)]


# --- Validation -----------------------------------------------------------------------------------------------


def validate(
    entity_type: EntityType, definitions: Definitions, columns: Columns, mapping: Mapping[str, str | None]
) -> dict[str, str]:
    """The mapping without the columns that are left out. Raises `imports.invalid_request`."""
    chosen = {column if column in columns else column.strip(): field for column, field in mapping.items() if field}
    known = fields(entity_type, definitions).keys() | {"id"}
    for column, field in chosen.items():
        if column not in columns:
            raise _invalid(column, f"The file has no column {_quoted(column)}.")
        if field not in known:
            raise _invalid(column, f"Column {_quoted(column)} is mapped to {_quoted(field)}, which is not a field.")
    targets: dict[str, str] = {}
    for column, field in chosen.items():
        if field in targets:
            both = f"{_quoted(targets[field])} and {_quoted(column)}"
            raise _invalid(targets[field], f"Columns {both} are both mapped to {_quoted(field)}.")
        targets[field] = column
    if {"first_name", "full_name"} <= targets.keys():
        raise _invalid("", "Map either first_name or full_name, not both.")
    needed = {"first_name", "full_name"} if entity_type is CONTACT else {"name"}
    if not needed & targets.keys():
        raise _invalid("", f"A column must be mapped to {' or '.join(sorted(needed))}.")
    return chosen


def _quoted(name: str) -> str:
    return f'"{name}"' if len(name) <= _QUOTED else f'"{name[:_QUOTED]}…"'


def _invalid(column: str, message: str) -> ApiError:
    field = f"column_mapping.{column}" if column else "column_mapping"
    details: list[Detail] = [{"field": field, "message": message}]
    return ApiError("imports.invalid_request", message, details=details)
