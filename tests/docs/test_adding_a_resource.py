"""Build the example of docs/adding-a-resource.md and call its operations."""

import importlib
import importlib.util
import re
import textwrap
import uuid
from collections.abc import Callable, Iterator
from pathlib import Path
from types import ModuleType
from typing import Any, Final

import pytest

import keel
import template
from keel import entity_types, errors
from tests.harness.accounts import Account
from tests.harness.functions import Context, Functions
from tests.harness.gateway import Answer, answer_of, fresh_address, request_event

PAGE: Final = (template.ROOT / "docs" / "adding-a-resource.md").read_text()
LAYER: Final = "layers/keel/python/"

Tickets = Callable[..., Answer]


def files() -> dict[str, str]:
    """The files that the page shows, by their paths."""
    return dict(re.findall(r"^`([\w/.]+)`\n\n```python\n(.*?)```$", PAGE, re.MULTILINE | re.DOTALL))


def codes() -> dict[str, tuple[int, str]]:
    [shown] = re.findall(r"`EXTENSIONS`:\n\n```python\n(.*?)```", PAGE, re.DOTALL)
    found: dict[str, tuple[int, str]] = eval(shown, vars(errors) | {})  # noqa: S307 - the page is ours
    return found


@pytest.fixture(scope="module")
def app(tmp_path_factory: pytest.TempPathFactory, functions: Functions) -> Iterator[ModuleType]:
    """The module of the example's function, imported once: PynamoDB registers a discriminator once per process."""
    folder = tmp_path_factory.mktemp("tickets")
    for path, text in files().items():
        file = folder / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(keel, "__path__", [*keel.__path__, str(folder / LAYER / "keel")])
        for code, status_and_message in codes().items():
            patch.setitem(errors.CODES, code, status_and_message)
        importlib.invalidate_caches()
        with functions.running("contacts"):
            specification = importlib.util.spec_from_file_location("tickets_app", folder / "functions/tickets/app.py")
            assert specification
            assert specification.loader
            module = importlib.util.module_from_spec(specification)
            specification.loader.exec_module(module)
        entity_type = importlib.import_module("keel.tickets.entity_type").TICKET
        patch.setitem(entity_types.ENTITY_TYPES, entity_type.name, entity_type)
        yield module


@pytest.fixture
def tickets(app: ModuleType, functions: Functions, account: Account) -> Tickets:
    def call(operation: str, body: Any = None, **more: Any) -> Answer:
        event = request_event(operation, body, token=account.session.token, address=fresh_address(), **more)
        with functions.running("contacts"):
            return answer_of(app.handler(event, Context("tickets")))

    return call


def test_the_page_shows_a_whole_resource(tickets: Tickets) -> None:
    assert set(files()) == {
        f"{LAYER}keel/tickets/__init__.py",
        f"{LAYER}keel/tickets/schemas.py",
        f"{LAYER}keel/tickets/models.py",
        f"{LAYER}keel/tickets/entity_type.py",
        "functions/tickets/app.py",
    }
    [block] = re.findall(r"```yaml\n(.*?)```", PAGE, re.DOTALL)
    paths = re.findall(r"Path: /api/([\w-]+)", block)
    assert paths == [f"tickets-{verb}" for verb in ("create", "update", "list", "get", "delete")]
    contacts = (template.ROOT / "template.yaml").read_text().partition("  ContactsFunction:")[2].partition("\n\n")[0]
    as_contacts = block.replace("Tickets", "Contacts").replace("tickets", "contacts")
    assert textwrap.indent(as_contacts, "  ").strip() == f"ContactsFunction:{contacts}".strip()


def test_list_of_entity_types_is_the_one_of_the_page() -> None:
    [shown] = re.findall(r"^```python\n(\(.*\))\n```$", PAGE, re.MULTILINE)
    assert shown.replace(", TICKET", "") in Path(entity_types.__file__).read_text()


def test_its_operations_do_what_those_of_every_resource_do(tickets: Tickets, account: Account) -> None:
    contact = account.creates("contacts", last_name="Lovelace")
    once = {"Idempotency-Key": str(uuid.uuid4())}
    body = {"subject": "Broken mill", "contact_id": contact["id"].upper(), "tags": ["vip"]}
    ticket = tickets("tickets-create", body, headers=once).result
    assert ticket["contact_name"] == "Ada Lovelace"
    assert ticket["priority"] == "normal"
    assert tickets("tickets-create", body, headers=once).result == ticket
    assert tickets("tickets-get", {"id": ticket["id"]}).result == ticket
    urgent = tickets("tickets-update", {"id": ticket["id"], "priority": "high"}).result
    assert urgent == ticket | {"priority": "high", "updated_at": urgent["updated_at"]}
    other = tickets("tickets-create", {"subject": "Lost card"}).result
    assert tickets("tickets-list").result["items"] == [other, urgent]
    for wanted in ({"search": "mil"}, {"contact_id": contact["id"]}, {"priority": "high", "tags": ["vip"]}):
        assert tickets("tickets-list", wanted).result["items"] == [urgent]
    account.deletes("contacts", contact)
    assert tickets("tickets-get", {"id": ticket["id"]}).result["contact_id"] is None
    assert tickets("tickets-delete", {"id": ticket["id"]}).result == {"id": ticket["id"], "deleted": True}
    assert tickets("tickets-get", {"id": ticket["id"]}).code == "tickets.not_found"


def test_its_codes_come_in_their_order(tickets: Tickets) -> None:
    body: dict[str, Any] = {"subject": " ", "priority": "urgent", "contact_id": str(uuid.uuid4())}
    steps: list[tuple[str, Any]] = [
        ("subject_required", {"subject": "Broken mill"}),
        ("invalid_priority", {"priority": "low"}),
        ("invalid_contact_id", {"contact_id": None}),
    ]
    for code, remedy in steps:
        assert tickets("tickets-create", body).code == f"tickets.{code}"
        body |= remedy
    assert tickets("tickets-create", body | {"tags": "vip"}).code == "tickets.invalid_request"
    assert tickets("tickets-get", {}).code == "tickets.invalid_id"
