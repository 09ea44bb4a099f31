"""The description of an operation, for the flows and the command line."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal

FieldKind = Literal["text", "integer", "number", "boolean", "texts", "json"]


@dataclass(frozen=True)
class Field:
    """A field of a body. `choices` are the allowed values of a text, or of each text in a list."""

    name: str
    kind: FieldKind
    choices: tuple[str, ...] = ()
    required: bool = False


@dataclass(frozen=True)
class Operation:
    """One operation of the API.

    Attributes:
        public: takes no token.
        idempotent: takes an `Idempotency-Key`.
        repeatable: executing it twice is the same as executing it once.
        paged: takes a cursor and returns a page.
    """

    name: str
    resource: str
    method: str
    summary: str
    public: bool = False
    idempotent: bool = False
    repeatable: bool = False
    paged: bool = False
    fields: tuple[Field, ...] = ()

    def choices(self, field: str) -> tuple[str, ...]:
        """The allowed values of a field."""
        return next(each.choices for each in self.fields if each.name == field)

    def unknown(self, names: Iterable[str]) -> str:
        """An error message about names that are not fields; "" if all are. The API would ignore them."""
        known = [field.name for field in self.fields]
        wrong = [name for name in names if name not in known]
        fields = f"Its fields are {', '.join(known)}." if known else "It has no fields."
        return f"{self.name} has no field {', '.join(wrong)}. {fields}" if wrong else ""
