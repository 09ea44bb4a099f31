"""Count the DynamoDB calls and units of each operation and compare them with docs/operations.md."""

import os
import uuid
from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import Any, Final

import pytest

import template
from tests.conftest import Call
from tests.harness.accounts import LEAST, Account, World
from tests.harness.gateway import Session, fresh_address
from tests.harness.wire import Trips

PAGE: Final = template.ROOT / "docs" / "operations.md"
BEGIN, END = "<!-- begin of the table -->", "<!-- end of the table -->"
# Their work is done on a file in storage, or by workers: docs/imports.md tells what that costs.
_BY_FILE: Final = ("imports-", "exports-")
_NO_OPERATION: Final = {"/", "/docs", "/openapi.json", "/{proxy+}"}

Counting = Callable[[], AbstractContextManager[Trips]]


@dataclass(frozen=True)
class Row:
    operation: str
    case: str
    trips: int
    read_units: float
    write_units: float

    def __str__(self) -> str:
        return f"| {self.operation} | {self.case} | {self.trips} | {self.read_units:g} | {self.write_units:g} |"


class Meter:
    """Calls operations and notes what they cost."""

    def __init__(self, call: Call, counting: Counting) -> None:
        self.rows: list[Row] = []
        self._call, self._counting = call, counting

    def __call__(self, operation: str, body: Any = None, case: str = "", **more: Any) -> Any:
        with self._counting() as trips:
            answer = self._call(operation, body, **more)
        assert answer.status == 200, (operation, answer.body)
        self.rows.append(Row(operation, case, len(trips), trips.read_units, trips.write_units))
        return answer.result

    def of(self, operation: str) -> dict[str, Row]:
        return {row.case: row for row in self.rows if row.operation == operation}


@pytest.fixture(scope="module")
def taken() -> dict[str, Meter]:
    return {}


@pytest.fixture
def meter(
    taken: dict[str, Meter],
    call: Call,
    round_trips: Counting,
    account: Account,
    member: Callable[..., Session],
    app: Callable[..., dict[str, Any]],
    mails: Callable[[], list[Any]],
    setting: Callable[..., None],
) -> Meter:
    """Everything measured once, on an account of the size that a new customer's has."""
    if not taken:
        setting(WEBHOOK_EXEMPT_HOSTS="127.0.0.1")
        meter = Meter(call, round_trips)
        measure_identity(meter, account, member(account.session), app(account.session), mails)
        measure_records(meter, account)
        measure_lists(meter, account)
        measure_webhooks(meter, account.session.token)
        taken["meter"] = meter
    return taken["meter"]


def measure_identity(
    meter: Meter, account: Account, member: Session, app: dict[str, Any], mails: Callable[[], list[Any]]
) -> None:
    token, public = account.session.token, {"address": fresh_address()}
    new = {"email": f"{uuid.uuid4()}@example.com", "password": "x" * 20, "name": "Ada"}
    meter("auth-register", new, **public)
    tokens = meter("auth-login", {name: new[name] for name in ("email", "password")}, **public)
    tokens = meter("auth-refresh-token", {"refresh_token": tokens["refresh_token"]}, **public)
    meter("auth-me", token=tokens["access_token"])
    meter("auth-logout", token=tokens["access_token"])
    meter("users-list", token=token)
    meter("users-get", {"id": member.user["id"]}, token=token)
    invited = {"email": f"{uuid.uuid4()}@example.com", "name": "Grace"}
    meter("users-invite", invited, token=token)
    [mail] = mails()
    meter("users-reset-password", {"token": mail.token, "new_password": "y" * 20}, **public)
    meter("users-forgot-password", {"email": invited["email"]}, **public)
    password = {"current_password": member.password, "new_password": "z" * 20}
    meter("users-change-password", password, token=member.token)
    meter("users-set-active", {"user_id": member.user["id"], "active": False}, token=token)
    grant = {"grant_type": "client_credentials", **app["credentials"]}
    meter("oauth-token", grant, **public)
    made = meter("oauth-apps-create", {"name": "App"}, token=token)["app"]
    meter("oauth-apps-list", token=token)
    meter("oauth-apps-get", {"id": made["id"]}, token=token)
    meter("oauth-apps-update", {"id": made["id"], "name": "Other"}, token=token)
    for verb in ("rotate-secret", "revoke", "delete"):
        meter(f"oauth-apps-{verb}", {"id": made["id"]}, token=token)


