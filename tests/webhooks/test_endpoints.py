"""Test the operations on endpoints: validation, changes, and secrets that are shown once."""

import re
import uuid
from collections.abc import Callable
from typing import Any

import pytest

from tests.conftest import Call
from tests.harness.gateway import Session
from tests.webhooks.conftest import Webhooks

URL = "https://93.184.216.34/hook"
OPERATIONS = ("create", "update", "list", "get", "delete", "rotate-secret", "test", "deliveries", "redeliver")
BY_ID = ("update", "get", "delete", "rotate-secret", "test")
FIELDS = {
    *("id", "account_id", "url", "description", "secret_prefix", "events", "is_active", "disabled_reason"),
    *("last_success_at", "last_failure_at", "created_by", "created_at", "updated_at"),
}


def body(**fields: Any) -> dict[str, Any]:
    return {"url": URL, "events": ["contact.created"], **fields}


@pytest.mark.parametrize("operation", OPERATIONS)
def test_operation_needs_a_token(call: Call, operation: str) -> None:
    assert call(f"webhooks-{operation}", {}).code == "auth.required"


def test_invalid_id_is_rejected_before_a_missing_endpoint(webhooks: Webhooks, owner: Callable[..., Session]) -> None:
    theirs = webhooks.register(URL, session=owner())
    cases: list[tuple[Any, str]] = [(each, "invalid_id") for each in (None, "", " ", "x", "123")]
    cases += [(1, "invalid_request"), (str(uuid.uuid4()), "not_found"), (theirs.id, "not_found")]
    for operation in BY_ID:
        for id_, code in cases:
            answer = webhooks.call(f"webhooks-{operation}", {"id": id_, "url": URL})
            assert answer.code == f"webhooks.{code}", (operation, id_)


def test_secret_of_a_new_endpoint_is_shown_once(webhooks: Webhooks, user: Session) -> None:
    answer = webhooks.call("webhooks-create", body(description=" mine "))
    endpoint, secret = answer.result["endpoint"], answer.result["secret"]
    assert set(answer.result) == {"endpoint", "secret"}
    assert set(endpoint) == FIELDS
    assert re.fullmatch(r"whsec_[A-Za-z0-9+/]{43}=", secret)
    assert secret.startswith(endpoint["secret_prefix"])
    assert len(endpoint["secret_prefix"]) < 12
    assert endpoint["url"] == URL
    assert endpoint["description"] == " mine "
    assert endpoint["is_active"] is True
    assert endpoint["disabled_reason"] == ""
    assert endpoint["last_success_at"] is endpoint["last_failure_at"] is None
    assert endpoint["created_by"] == user.user["id"]
    got = webhooks.call("webhooks-get", {"id": endpoint["id"].upper()})
    assert got.result == endpoint
    assert secret not in str(webhooks.call("webhooks-list", {}).body)


def test_secret_is_stored_encrypted(webhooks: Webhooks, user: Session) -> None:
    import boto3

    from keel.settings import settings

    registered = webhooks.register(URL)
    stored = boto3.client("dynamodb").get_item(
        TableName=settings().table,
        Key={"pk": {"S": f"{user.account_id}#webhook_endpoint"}, "sk": {"S": registered.id}},
    )["Item"]
    assert stored["secret"]["S"]
    assert registered.secret not in str(stored)
    assert registered.secret.removeprefix("whsec_") not in str(stored)


def test_create_validates_in_order(webhooks: Webhooks) -> None:
    cases: list[tuple[dict[str, Any], str]] = [
        ({"url": None, "events": []}, "url_required"),
        ({"url": "  "}, "url_required"),
        ({"url": "ftp://x", "events": []}, "invalid_url"),
        ({"events": []}, "invalid_request"),
        ({"events": None}, "invalid_request"),
        ({"events": ["contact.created", "contact.exploded"]}, "invalid_request"),
        ({"events": "contact.created"}, "invalid_request"),
        ({"events": [1], "url": ""}, "invalid_request"),
        ({"url": 1}, "invalid_request"),
        ({"url": "https://" + "a" * 2_048}, "invalid_request"),
        ({"description": "x" * 10_001}, "invalid_request"),
        ({"events": ["webhook.test"]}, "invalid_request"),
        ({"events": ["source.created"]}, "invalid_request"),
    ]
    for fields, code in cases:
        assert webhooks.call("webhooks-create", body(**fields)).code == f"webhooks.{code}", fields


