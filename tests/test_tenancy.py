"""Test that another account's records look like records that do not exist, in every operation."""

import uuid
from collections.abc import Callable, Iterator
from typing import Any, Final

import pytest

import template
from keel.api.resolver import Api, Operation
from tests.harness.accounts import LEAST, Account, World

Ids = dict[str, str]

# What each field that takes an id names, by operation; the fields that a body needs besides stand in `BESIDES`.
_BY_ID: Final[dict[str, str]] = {
    **{f"contacts-{verb}": "contacts" for verb in ("get", "update", "delete")},
    **{f"companies-{verb}": "companies" for verb in ("get", "update", "delete")},
    **{f"projects-{verb}": "projects" for verb in ("get", "update", "delete")},
    **{f"activities-{verb}": "activities" for verb in ("get", "update", "delete")},
    **{f"sources-{verb}": "sources" for verb in ("get", "update", "archive", "unarchive")},
    **{f"custom-fields-{verb}": "custom-fields" for verb in ("get", "update", "delete")},
    **{f"oauth-apps-{verb}": "oauth-apps" for verb in ("get", "update", "rotate-secret", "revoke", "delete")},
    **{f"webhooks-{verb}": "webhooks" for verb in ("get", "update", "delete", "rotate-secret", "test")},
    **{
        f"imports-{verb}": "imports"
        for verb in ("complete-upload", "confirm", "get", "errors", "errors-file", "cancel", "undo")
    },
    "exports-get": "exports",
    "users-get": "users",
}
_REFERENCES: Final[dict[str, Ids]] = {
    **{f"contacts-{verb}": {"company_id": "companies", "source_id": "sources"} for verb in ("create", "update")},
    **{
        f"projects-{verb}": {"company_id": "companies", "assigned_to": "users"} for verb in ("create", "update", "list")
    },
    **{
        f"activities-{verb}": {"contact_id": "contacts", "company_id": "companies", "project_id": "projects"}
        for verb in ("create", "list")
    },
    "contacts-list": {"company_id": "companies", "company_ids": "companies", "source_ids": "sources"},
    "projects-contacts-add": {"project_id": "projects", "contact_id": "contacts"},
    "projects-contacts-remove": {"project_id": "projects", "contact_id": "contacts"},
    "projects-contacts-list": {"project_id": "projects"},
    "users-set-active": {"user_id": "users"},
    "webhooks-deliveries": {"endpoint_id": "webhooks"},
    "webhooks-redeliver": {"delivery_id": "deliveries"},
}
# The id of a client is a credential, and the operation is public.
_NO_RECORD: Final = {("oauth-token", "client_id")}

_BESIDES: Final[dict[str, dict[str, Any]]] = {
    **{f"{resource}-create": least for resource, least in LEAST.items()},
    "users-set-active": {"active": False},
    "imports-confirm": {"column_mapping": {}},
}


def table_of_fields() -> Iterator[tuple[str, str, str]]:
    routes = {path.removeprefix("/api/") for _, path in template.routes()}
    by_id = {operation: {"id": resource} for operation, resource in _BY_ID.items()}
    for operation in sorted(routes):
        for field, resource in (by_id.get(operation, {}) | _REFERENCES.get(operation, {})).items():
            yield operation, field, resource


FIELDS: Final = list(table_of_fields())


@pytest.fixture(scope="module")
def operations(functions: Any) -> dict[str, Operation]:
    """Every operation of every function."""
    apis = [getattr(functions.module(folder), "api", None) for folder in template.functions()]
    return {name: each for api in apis if isinstance(api, Api) for name, each in api.operations.items()}


@pytest.fixture(scope="module")
def worlds(functions: Any) -> Callable[[str, Any], World]:
    kept: dict[str, World] = {}

    def world(name: str, accounts: Any) -> World:
        if name not in kept:
            kept[name] = World(accounts())
        return kept[name]

    return world


def test_every_field_that_takes_an_id_is_in_the_table(operations: dict[str, Operation]) -> None:
    found = {
        (name, field)
        for name, operation in operations.items()
        for field in operation.schema.model_fields
        if field == "id" or field.endswith(("_id", "_ids")) or field == "assigned_to"
    }
    assert found - _NO_RECORD <= {(operation, field) for operation, field, _ in FIELDS}


@pytest.mark.parametrize(("operation", "field", "resource"), FIELDS)
def test_what_another_account_has_is_as_what_does_not_exist(
    worlds: Callable[[str, Any], World],
    accounts: Callable[[], Account],
    operation: str,
    field: str,
    resource: str,
) -> None:
    own, other = worlds("own", accounts), worlds("other", accounts)
    body = dict(_BESIDES.get(operation, {}))
    if operation in _BY_ID:
        body["id"] = own.id_of(_BY_ID[operation])
    for name, target in _REFERENCES.get(operation, {}).items():
        body[name] = [own.id_of(target)] if name.endswith("_ids") else own.id_of(target)
    answers = []
    for id_ in (other.id_of(resource), str(uuid.uuid4())):
        before = other.account.items()
        answer = own.account(operation, body | {field: [id_] if field.endswith("_ids") else id_})
        assert _records(other.account.items()) == _records(before)
        answer.body.get("error", {}).pop("request_id", None)
        answers.append((answer.status, answer.body))
    assert answers[0] == answers[1]
    if operation.endswith("-list") and not operation.startswith("projects-contacts"):
        assert answers[0] == (200, {"ok": True, "result": {"items": [], "next_cursor": ""}})
    else:
        assert not answers[0][1]["ok"]


def _records(items: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Items without what any call of their owner moves."""
    return [{name: value for name, value in item.items() if name != "full_at"} for item in items]
