"""What becomes of a few rows? They are judged one after the other and written in one transaction with the job.

The transaction holds the records, the job's counts, its position in the file and what is needed to undo it. So
a group has happened wholly or not at all, whoever dies, and whoever does it again finds the job moved on.
Postings go before it, as a superset of the truth.

Groups of all of an account's imports take turns: the transaction stands only if no other group was written
since its rows were judged. So two imports at once make no doubles either.
"""

import hashlib
import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from keel import cells, clock, ids, table
from keel.custom_fields import definitions
from keel.errors import Fault
from keel.fields import TAGS
from keel.imports import jobs
from keel.imports.files import Row
from keel.imports.jobs import Job
from keel.imports.pool import Held, Pool
from keel.imports.rows import Given, RowFault, RowReader
from keel.records import postings, service, store
from keel.records.kinds import Kind, Reference, Values
from keel.table import Item, Key, Write

ROWS: Final = 94

_SLOTS: Final = 94  # of the transaction's 100: the job and its end, the turn, the definitions, effects, errors
_PER_ROW: Final = 3  # slots that a row takes at most: its record, and two that it points to, new or checked
_CHARACTERS: Final = 800_000  # of the 4 MB of a transaction
_EFFECT_BYTES: Final = 100_000  # of the 400 KB of an item, of which one row may take most
_POINTED: Final = 10_000
_KEPT_DAYS: Final = 45


class Overtaken(Exception):
    """What the rows were judged by has changed since: they are to be judged anew."""


@dataclass(frozen=True)
class Order:
    """What one import is to do."""

    job: Job
    kind: Kind
    reader: RowReader
    duplicates: str
    pointed: dict[str, Item] = field(default_factory=dict)

    @property
    def account_id(self) -> str:
        return str(self.job["account_id"])


@dataclass
class Effects:
    """What a group's rows came to."""

    counts: dict[str, int] = field(default_factory=lambda: dict.fromkeys(jobs.COUNTS, 0))
    errors: list[dict[str, Any]] = field(default_factory=list)
    size: int = 0


def turn_key(account_id: str) -> Key:
    return Key(table.partition(account_id, "import_turn"), "-")


