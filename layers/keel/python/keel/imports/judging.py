"""What becomes of a row? It is created, changes a record, is skipped, or fails and says why."""

import hashlib
from dataclasses import dataclass
from typing import Any

from keel import clock, ids
from keel.api.fields import TAGS
from keel.errors import ApiError
from keel.imports.files import Row
from keel.imports.groups import Group
from keel.imports.jobs import Job
from keel.imports.pool import Held, Pool
from keel.imports.rows import Given, RowFault, RowReader
from keel.records import csv_values, service
from keel.records.entity_type import EntityType, Reference, Values
from keel.storage.table import Write


@dataclass(frozen=True)
class Order:
    """What one import is to do; `job` as it was when somebody began to do it."""

    job: Job
    kind: EntityType
    duplicates: str

    @property
    def account_id(self) -> str:
        return str(self.job["account_id"])

    @property
    def is_matching(self) -> bool:
        return self.duplicates != "create"


class Judge:
    """Judges the rows of one import, each by what is stored and by what the rows before it came to."""

    def __init__(self, order: Order, pool: Pool, reader: RowReader) -> None:
        self._order, self._pool, self._reader = order, pool, reader

    def judge(self, number: int, row: Row, given: Given | RowFault, group: Group) -> None:
        """Have the group hold what becomes of a row."""
        made: list[Held] = []
        try:
            if isinstance(given, RowFault):
                raise given
            outcome = self._outcome(given, group, made)
        except RowFault as fault:
            for held in made:
                self._pool.drop(held)
            group.fail(number, self._reader.error(fault), self._reader.kept(row))
            outcome = "failed"
        group.counts[f"{outcome}_count"] += 1
        group.rows += 1

    def _outcome(self, given: Given, group: Group, made: list[Held]) -> str:
        held = self._match(given) if self._order.is_matching else None
        if held is None:
            self._create(given, group, made)
            return "created"
        if self._order.duplicates == "skip":
            return "skipped"
        return "updated" if self._update(held, given, group, made) else "skipped"

    def _match(self, given: Given) -> Held | None:
        kind = self._order.kind
        if given.id:
            id_ = ids.parse(given.id)
            if id_ is None:
                raise RowFault.of(kind.error("invalid_id", "id"))
            held = self._pool.by_id(id_)
            if held is None:
                raise RowFault.of(kind.error("not_found"), "id")
            return held
        for match in self._pool.own_matches(given):
            if found := self._pool.oldest(match):
                return found[0]
        return None

    def _create(self, given: Given, group: Group, made: list[Held]) -> None:
        kind = self._order.kind
        self._point(given, None, group, made)
        values = kind.defaults | given.values
        if kind.has_custom_fields:
            values["custom_fields"] = given.custom
        try:
            held, checks = self._new(kind, values, given.number, "")
        except ApiError as fault:
            raise self._at(fault, given) from None
        group.take(held, checks)

    def _new(self, kind: EntityType, values: Values, number: int, besides: str) -> tuple[Held, list[Write]]:
        """A record that a row creates, `besides` by the name of what points to it, and the checks that hold it."""
        order = self._order
        now = clock.text(order.job["started"])
        given = {name: values[name] for name in kind.schema.model_fields}
        id_ = _id(order.job, number, besides)
        record = service.build(kind, order.account_id, order.job["created_by"], given, id_, now)
        record.bulk = record.version
        checks = service.resolve(kind, record, record.attribute_values, given, None, self._pool.targets)
        write = service.put(kind, record)
        return Held(kind, None, record, write.request["Item"], write, bool(besides)), checks

    def _update(self, held: Held, given: Given, group: Group, made: list[Held]) -> bool:
        """Write the cells that say something new; whether there were any."""
        kind = self._order.kind
        self._point(given, held, group, made)
        new = self._news(held, given)
        try:
            patch = service.validate(kind, new)
            record, checks = service.apply_patch(kind, held.record, patch, new, self._pool.targets)
            if record is held.record:
                return False
            # However many rows change it, in one transaction a record moves on once.
            version = held.before.version + 1 if held.before else held.record.version
            record = record.copy({"version": version, "bulk": version})
            write = service.put(kind, record)
        except ApiError as fault:
            raise self._at(fault, given) from None
        held.record, held.item, held.write = record, write.request["Item"], write
        group.take(held, checks)
        return True

    def _news(self, held: Held, given: Given) -> Values:
        """What the row says that an export of the record would not say as well; tags are added to."""
        kind, record, types = self._order.kind, held.record.attribute_values, self._reader.types
        new = {
            name: value
            for name, value in given.values.items()
            if name not in given.raw or not _says(types[name], record.get(name), given.raw[name])
        }
        if "tags" in new:
            new["tags"] = list(dict.fromkeys([*record["tags"], *new["tags"]]))
            if len(new["tags"]) > TAGS:
                raise RowFault.of(kind.error("invalid_request", "tags", f"must be at most {TAGS} tags"))
        defined = self._pool.defined.of(kind.name)
        custom = {
            id_: value
            for id_, value in given.custom.items()
            if id_ not in record["custom_fields"]
            or id_ not in defined
            or not _says(defined[id_].field_type, record["custom_fields"][id_], given.raw[id_])
        }
        return new | ({"custom_fields": custom} if custom else {})

    def _at(self, fault: ApiError, given: Given) -> RowFault:
        """The fault, at the one custom field that it is about where there is one."""
        found = RowFault.of(fault)
        if found.field != "custom_fields":
            return found
        defined = self._pool.defined.of(self._order.kind.name)
        for id_, definition in defined.items():
            if id_ in found.message and (id_ in given.custom or definition.required):
                return RowFault(f"custom_fields.{id_}", found.code, found.message.replace(f" ({id_})", ""))
        return found

    # ---- What rows point to -----------------------------------------------------------------------------------

    def _point(self, given: Given, held: Held | None, group: Group, made: list[Held]) -> None:
        """Turn names into ids: of what there is, else of what is created for it."""
        for reference in self._order.kind.references:
            name = given.names.get(reference.name)
            if name is None or given.values.get(reference.field):
                continue
            target = self._named(reference, name, held)
            if target is None:
                found, checks = self._made(reference, name, given.number)
                group.take(found, checks)
                made.append(found)
                target = found.record.id
            given.values[reference.field] = target

    def _named(self, reference: Reference, name: str, held: Held | None) -> str | None:
        match = self._pool.name_match(reference, name)
        if held is not None and (target_id := held.record.attribute_values.get(reference.field)):
            # Of several with this name, the one that it points to already will do.
            key = reference.key(self._order.account_id, target_id)
            item = self._pool.targets.get(key)
            if item is not None and match.fits(match.kind.model.from_raw_data(item)):
                return str(target_id)
        found = self._pool.oldest(match)
        open_ = [
            each
            for each in found
            if not (reference.inactive_when and each.record.attribute_values.get(reference.inactive_when))
        ]
        if found and not open_:
            raise RowFault.of(self._order.kind.error(reference.missing, reference.name))
        return open_[0].record.id if open_ else None

    def _made(self, reference: Reference, name: str, number: int) -> tuple[Held, list[Write]]:
        kind = self._pool.name_match(reference, name).kind
        try:
            body = kind.schema.model_validate({"name": name})
            values = kind.defaults | {"name": body.name}  # type: ignore[attr-defined]
            return self._new(kind, values, number, reference.name)
        except ApiError as fault:
            raise RowFault.of(fault, reference.name) from None
        except ValueError:
            code = f"{self._order.kind.resource}.invalid_request"
            raise RowFault(reference.name, code, "The name is too long or not valid.") from None


def _says(type_: str, value: Any, raw: str) -> bool:
    return value is not None and csv_values.format_value(type_, value).strip() == raw


def _id(job: Job, number: int, label: str) -> str:
    """The id of what a row creates: the same whoever creates it, and in the order of the rows."""
    digest = hashlib.sha256(f"{job['id']}#{number}#{label}".encode()).digest()
    high, low = divmod(number, 1 << 12)
    # Twelve bits beside the version and twelve after the variant, see `ids.from_bits`.
    ordered = bytes([high >> 8 & 0x0F, high & 0xFF, low >> 6, low << 2 & 0xFC | digest[0] & 0x03])
    return ids.from_bits(job["started"], ordered + digest[1:7])