def test_all_twelve_events_are_accepted_and_repetitions_dropped(webhooks: Webhooks) -> None:
    names = [
        f"{k}.{a}" for k in ("contact", "company", "activity", "project") for a in ("created", "updated", "deleted")
    ]
    answer = webhooks.call("webhooks-create", body(events=[*names, names[0]]))
    assert answer.result["endpoint"]["events"] == names


def test_host_that_is_not_exempt_needs_https(webhooks: Webhooks, setting: Callable[..., None]) -> None:
    assert webhooks.call("webhooks-create", body(url="http://127.0.0.1:1234/")).status == 200
    setting(WEBHOOK_EXEMPT_HOSTS="")
    assert webhooks.call("webhooks-create", body(url="http://127.0.0.1:1234/")).code == "webhooks.invalid_url"


def test_list_contains_the_endpoints_of_the_account_oldest_first(
    webhooks: Webhooks,
    owner: Callable[..., Session],
) -> None:
    ids = [webhooks.register(URL).id for _ in range(3)]
    webhooks.register(URL, session=owner())
    answer = webhooks.call("webhooks-list", {})
    assert [each["id"] for each in answer.result["items"]] == ids
    assert answer.result["next_cursor"] == ""


def test_update_changes_only_the_fields_in_the_body(webhooks: Webhooks) -> None:
    endpoint = webhooks.register(URL, description="old").shown
    answer = webhooks.call("webhooks-update", {"id": endpoint["id"], "events": ["company.updated"]})
    assert answer.result == endpoint | {"events": ["company.updated"], "updated_at": answer.result["updated_at"]}
    assert answer.result["updated_at"] > endpoint["updated_at"]
    cleared = webhooks.call("webhooks-update", {"id": endpoint["id"], "description": None})
    assert cleared.result["description"] == ""
    paused = webhooks.call("webhooks-update", {"id": endpoint["id"], "is_active": False})
    assert paused.result["is_active"] is False
    assert webhooks.call("webhooks-get", {"id": endpoint["id"]}).result == paused.result


def test_update_that_changes_nothing_writes_nothing(webhooks: Webhooks) -> None:
    endpoint = webhooks.register(URL).shown
    answer = webhooks.call("webhooks-update", endpoint | {"secret_prefix": "whsec_mine", "created_by": "me"})
    assert answer.result == endpoint


def test_update_validates_like_create(webhooks: Webhooks) -> None:
    endpoint = webhooks.register(URL)
    cases: list[tuple[dict[str, Any], str]] = [
        ({"url": None}, "url_required"),
        ({"url": ""}, "url_required"),
        ({"url": "http://example.com"}, "invalid_url"),
        ({"url": "https://10.0.0.1/"}, "invalid_url"),
        ({"events": []}, "invalid_request"),
        ({"events": None}, "invalid_request"),
        ({"events": ["x"]}, "invalid_request"),
        ({"is_active": None}, "invalid_request"),
        ({"is_active": "yes"}, "invalid_request"),
    ]
    for fields, code in cases:
        answer = webhooks.call("webhooks-update", {"id": endpoint.id, **fields})
        assert answer.code == f"webhooks.{code}", fields
    assert webhooks.get(endpoint) == endpoint.shown


def test_deleted_endpoint_is_not_found(webhooks: Webhooks) -> None:
    endpoint = webhooks.register(URL)
    assert webhooks.call("webhooks-delete", {"id": endpoint.id}).result == {"id": endpoint.id, "deleted": True}
    for operation in BY_ID:
        assert webhooks.call(f"webhooks-{operation}", {"id": endpoint.id}).code == "webhooks.not_found"
    assert webhooks.call("webhooks-list", {}).result["items"] == []


def test_rotation_returns_a_new_secret(webhooks: Webhooks) -> None:
    endpoint = webhooks.register(URL)
    answer = webhooks.call("webhooks-rotate-secret", {"id": endpoint.id})
    assert answer.result["secret"] != endpoint.secret
    assert answer.result["secret"].startswith(answer.result["endpoint"]["secret_prefix"])
    assert answer.result["endpoint"]["id"] == endpoint.id


def test_no_secret_is_logged(
    webhooks: Webhooks,
    log_lines: Callable[[], list[dict[str, Any]]],
) -> None:
    endpoint = webhooks.register(URL)
    rotated = webhooks.call("webhooks-rotate-secret", {"id": endpoint.id}).result["secret"]
    logged = str(log_lines())
    assert "webhooks-rotate-secret" in logged
    assert endpoint.secret not in logged
    assert rotated not in logged
