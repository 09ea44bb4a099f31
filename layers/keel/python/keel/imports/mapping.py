"""Which column goes to which field? What can be mapped, what is suggested, and what is refused."""

from collections.abc import Mapping, Sequence
from typing import Final

from keel import ids
from keel.companies.entity_type import COMPANY
from keel.contacts.entity_type import CONTACT
from keel.errors import ApiError, Detail
from keel.imports import synonyms
from keel.records import field_definitions
from keel.records.entity_type import EntityType
from keel.records.field_definitions import Definition
from keel.sources.entity_type import SOURCE

KINDS: Final[dict[str, EntityType]] = {kind.resource: kind for kind in (CONTACT, COMPANY, SOURCE)}
CUSTOM: Final = "custom_fields."
FAULT: Final = ("row", "field", "code", "message")  # columns that a file of errors has behind its own

_SHOWN: Final = 100  # characters of a name in a message

Definitions = Mapping[str, Definition]
Columns = Sequence[str]


def definitions_of(kind: EntityType, account_id: str) -> Definitions:
    """The account's custom fields for this kind, as they are now."""
    return field_definitions.current(account_id).of(kind.name) if kind.has_custom_fields else {}


def fields(kind: EntityType, defined: Definitions) -> dict[str, str]:
    """What a column can be mapped to, with the name that a person knows it by."""
    found = {name: _label(name) for name in kind.schema.model_fields if name != "custom_fields"}
    if "first_name" in found:
        found["full_name"] = "Full name"
    found |= {reference.name: _label(reference.name) for reference in kind.references}
    return found | {f"{CUSTOM}{each.id}": each.label for each in defined.values()}


def available(kind: EntityType, defined: Definitions) -> list[dict[str, str]]:
    return [{"value": value, "label": label} for value, label in fields(kind, defined).items()]


def _label(name: str) -> str:
    words = name.removesuffix("_name").replace("_", " ") if name in ("company_name", "source_name") else name
    text = words.replace("_", " ").capitalize()
    return text.replace(" id", " ID").replace(" url", " URL").replace("Linkedin", "LinkedIn")


# --- Suggesting --------------------------------------------------------------------------------------------


def suggested(
    kind: EntityType, defined: Definitions, columns: Columns, samples: Sequence[Sequence[str]]
) -> dict[str, str]:
    """The mapping that the headers speak for, and where they say nothing, the first rows."""
    known = fields(kind, defined)
    mapping: dict[str, str] = {}
    taken: set[str] = set()
    # Where the file has such a column itself, ours is the second of the name.
    told = columns[-len(FAULT) :]
    ignored = set(told) if [column.removesuffix(" (2)") for column in told] == [*FAULT] else set()
    for finds in (_exact(known), synonyms.headers(kind.name)):
        for place, column in enumerate(columns):
            field = finds.get(synonyms.words(column), "")
            if (
                column not in mapping
                and column not in ignored
                and field
                and _free(field, taken)
                and _plausible(field, place, samples)
            ):
                mapping[column] = field
                taken.add(field)
    if "email" in known and "email" not in taken:
        found = next((place for place, column in enumerate(columns) if _all_emails(place, samples)), None)
        if found is not None and columns[found] not in mapping:
            mapping[columns[found]] = "email"
    return {column: mapping[column] for column in columns if column in mapping}


def _exact(known: Mapping[str, str]) -> dict[str, str]:
    """Fields by their names and labels: an exported file maps by itself."""
    by_label = {synonyms.words(label): field for field, label in known.items()}
    by_name = {synonyms.words(field): field for field in known}
    return {**by_label, **by_name, "id": "id"}


def _free(field: str, taken: set[str]) -> bool:
    if field == "full_name":
        return not {"full_name", "first_name", "last_name"} & taken
    if field in ("first_name", "last_name") and "full_name" in taken:
        return False
    return field not in taken


def _plausible(field: str, place: int, samples: Sequence[Sequence[str]]) -> bool:
    """Another system's ids are none of ours."""
    if field != "id" and not field.endswith("_id"):
        return True
    cells = [cell for cell in _cells(place, samples) if cell]
    return bool(cells) and all(ids.parse(cell) for cell in cells)


def _all_emails(place: int, samples: Sequence[Sequence[str]]) -> bool:
    cells = [cell for cell in _cells(place, samples) if cell]
    return bool(cells) and all(cell.count("@") == 1 and " " not in cell for cell in cells)


def _cells(place: int, samples: Sequence[Sequence[str]]) -> list[str]:
    return [row[place].strip() for row in samples if place < len(row)]


# --- Judging -----------------------------------------------------------------------------------------------


def judged(
    kind: EntityType, defined: Definitions, columns: Columns, mapping: Mapping[str, str | None]
) -> dict[str, str]:
    """The mapping without the columns that are left out; raises `imports.invalid_request`."""
    chosen = {column if column in columns else column.strip(): field for column, field in mapping.items() if field}
    known = fields(kind, defined).keys() | {"id"}
    for column, field in chosen.items():
        if column not in columns:
            raise _unfit(column, f"The file has no column {_quoted(column)}.")
        if field not in known:
            raise _unfit(column, f"There is no field {_quoted(field)}, to which column {_quoted(column)} is mapped.")
    targets: dict[str, str] = {}
    for column, field in chosen.items():
        if field in targets:
            both = f"{_quoted(targets[field])} and {_quoted(column)}"
            raise _unfit(targets[field], f"The columns {both} are mapped to the same field, {_quoted(field)}.")
        targets[field] = column
    if {"first_name", "full_name"} <= targets.keys():
        raise _unfit("", "Map first_name or full_name, not both.")
    needed = {"first_name", "full_name"} if kind is CONTACT else {"name"}
    if not needed & targets.keys():
        raise _unfit("", f"A column must be mapped to {' or '.join(sorted(needed))}.")
    return chosen


def _quoted(name: str) -> str:
    return f'"{name}"' if len(name) <= _SHOWN else f'"{name[:_SHOWN]}…"'


def _unfit(column: str, message: str) -> ApiError:
    field = f"column_mapping.{column}" if column else "column_mapping"
    details: list[Detail] = [{"field": field, "message": message}]
    return ApiError("imports.invalid_request", message, details=details)
