"""Is an endpoint well? What an attempt says about it, and when it is disabled for it.

What an attempt changes here moves neither `updated_at` nor `revision`: it is no change of the endpoint by
anybody. Being disabled is one.

An endpoint that begins to fail is noted in an index by time, before the endpoint itself says so: a note too
many costs the job a read, a note too few would leave an endpoint enabled.
"""

from typing import Any, Final

from keel import clock
from keel.storage import legacy_table as table
from keel.storage.legacy_table import ConditionFailed, Item, Key
from keel.webhooks import slots
from keel.webhooks.sender import Outcome

PATIENCE: Final = 5 * clock.DAY
GONE: Final = "The endpoint returned 410 Gone."
FAILING: Final = "No delivery succeeded for 5 days."

_INDEX: Final = "webhook_failing"


def settle(endpoint: Item, outcome: Outcome, now: int, slot: str | None) -> None:
    """Note how an attempt ended, and give its slot back."""
    if outcome.succeeded:
        _succeeded(endpoint, outcome, now, slot)
        return
    since = endpoint.get("failing_since")
    _failed(endpoint, outcome, now, slot)
    if outcome.status == 410:
        disable(endpoint, GONE)
    elif since is not None and _long(since, now):
        disable(endpoint, FAILING, since=since)


def _failed(endpoint: Item, outcome: Outcome, now: int, slot: str | None) -> None:
    if since := endpoint.get("failing_since"):
        try:
            _apply(endpoint, ["#last_failure_at = :at"], [], outcome, now, slot, "#failing_since = :since", since=since)
        except ConditionFailed:
            pass  # a success has come between: it begins to fail anew
        else:
            return
    note = {"pk": _INDEX, "sk": f"{clock.text(now)}#{endpoint['pk']}#{endpoint['sk']}", "kind": _INDEX}
    table.apply(table.put(note | {"endpoint_pk": endpoint["pk"], "endpoint_sk": endpoint["sk"]}))
    changes = ["#last_failure_at = :at", "#failing_since = if_not_exists(#failing_since, :at)"]
    _apply(endpoint, changes, [], outcome, now, slot)


def _succeeded(endpoint: Item, outcome: Outcome, now: int, slot: str | None) -> None:
    _apply(endpoint, ["#last_success_at = :at"], ["failing_since"], outcome, now, slot)
    if since := endpoint.get("failing_since"):
        table.batch_write(deletes=[Key(_INDEX, f"{since}#{endpoint['pk']}#{endpoint['sk']}")])


def _apply(
    endpoint: Item,
    changes: list[str],
    removed: list[str],
    outcome: Outcome,
    now: int,
    slot: str | None,
    condition: str = "attribute_exists(pk)",
    **values: Any,
) -> None:
    changes = [*changes, "#last_took = :took"]
    values |= {"at": clock.text(now), "took": outcome.milliseconds}
    if outcome.milliseconds >= slots.SLOW:
        changes += ["#slow_until = :slow_until", "#slow_took = :took"]
        values["slow_until"] = now + outcome.milliseconds + slots.SLOW_FOR
    removed = [*removed, *([slot] if slot else [])]
    change = "SET " + ", ".join(changes)
    if removed:
        change += " REMOVE " + ", ".join(f"#{name}" for name in removed)
    table.apply(table.update(Key(endpoint["pk"], endpoint["sk"]), change, condition, **values))


def _long(since: str, now: int) -> bool:
    return clock.milliseconds(since) <= now - PATIENCE


def disable(endpoint: Item, reason: str, *, since: str | None = None) -> bool:
    """Disable an endpoint, unless somebody has changed it meanwhile; `since` is what it is disabled for."""
    condition = "#is_active = :true AND #url = :url AND attribute_not_exists(#deleted_at)"
    values: Item = {"url": endpoint["url"]}
    if since:
        condition += " AND #failing_since = :since"
        values["since"] = since
    write = table.update(
        Key(endpoint["pk"], endpoint["sk"]),
        "SET #is_active = :false, #disabled_reason = :reason, #updated_at = :at, #revision = #revision + :one "
        "REMOVE #failing_since",
        condition,
        true=True,
        false=False,
        reason=reason,
        at=clock.text(clock.now()),
        one=1,
        **values,
    )
    try:
        table.apply(write)
    except ConditionFailed:
        return False
    return True


def disable_failing(now: int) -> int:
    """Disable what has been failing for too long; gives the number. May run twice at once."""
    disabled = 0
    more = True
    while more:
        page = table.query(_INDEX, before=clock.text(now - PATIENCE))
        for note in page.items:
            endpoint = table.get(Key(note["endpoint_pk"], note["endpoint_sk"]))
            since = endpoint.get("failing_since") if endpoint else None
            if endpoint and since and _long(since, now):
                disabled += disable(endpoint, FAILING, since=since)
        table.batch_write(deletes=[Key(note["pk"], note["sk"]) for note in page.items])
        more = page.more
    return disabled
