"""What does the client know of an operation besides its types?"""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal

FieldKind = Literal["text", "integer", "number", "boolean", "texts", "json"]


@dataclass(frozen=True)
class Field:
    """A field of a body. `choices` are the only values that a text, or each of several, may have."""

    name: str
    kind: FieldKind
    choices: tuple[str, ...] = ()
    required: bool = False


@dataclass(frozen=True)
class Operation:
    """`public` takes no token; `idempotent` takes an Idempotency-Key; `repeatable` may be sent twice without
    harm; `paged` answers a page with a cursor, and takes one."""

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
        """The only values that this field may have."""
        return next(each.choices for each in self.fields if each.name == field)

    def unknown(self, names: Iterable[str]) -> str:
        """What to say of names that are not of its fields, which the API would pass over; nothing if all are."""
        known = [field.name for field in self.fields]
        wrong = [name for name in names if name not in known]
        takes = f"it takes {', '.join(known)}" if known else "it takes none"
        return f"{self.name} takes no {', '.join(wrong)}; {takes}" if wrong else ""
