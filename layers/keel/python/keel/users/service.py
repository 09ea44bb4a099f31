"""Who works with an account? Users are listed, invited, deactivated and activated again."""

from typing import Any

from keel import clock, ids
from keel.api.authorizer import Caller
from keel.api.idempotency import IdempotencyRecord
from keel.api.principals import user_key
from keel.errors import ApiError
from keel.mails import outbox
from keel.records import search
from keel.records.schemas import ById
from keel.records.search import Searchable
from keel.storage import legacy_table as table
from keel.storage.legacy_table import Item, Write
from keel.users import models
from keel.users.schemas import Invite, SetActive, UsersList


class _Settled(Exception):
    """The user is as wanted already."""

    def __init__(self, user: Item) -> None:
        self.user = user
        super().__init__("settled")


def list_(caller: Caller, body: UsersList) -> dict[str, Any]:
    """A slice of the account's users by creation, and how many match."""
    terms = search.terms(body.search)
    users = table.iterate(table.partition(caller.account_id, "user"))
    found = [user for user in users if search.matches(terms, Searchable.of([user["name"]], [user["email"]]))]
    return {
        "users": [models.view(user) for user in found[body.offset : body.offset + body.limit]],
        "total": len(found),
    }


def get(caller: Caller, body: ById) -> dict[str, Any]:
    return models.view(_find(caller, body.id, "id"))


def invite(caller: Caller, body: Invite, once: IdempotencyRecord | None) -> dict[str, Any]:
    """Add a user who has yet to choose a password, and mail them the means; `users.email_taken`."""
    now = clock.now()
    user = models.new(
        caller.account_id,
        ids.mint(now),
        now,
        email=body.email,
        name=body.name,
        role=body.role,
        must_change_password=True,
    )
    view = models.view(user)
    writes = [
        models.claim(user, ApiError.for_field("users.email_taken", "email")),
        table.put(user),
        outbox.invitation(caller.account_id, user["sk"]),
    ]
    if body.role == "owner":
        writes.append(_one_owner_more(caller.account_id))
    table.commit(*([once.keep(view)] if once else []), *writes)
    return view


def set_active(caller: Caller, body: SetActive) -> dict[str, Any]:
    """Deactivate a user, which refuses their tokens at once, or activate them again, which ends those for good."""
    user = _find(caller, body.user_id, "user_id")
    if "active" not in body.model_fields_set:
        raise ApiError.for_field("users.invalid_request", "active", "active must be true or false.")
    if user["sk"] == caller.id and not body.active:
        raise ApiError.for_field("users.invalid_request", "user_id", "Nobody may deactivate themself.")
    now = clock.text(clock.now())
    changes = [_activate(user, now) if body.active else _deactivate(user, now)]
    if user["role"] == "owner":
        changes.append(_one_owner_more(caller.account_id) if body.active else _one_owner_less(caller.account_id))
    try:
        table.commit(*changes)
    except _Settled as settled:
        return models.view(settled.user)
    return models.view(user | {"deactivated_at": None if body.active else now, "updated_at": now})


def _find(caller: Caller, given: str, field: str) -> Item:
    user_id = ids.parse(given)
    if user_id is None:
        raise ApiError.for_field("users.invalid_id", field)
    user = table.get(user_key(caller.account_id, user_id))
    if user is None:
        raise ApiError("users.not_found")
    return user


def _deactivate(user: Item, now: str) -> Write:
    return table.update(
        user_key(models.account_of(user), user["sk"]),
        "SET #deactivated_at = :now, #updated_at = :now",
        "attribute_exists(pk) AND attribute_not_exists(#deactivated_at)",
        failed=_settled,
        now=now,
    )


def _activate(user: Item, now: str) -> Write:
    # The epoch moves on, or tokens and mails from before the deactivation would live again.
    return table.update(
        user_key(models.account_of(user), user["sk"]),
        "SET #epoch = #epoch + :one, #updated_at = :now REMOVE #deactivated_at, #kept_session",
        "attribute_exists(#deactivated_at)",
        failed=_settled,
        one=1,
        now=now,
    )


def _settled(user: Item | None) -> Exception:
    return ApiError("users.not_found") if user is None else _Settled(user)


def _one_owner_more(account_id: str) -> Write:
    return table.update(models.account_key(account_id), "SET #active_owners = #active_owners + :one", one=1)


def _one_owner_less(account_id: str) -> Write:
    # Two owners who deactivate each other both mean well: the count lets only one of them.
    last = ApiError.for_field("users.invalid_request", "user_id", "An account keeps at least one active owner.")
    return table.update(
        models.account_key(account_id),
        "SET #active_owners = #active_owners - :one",
        "#active_owners > :one",
        failed=table.raise_(last),
        one=1,
    )
