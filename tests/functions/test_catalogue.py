"""Test that every code of the catalogue reaches a client with its status."""

import json
import uuid
from collections.abc import Callable
from typing import Any, Final

import pytest

import template
from keel.errors import CODES
from tests.conftest import Call
from tests.harness.accounts import Account, World
from tests.harness.gateway import Answer, Session, fresh_address
from tests.harness.wire import refusal

# What a storage fault may tell, and no client or log may read.
SECRET: Final = "the table of somebody@example.com"

_GETS: Final = {
    "contacts": "contacts-get",
    "companies": "companies-get",
    "projects": "projects-get",
    "activities": "activities-get",
    "sources": "sources-get",
    "custom_fields": "custom-fields-get",
    "webhooks": "webhooks-get",
    "oauth_apps": "oauth-apps-get",
    "users": "users-get",
    "imports": "imports-get",
    "exports": "exports-get",
}
# An operation of a resource that has no get.
_ANY: Final = _GETS | {"auth": "auth-me", "oauth": "oauth-token"}

_NOTHING: Final = str(uuid.uuid4())
_CLIENT: Final = {"grant_type": "client_credentials", "client_id": "kl_ci_x", "client_secret": "kl_cs_x"}
_FIELD: Final = {"entity_type": "contact", "label": "Size", "field_type": "text"}

# code -> the operation and the body that an owner provokes it by
_BY_BODY: Final[dict[str, tuple[str, Any]]] = {
    "auth.invalid_request": ("auth-register", {}),
    "auth.invalid_credentials": ("auth-login", {"email": "nobody@example.com", "password": "x" * 8}),
    "contacts.first_name_required": ("contacts-create", {}),
    "contacts.invalid_company_id": ("contacts-create", {"first_name": "Ada", "company_id": _NOTHING}),
    "contacts.invalid_source_id": ("contacts-create", {"first_name": "Ada", "source_id": _NOTHING}),
    "contacts.invalid_custom_fields": ("contacts-create", {"first_name": "Ada", "custom_fields": {"x": 1}}),
    "companies.invalid_custom_fields": ("companies-create", {"name": "Engines", "custom_fields": {"x": 1}}),
    "projects.name_required": ("projects-create", {}),
    "projects.invalid_stage": ("projects-create", {"name": "Engine", "stage": "won"}),
    "projects.invalid_company_id": ("projects-create", {"name": "Engine", "company_id": _NOTHING}),
    "projects.invalid_assigned_to": ("projects-create", {"name": "Engine", "assigned_to": _NOTHING}),
    "projects.invalid_custom_fields": ("projects-create", {"name": "Engine", "custom_fields": {"x": 1}}),
    "activities.invalid_type": ("activities-create", {}),
    "activities.entity_required": ("activities-create", {"activity_type": "call"}),
    "sources.name_required": ("sources-create", {}),
    "webhooks.url_required": ("webhooks-create", {}),
    "webhooks.invalid_url": ("webhooks-create", {"url": "ftp://example.com"}),
    "custom_fields.invalid_entity_type": ("custom-fields-create", {}),
    "custom_fields.label_required": ("custom-fields-create", _FIELD | {"label": " "}),
    "custom_fields.invalid_field_type": ("custom-fields-create", _FIELD | {"field_type": "money"}),
    "custom_fields.options_required": ("custom-fields-create", _FIELD | {"field_type": "enum"}),
    "oauth.invalid_request": ("oauth-token", []),
    "oauth.unsupported_grant_type": ("oauth-token", {"grant_type": "password"}),
    "oauth.missing_credentials": ("oauth-token", {"grant_type": "client_credentials"}),
    "oauth.invalid_client": ("oauth-token", _CLIENT),
    "oauth_apps.name_required": ("oauth-apps-create", {}),
    "imports.model_type_required": ("imports-request-upload", {}),
    "imports.invalid_model_type": ("imports-request-upload", {"model_type": "projects"}),
    "imports.file_name_required": ("imports-request-upload", {"model_type": "contacts"}),
    "exports.invalid_model_type": ("exports-create", {"model_type": "webhooks"}),
    "api.not_found": ("contacts-explode", {}),
}
# Answers that the gateway gives by itself: code -> the type of its response in the template.
_BY_GATEWAY: Final = {"api.invalid_request": "REQUEST_TOO_LARGE", "api.internal": "INTEGRATION_TIMEOUT"}

