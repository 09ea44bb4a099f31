"""List, invite, deactivate and reactivate the users of an account."""

from typing import Any

from pynamodb.expressions.condition import Condition
from pynamodb.expressions.update import Action

from keel import clock, ids
from keel.api.authorizer import Caller
from keel.api.idempotency import IdempotentRequest
from keel.api.principals import User, user_key
from keel.errors import ApiError
from keel.mails import outbox
from keel.records import search
from keel.records.schemas import ById
from keel.records.search import Searchable
from keel.storage import table
from keel.storage.table import Write
from keel.users import models
from keel.users.models import Account
from keel.users.schemas import Invite, SetActive, UsersList


class _Unchanged(Exception):
    """The user is active, or deactivated, already."""

    def __init__(self, user: User) -> None:
        self.user = user
        super().__init__("unchanged")


def list_(caller: Caller, body: UsersList) -> dict[str, Any]:
    """Some of the account's users in the order of creation, and how many match."""
    terms = search.terms(body.search)
    users = [user for user in table.iterate(table.partition(caller.account_id, "user")) if isinstance(user, User)]
    matching = [user for user in users if search.matches(terms, Searchable.of([user.name], [user.email]))]
    return {
        "users": [models.present(user) for user in matching[body.offset : body.offset + body.limit]],
        "total": len(matching),
    }


def get(caller: Caller, body: ById) -> dict[str, Any]:
    """A user of the account. Raises `users.invalid_id` and `users.not_found`."""
    return models.present(_find(caller, body.id, "id"))


def invite(caller: Caller, body: Invite, idempotency: IdempotentRequest | None) -> dict[str, Any]:
    """Add a user without a password, and mail them an invitation to choose one. Raises `users.email_taken`."""
    now = clock.now()
    user = models.new_user(
        caller.account_id,
        ids.mint(now),
        now,
        email=body.email,
        name=body.name,
        role=body.role,
        must_change_password=True,
    )
    result = models.present(user)
    writes = [
        models.claim_email(user, ApiError.for_field("users.email_taken", "email")),
        table.put(user),
        outbox.invitation(caller.account_id, user.sk),
    ]
    if body.role == "owner":
        writes.append(_add_owner(caller.account_id))
    table.commit(*([idempotency.record(result)] if idempotency else []), *writes)
    return result


def set_active(caller: Caller, body: SetActive) -> dict[str, Any]:
    """Deactivate a user, which ends their tokens, or reactivate them. Tokens that ended stay ended."""
    user = _find(caller, body.user_id, "user_id")
    if "active" not in body.model_fields_set:
        raise ApiError.for_field("users.invalid_request", "active", "active must be true or false.")
    if user.sk == caller.id and not body.active:
        message = "You cannot deactivate yourself. Ask another owner to do it."
        raise ApiError.for_field("users.invalid_request", "user_id", message)
    now = clock.text(clock.now())
    writes = [_reactivate(user, now) if body.active else _deactivate(user, now)]
    if user.role == "owner":
        writes.append(_add_owner(caller.account_id) if body.active else _remove_owner(caller.account_id))
    try:
        table.commit(*writes)
    except _Unchanged as unchanged:
        return models.present(unchanged.user)
    user.deactivated_at, user.updated_at = None if body.active else now, now
    return models.present(user)


def _find(caller: Caller, user_id: str, field: str) -> User:
    parsed = ids.parse(user_id)
    if parsed is None:
        raise ApiError.for_field("users.invalid_id", field)
    user = table.get(User, user_key(caller.account_id, parsed))
    if user is None:
        raise ApiError("users.not_found")
    return user


def _deactivate(user: User, now: str) -> Write:
    is_active = User.pk.exists() & User.deactivated_at.does_not_exist()
    return _change(user, is_active, User.deactivated_at.set(now), User.updated_at.set(now))


def _reactivate(user: User, now: str) -> Write:
    # With the same token version, tokens and mails from before the deactivation would work again.
    return _change(
        user,
        User.deactivated_at.exists(),
        User.token_version.set(User.token_version + 1),
        User.updated_at.set(now),
        User.deactivated_at.remove(),
        User.kept_session.remove(),
    )


def _change(user: User, condition: Condition, *actions: Action) -> Write:
    def failure(stored: User | None) -> Exception:
        return ApiError("users.not_found") if stored is None else _Unchanged(stored)

    return table.update(User, user.key, actions, condition, on_failure=failure)


def _add_owner(account_id: str) -> Write:
    actions = [Account.active_owners.set(Account.active_owners + 1)]
    return table.update(Account, models.account_key(account_id), actions)


def _remove_owner(account_id: str) -> Write:
    # When two owners deactivate each other, the count lets only one of them.
    message = "You cannot deactivate the last active owner of the account."
    last = ApiError.for_field("users.invalid_request", "user_id", message)
    actions = [Account.active_owners.set(Account.active_owners - 1)]
    key = models.account_key(account_id)
    return table.update(Account, key, actions, Account.active_owners > 1, on_failure=table.raise_(last))