class Group:
    """Rows of an import that are written together."""

    def __init__(self, order: Order, rows: Sequence[tuple[int, Row]]) -> None:
        self._order = order
        self._rows = rows
        self._pool = Pool(order.account_id, order.kind, turn_key(order.account_id), order.pointed)
        self._checks: dict[tuple[str, str], Write] = {}
        self._effects = Effects()
        self._is_matching = order.duplicates != "create"
        self._is_judged_by_definitions = False
        self._size = 0
        self.taken = 0

    def judge(self) -> None:
        """Judge as many of the rows as fit into one transaction."""
        given: dict[int, Given | RowFault] = {}
        for number, row in self._rows:
            try:
                given[number] = self._order.reader.read(number, row)
            except RowFault as fault:
                given[number] = fault
        readable = [each for each in given.values() if isinstance(each, Given)]
        self._pool.load(readable, matching=self._is_matching)
        for number, row in self._rows:
            if self.taken and self._is_full():
                return
            self._judge(number, row, given[number])
            self.taken += 1

    def _is_full(self) -> bool:
        slots = len(self._pool.changed) + len(self._checks) + _PER_ROW
        return slots > _SLOTS or self._size > _CHARACTERS or self._effects.size > _EFFECT_BYTES

    def _judge(self, number: int, row: Row, given: Given | RowFault) -> None:
        made: list[Held] = []
        try:
            if isinstance(given, RowFault):
                raise given
            outcome = self._outcome(given, made)
        except RowFault as fault:
            for held in made:
                self._pool.drop(held)
            self._fail(number, row, self._order.reader.fault(fault))
            outcome = "failed"
        self._effects.counts[f"{outcome}_count"] += 1

    def _fail(self, number: int, row: Row, fault: RowFault) -> None:
        data = self._order.reader.data(row)
        self._effects.size += 200 + sum(len(cell) * 4 for cell in data.values())
        self._effects.errors.append(
            {"row": number, "field": fault.field, "code": fault.code, "message": fault.message, "data": data}
        )

    # ---- One row ----------------------------------------------------------------------------------------------

    def _outcome(self, given: Given, made: list[Held]) -> str:
        held = self._match(given) if self._is_matching else None
        if held is None:
            self._create(given, made)
            return "created"
        if self._order.duplicates == "skip":
            return "skipped"
        return "updated" if self._update(held, given, made) else "skipped"

    def _match(self, given: Given) -> Held | None:
        kind = self._order.kind
        if given.id:
            id_ = ids.parse(given.id)
            if id_ is None:
                raise RowFault.of(kind.fault("invalid_id", "id"))
            held = self._pool.by_id(id_)
            if held is None:
                raise RowFault.of(kind.fault("not_found"), "id")
            return held
        for match in self._pool.own_matches(given):
            if found := self._pool.oldest(match):
                return found[0]
        return None

    def _create(self, given: Given, made: list[Held]) -> None:
        kind = self._order.kind
        self._point(given, made, None)
        values = kind.defaults | given.values
        if kind.has_custom_fields:
            values["custom_fields"] = given.custom
        try:
            self._add(Held(kind, None, {}, {}), values, given.number, "", made)
        except Fault as fault:
            raise self._at(fault, given) from None

    def _add(self, held: Held, values: Values, number: int, label: str, made: list[Held]) -> Held:
        order = self._order
        now = clock.text(order.job["started"])
        id_ = _id(order.job, number, label)
        given = {name: values[name] for name in held.kind.fields.model_fields}
        held.record = service.draft(held.kind, order.account_id, order.job["created_by"], given, id_, now)
        checks = service.settle(held.kind, held.record, held.record, given, {}, self._pool.targets)
        self._keep(held, checks)
        made.append(held)
        return held

    def _update(self, held: Held, given: Given, made: list[Held]) -> bool:
        """Write the cells that say something new; whether there were any."""
        kind = self._order.kind
        self._point(given, made, held)
        new = self._news(held, given)
        try:
            patch = service.judge(kind, new)
            record, checks = service.revise(kind, held.record, patch, new, self._pool.targets)
            if record is held.record:
                return False
            # However many rows change it, in one transaction a record moves on once.
            step = 1 if held.before else 0
            base = held.before or held.record
            held.record = record | {"version": base["version"] + step, "revision": base["revision"] + step}
            self._effects.size += len(json.dumps(_reverse(held))) if held.before else 0
            self._keep(held, checks)
        except Fault as fault:
            raise self._at(fault, given) from None
        return True

    def _keep(self, held: Held, checks: list[Write]) -> None:
        held.item = store.to_item(held.kind, held.record)
        self._size += sum(len(value) for value in held.item.values() if isinstance(value, str))
        self._pool.take(held)
        for check in checks:
            key = check.request["Key"]
            place = (key["pk"]["S"], key["sk"]["S"])
            if place == definitions.version_key(self._order.account_id):
                self._is_judged_by_definitions = True
            else:
                self._checks[place] = check

    def _news(self, held: Held, given: Given) -> Values:
        """What the row says that an export of the record would not say as well; tags are added to."""
        kind, record, types = self._order.kind, held.record, self._order.reader.types
        new = {
            name: value
            for name, value in given.values.items()
            if name not in given.raw or not _says(types[name], record[name], given.raw[name])
        }
        if "tags" in new:
            new["tags"] = list(dict.fromkeys([*record["tags"], *new["tags"]]))
            if len(new["tags"]) > TAGS:
                raise RowFault.of(kind.fault("invalid_request", "tags", f"must be at most {TAGS} tags"))
        defined = self._pool.defined.of(kind.name)
        custom = {
            id_: value
            for id_, value in given.custom.items()
            if id_ not in record["custom_fields"]
            or id_ not in defined
            or not _says(defined[id_].field_type, record["custom_fields"][id_], given.raw[id_])
        }
        return new | ({"custom_fields": custom} if custom else {})

    def _at(self, fault: Fault, given: Given) -> RowFault:
        """The fault, at the one custom field that it is about where there is one."""
        found = RowFault.of(fault)
        if found.field != "custom_fields":
            return found
        defined = self._pool.defined.of(self._order.kind.name)
        for id_, definition in defined.items():
            if id_ in found.message and (id_ in given.custom or definition.required):
                return RowFault(f"custom_fields.{id_}", found.code, found.message)
        return found

    # ---- What rows point to -----------------------------------------------------------------------------------

    def _point(self, given: Given, made: list[Held], held: Held | None) -> None:
        """Turn names into ids: of what there is, else of what is created for it."""
        for reference in self._order.kind.references:
            name = given.names.get(reference.name)
            if name is None or given.values.get(reference.field):
                continue
            target = self._named(reference, name, held)
            if target is None:
                target = self._made(reference, name, given.number, made)
            given.values[reference.field] = target

    def _named(self, reference: Reference, name: str, held: Held | None) -> str | None:
        match = self._pool.name_match(reference, name)
        if held is not None and held.record[reference.field]:
            # Of several with this name, the one that it points to already will do.
            key = reference.key(self._order.account_id, held.record[reference.field])
            item = self._pool.targets.get(key)
            if item is not None and match.fits(store.from_item(match.kind, item)):
                return str(held.record[reference.field])
        found = self._pool.oldest(match)
        open_ = [each for each in found if not (reference.closed_by and each.record.get(reference.closed_by))]
        if found and not open_:
            raise RowFault.of(self._order.kind.fault(reference.missing, reference.name))
        return str(open_[0].record["id"]) if open_ else None

    def _made(self, reference: Reference, name: str, number: int, made: list[Held]) -> str:
        kind = self._pool.name_match(reference, name).kind
        try:
            body = kind.fields.model_validate({"name": name})
            values = kind.defaults | {"name": body.name}  # type: ignore[attr-defined]
            held = self._add(Held(kind, None, {}, {}, besides=True), values, number, reference.name, made)
        except Fault as fault:
            raise RowFault.of(fault, reference.name) from None
        except ValueError:
            code = f"{self._order.kind.resource}.invalid_request"
            raise RowFault(reference.name, code, "The name is too long or not valid.") from None
        return str(held.record["id"])

    # ---- Writing ----------------------------------------------------------------------------------------------

    def commit(self, worker: str, position: int, written: dict[Key, Item], *, is_last: bool) -> Job:
        """Write what the rows came to; gives the job as it is then.

        `written` are the postings that an earlier judgement of the rows wrote: only what differs is written now, so
        that whoever was overtaken is quick, and is not overtaken for ever.
        Raises `Moved` when the job has, and `Overtaken` when something else has, since the rows were judged.
        """
        job = self._order.job
        values: dict[str, Any] = {name: job[name] + count for name, count in self._effects.counts.items()}
        values |= {"processed_rows": job["processed_rows"] + self.taken, "position": position}
        values |= {"worker": worker, "resumed": 0}
        if is_last:
            after, own = jobs.ended(job, "completed", **values)
        else:
            after, write = jobs.changed(job, **values)
            own = [write]
        changed = self._pool.changed
        changes = [postings.change(held.kind, held.before, held.record) for held in changed]
        added = {Key(item["pk"], item["sk"]): item for change in changes for item in change.added}
        table.batch_write(item for key, item in added.items() if written.get(key) != item)
        written.update(added)
        try:
            table.commit(*own, self._turn(), *self._kept(), *self._held_checks(), *map(_put, changed))
        except (service.Stale, definitions.Changed, Fault, Refused):
            self._order.pointed.clear()
            raise Overtaken from None
        if len(self._order.pointed) > _POINTED:
            self._order.pointed.clear()  # a file may name a million companies
        self._order.pointed.update(self._pool.pointed())
        for held, change in zip(changed, changes, strict=True):
            for key in change.removed:
                postings.discard(key, held.record)
        return after

    def _turn(self) -> Write:
        """The write by which every group has its turn after the one before it."""
        turn = self._pool.turn()
        key = turn_key(self._order.account_id)
        item = {"pk": key.pk, "sk": key.sk, "kind": "import_turn", "turn": (turn or 0) + 1}
        if turn is None:
            return table.put(item, "attribute_not_exists(pk)", failed=_refused)
        return table.put(item, "#turn = :seen", failed=_refused, seen=turn)

    def _held_checks(self) -> list[Write]:
        own = {
            (item["pk"], item["sk"]) for held in self._pool.changed for item in [store.to_item(held.kind, held.record)]
        }
        checks = [check for place, check in self._checks.items() if place not in own]
        if self._is_judged_by_definitions:
            checks.append(definitions.still(self._order.account_id, self._pool.defined))
        return checks

    def _kept(self) -> list[Write]:
        """What undoing needs to know, and the rows that failed, each under the place of the group's last row."""
        job = self._order.job
        place = f"{job['processed_rows'] + self.taken:08}"
        ttl = clock.now() // 1_000 + _KEPT_DAYS * 86_400
        writes = []
        if effects := self._undoing():
            item = jobs.effects_key(job, place)
            content = json.dumps(effects, ensure_ascii=False, separators=(",", ":"))
            writes.append({"pk": item.pk, "sk": item.sk, "kind": "import_effects", "content": content, "ttl": ttl})
        if self._effects.errors:
            item = jobs.errors_key(job, place)
            content = json.dumps(self._effects.errors, ensure_ascii=False, separators=(",", ":"))
            writes.append({"pk": item.pk, "sk": item.sk, "kind": "import_errors", "content": content, "ttl": ttl})
        return [table.put(each) for each in writes]

    def _undoing(self) -> dict[str, Any]:
        changed = self._pool.changed
        effects = {
            "created": [held.record["id"] for held in changed if held.before is None and not held.besides],
            "besides": [[held.kind.name, held.record["id"]] for held in changed if held.besides and not held.before],
            "updated": [_reverse(held) for held in changed if held.before is not None],
        }
        return {name: found for name, found in effects.items() if found}