_ROUTED: Final = {path.removeprefix("/api/") for _, path in template.routes()}
# A resource whose functions are not in the template has no front door.
_REACHABLE: Final = [code for code in CODES if _ANY.get(code.partition(".")[0], "auth-me") in _ROUTED]


def _invalid_metadata(account: Account) -> Answer:
    body = {"activity_type": "call", "contact_id": World(account).id_of("contacts"), "metadata": {"x": 1}}
    return account("activities-create", body)


_BY_ACCOUNT: Final[dict[str, Callable[[Account], Answer]]] = {
    "activities.invalid_metadata": _invalid_metadata,
    "auth.email_taken": lambda account: account(
        "auth-register",
        {"email": account.session.user["email"].upper(), "password": "x" * 8, "name": "Eve"},
        address=fresh_address(),
    ),
    "users.email_taken": lambda account: account(
        "users-invite", {"email": account.session.user["email"], "name": "Eve"}
    ),
}


@pytest.fixture
def by_more(
    call: Call, account: Account, member: Callable[..., Session], rates: Callable[..., None]
) -> dict[str, Callable[[], Answer]]:
    """What takes more than a body and an account."""

    def deactivated() -> Answer:
        user = member(account.session)
        account.does("users-set-active", {"user_id": user.user["id"], "active": False})
        return call("auth-me", token=user.token)

    def over_the_rate() -> Answer:
        rates(user="1/1")
        answers = [account("auth-me") for _ in range(3)]
        return answers[-1]

    return {
        "auth.required": lambda: call("auth-me"),
        "auth.invalid_token": lambda: call("auth-me", token="x"),
        "auth.deactivated": deactivated,
        "auth.forbidden": lambda: call("oauth-apps-list", token=member(account.session).token),
        "rate_limit.exceeded": over_the_rate,
    }


def provoke(code: str, account: Account, by_more: dict[str, Callable[[], Answer]]) -> Answer:
    resource, _, name = code.partition(".")
    if code in by_more:
        return by_more[code]()
    if code in _BY_ACCOUNT:
        return _BY_ACCOUNT[code](account)
    if code in _BY_BODY:
        operation, body = _BY_BODY[code]
        return account(operation, body)
    bodies = {"invalid_request": [], "invalid_id": {}, "not_found": {"id": _NOTHING}}
    return account(_GETS[resource], bodies[name])


@pytest.mark.parametrize("code", [code for code in _REACHABLE if not code.endswith(".internal")])
def test_a_code_reaches_the_client_with_its_status(
    account: Account, by_more: dict[str, Callable[[], Answer]], code: str
) -> None:
    if code in _BY_GATEWAY:
        assert_gateway_answers(code)
        return
    answer = provoke(code, account, by_more)
    assert (answer.status, answer.code) == (CODES[code][0], code)
    error = answer.body["error"]
    assert error["message"]
    assert error["request_id"] == answer.headers["X-Request-Id"]


@pytest.mark.parametrize("code", [code for code in _REACHABLE if code.endswith(".internal")])
@pytest.mark.parametrize(
    "fault",
    [refusal("ValidationException", SECRET), refusal("InternalServerError", SECRET), TimeoutError(SECRET)],
    ids=["refused", "broken", "raised"],
)
def test_a_fault_is_logged_and_nothing_of_it_answered(
    account: Account, inject: Callable[..., Any], log_lines: Callable[[], Any], code: str, fault: Any
) -> None:
    if code in _BY_GATEWAY:
        assert_gateway_answers(code)
        return
    resource = code.partition(".")[0]
    log_lines()
    injection = inject("*", fault, times=100)
    answer = account(_ANY[resource], _CLIENT if resource == "oauth" else {"id": _NOTHING})
    assert injection.hits
    assert (answer.status, answer.code) == (500, code)
    assert SECRET not in json.dumps(answer.body)
    logged = [line for line in log_lines() if line.get("request_id") == answer.headers["X-Request-Id"]]
    [told] = [line for line in logged if line["level"] == "ERROR"]
    assert told["error_type"]
    assert told["error_at"]
    assert SECRET not in json.dumps(logged)


def assert_gateway_answers(code: str) -> None:
    gateway = template.load()["Resources"]["Api"]["Properties"]["GatewayResponses"][_BY_GATEWAY[code]]
    assert gateway["StatusCode"] == CODES[code][0]
    answer = json.loads(gateway["ResponseTemplates"]["application/json"])
    assert answer["ok"] is False
    assert answer["error"]["code"] == code