def measure_records(meter: Meter, account: Account) -> None:
    token, world = account.session.token, World(account)
    field = account.creates("custom-fields")["id"]
    account.creates("contacts", custom_fields={field: "x"})  # the definitions are known from now on
    references: dict[str, dict[str, Any]] = {
        "contacts": {
            "company_id": world.id_of("companies"),
            "source_id": world.id_of("sources"),
            "custom_fields": {field: "x"},
        },
        "projects": {"company_id": world.id_of("companies"), "assigned_to": account.session.user["id"]},
        "activities": {f"{name}_id": world.id_of(f"{name}s") for name in ("contact", "project")},
    }
    changes: dict[str, Any] = {
        "activities": {"metadata": {"notes": "x"}},
        "custom-fields": {"label": "Other"},
        "contacts": {"first_name": "Grace"},
    }
    for resource, least in LEAST.items():
        pointed = references.get(resource, {})
        if resource != "activities":
            plain = meter(f"{resource}-create", least, token=token)
            meter(f"{resource}-get", {"id": plain["id"]}, token=token)
            change = changes.get(resource, {"name": "Other"})
            meter(f"{resource}-update", {"id": plain["id"], **change}, token=token)
            meter(f"{resource}-update", {"id": plain["id"]}, "that changes nothing", token=token)
            if resource != "sources":
                meter(f"{resource}-delete", {"id": plain["id"]}, token=token)
            keyed = {"Idempotency-Key": str(uuid.uuid4())}
            meter(f"{resource}-create", least, "with an Idempotency-Key", token=token, headers=keyed)
        if pointed:
            full = meter(f"{resource}-create", least | pointed, "with references", token=token)
            meter(f"{resource}-get", {"id": full["id"]}, "with references", token=token)
            moved = {"metadata": {"notes": "y"}} if resource == "activities" else {"notes": "y", **pointed}
            meter(f"{resource}-update", {"id": full["id"], **moved}, "with references", token=token)
            meter(f"{resource}-delete", {"id": full["id"]}, "with references", token=token)
    meter("activity-schemas-list", token=token)
    for verb in ("archive", "unarchive"):
        meter(f"sources-{verb}", {"id": world.id_of("sources")}, token=token)
    pair = {"project_id": world.id_of("projects"), "contact_id": world.id_of("contacts")}
    meter("projects-contacts-add", pair, token=token)
    meter("projects-contacts-list", {"project_id": pair["project_id"]}, token=token)
    meter("projects-contacts-remove", pair, token=token)


def measure_lists(meter: Meter, account: Account) -> None:
    token, world = account.session.token, World(account)
    company = world.id_of("companies")
    for number in range(30):
        account.creates("contacts", last_name=f"Lovelace {number}", company_id=company, tags=["vip"])
        account.creates("projects", company_id=company)
        account.creates("activities", company_id=company)
        account.creates("companies", name=f"Engines {number}")
    for resource in ("contacts", "companies", "projects", "activities"):
        meter(f"{resource}-list", token=token)
    meter("contacts-list", {"company_id": company}, "one filter", token=token)
    meter("contacts-list", {"company_id": company, "tags": ["vip"]}, "two filters", token=token)
    meter("contacts-list", {"search": "lovelace"}, "search for a word", token=token)
    meter("projects-list", {"company_id": company}, "one filter", token=token)
    meter("activities-list", {"company_id": company}, "one filter", token=token)
    meter("sources-list", token=token)
    meter("custom-fields-list", token=token)


def measure_webhooks(meter: Meter, token: str) -> None:
    body = {"url": "http://127.0.0.1:9/", "events": ["contact.created"]}
    endpoint = meter("webhooks-create", body, token=token)["endpoint"]
    meter("webhooks-list", token=token)
    meter("webhooks-get", {"id": endpoint["id"]}, token=token)
    meter("webhooks-update", {"id": endpoint["id"], "description": "x"}, token=token)
    meter("webhooks-rotate-secret", {"id": endpoint["id"]}, token=token)
    delivery = meter("webhooks-test", {"id": endpoint["id"]}, token=token)
    meter("webhooks-deliveries", {"endpoint_id": endpoint["id"]}, token=token)
    meter("webhooks-redeliver", {"delivery_id": delivery["id"]}, token=token)
    meter("webhooks-delete", {"id": endpoint["id"]}, token=token)


def test_every_operation_is_measured(meter: Meter) -> None:
    routed = {path.removeprefix("/api/") for _, path in template.routes()} - _NO_OPERATION
    measured = {row.operation for row in meter.rows}
    assert {operation for operation in routed if not operation.startswith(_BY_FILE)} == measured


@pytest.mark.parametrize("resource", LEAST)
def test_the_operations_on_records_keep_to_their_bounds(meter: Meter, resource: str) -> None:
    bounds = {"": {"get": 2, "create": 3, "update": 3, "delete": 3}, "with references": {"get": 3, "delete": 3}}
    for case in ("", "with references"):
        for verb in ("get", "create", "update", "delete"):
            row = meter.of(f"{resource}-{verb}").get(case)
            assert row is None or row.trips <= bounds[case].get(verb, 4), row


def test_lists_keep_to_their_bounds(meter: Meter) -> None:
    for resource in ("contacts", "companies", "projects", "activities"):
        for case, row in meter.of(f"{resource}-list").items():
            if case in ("", "one filter"):
                assert row.trips <= 3, row


def test_the_page_tells_what_was_measured(meter: Meter) -> None:
    head = ["| operation | | round trips | read units | write units |", "| --- | --- | ---: | ---: | ---: |"]
    rows = sorted(meter.rows, key=lambda row: row.operation)
    written = "\n".join([*head, *map(str, rows)])
    text = PAGE.read_text()
    before, _, rest = text.partition(BEGIN)
    _, _, after = rest.partition(END)
    expected = f"{before}{BEGIN}\n{written}\n{END}{after}"
    if os.environ.get("WRITE_OPERATIONS"):
        PAGE.write_text(expected)
        return
    assert text == expected, "costs have changed: WRITE_OPERATIONS=1 and this test write the page anew"