class Refused(Exception):
    """Another group had its turn first."""


def _refused(_item: Item | None) -> Exception:
    return Refused()


def _put(held: Held) -> Write:
    if held.before is None:
        return table.put(held.item)
    return table.put(held.item, "#revision = :seen", failed=service.stale, seen=held.before["revision"])


def _reverse(held: Held) -> dict[str, Any]:
    """What a record had before, of the fields that changed."""
    before = held.before or {}
    had = {name: before[name] for name in held.kind.defaults if before[name] != held.record[name]}
    return {"id": held.record["id"], "from": before["version"], "to": held.record["version"], "had": had}


def _says(type_: str, value: Any, raw: str) -> bool:
    return value is not None and cells.written(type_, value).strip() == raw


def _id(job: Job, number: int, label: str) -> str:
    """The id of what a row creates: the same whoever creates it, and in the order of the rows."""
    digest = hashlib.sha256(f"{job['id']}#{number}#{label}".encode()).digest()
    high, low = divmod(number, 1 << 12)
    # Twelve bits beside the version and twelve after the variant, see `ids.from_bits`.
    ordered = bytes([high >> 8 & 0x0F, high & 0xFF, low >> 6, low << 2 & 0xFC | digest[0] & 0x03])
    return ids.from_bits(job["started"], ordered + digest[1:7])
