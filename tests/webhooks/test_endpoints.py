"""Are endpoints created, read, changed and deleted as promised, and their secrets shown once?"""

import re
import uuid
from collections.abc import Callable
from typing import Any

import pytest

from tests.conftest import Call
from tests.harness.gateway import Session
from tests.webhooks.conftest import Registered

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


def test_id_is_judged_by_form_and_then_by_what_the_account_has(
    call: Call, user: Session, owner: Callable[..., Session], register: Callable[..., Registered]
) -> None:
    theirs = register(URL, session=owner())
    wanted: list[tuple[Any, str]] = [(each, "invalid_id") for each in (None, "", " ", "x", "123")]
    wanted += [(1, "invalid_request"), (str(uuid.uuid4()), "not_found"), (theirs.id, "not_found")]
    for operation in BY_ID:
        for id_, code in wanted:
            answer = call(f"webhooks-{operation}", {"id": id_, "url": URL}, token=user.token)
            assert answer.code == f"webhooks.{code}", (operation, id_)


def test_endpoint_is_created_with_a_secret_that_is_shown_once(call: Call, user: Session) -> None:
    answer = call("webhooks-create", body(description=" mine "), token=user.token)
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
    got = call("webhooks-get", {"id": endpoint["id"].upper()}, token=user.token)
    assert got.result == endpoint
    assert secret not in str(call("webhooks-list", {}, token=user.token).body)


def test_secret_is_stored_encrypted(call: Call, user: Session, register: Callable[..., Registered]) -> None:
    import boto3

    from keel.settings import settings

    registered = register(URL)
    stored = boto3.client("dynamodb").get_item(
        TableName=settings().table,
        Key={"pk": {"S": f"{user.account_id}#webhook_endpoint"}, "sk": {"S": registered.id}},
    )["Item"]
    assert stored["secret"]["S"]
    assert registered.secret not in str(stored)
    assert registered.secret.removeprefix("whsec_") not in str(stored)


def test_create_judges_in_order(call: Call, user: Session) -> None:
    wanted: list[tuple[dict[str, Any], str]] = [
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
    for fields, code in wanted:
        assert call("webhooks-create", body(**fields), token=user.token).code == f"webhooks.{code}", fields


def test_all_twelve_events_are_taken_and_repeats_dropped(call: Call, user: Session) -> None:
    names = [
        f"{k}.{a}" for k in ("contact", "company", "activity", "project") for a in ("created", "updated", "deleted")
    ]
    answer = call("webhooks-create", body(events=[*names, names[0]]), token=user.token)
    assert answer.result["endpoint"]["events"] == names


def test_host_that_is_not_exempt_needs_https(call: Call, user: Session, setting: Callable[..., None]) -> None:
    assert call("webhooks-create", body(url="http://127.0.0.1:1234/"), token=user.token).status == 200
    setting(WEBHOOK_EXEMPT_HOSTS="")
    assert call("webhooks-create", body(url="http://127.0.0.1:1234/"), token=user.token).code == "webhooks.invalid_url"


def test_list_gives_own_endpoints_oldest_first(
    call: Call, user: Session, owner: Callable[..., Session], register: Callable[..., Registered]
) -> None:
    made = [register(URL).id for _ in range(3)]
    register(URL, session=owner())
    answer = call("webhooks-list", {}, token=user.token)
    assert [each["id"] for each in answer.result["items"]] == made
    assert answer.result["next_cursor"] == ""


def test_update_changes_what_is_given(call: Call, user: Session, register: Callable[..., Registered]) -> None:
    made = register(URL, description="old").shown
    answer = call("webhooks-update", {"id": made["id"], "events": ["company.updated"]}, token=user.token)
    assert answer.result == made | {"events": ["company.updated"], "updated_at": answer.result["updated_at"]}
    assert answer.result["updated_at"] > made["updated_at"]
    cleared = call("webhooks-update", {"id": made["id"], "description": None}, token=user.token)
    assert cleared.result["description"] == ""
    paused = call("webhooks-update", {"id": made["id"], "is_active": False}, token=user.token)
    assert paused.result["is_active"] is False
    assert call("webhooks-get", {"id": made["id"]}, token=user.token).result == paused.result


def test_update_of_nothing_moves_nothing(call: Call, user: Session, register: Callable[..., Registered]) -> None:
    made = register(URL).shown
    answer = call("webhooks-update", made | {"secret_prefix": "whsec_mine", "created_by": "me"}, token=user.token)
    assert answer.result == made


def test_update_judges_as_create_does(call: Call, user: Session, register: Callable[..., Registered]) -> None:
    made = register(URL)
    wanted: list[tuple[dict[str, Any], str]] = [
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
    for fields, code in wanted:
        answer = call("webhooks-update", {"id": made.id, **fields}, token=user.token)
        assert answer.code == f"webhooks.{code}", fields
    assert call("webhooks-get", {"id": made.id}, token=user.token).result == made.shown


def test_deleted_endpoint_is_gone(call: Call, user: Session, register: Callable[..., Registered]) -> None:
    made = register(URL)
    assert call("webhooks-delete", {"id": made.id}, token=user.token).result == {"id": made.id, "deleted": True}
    for operation in BY_ID:
        assert call(f"webhooks-{operation}", {"id": made.id}, token=user.token).code == "webhooks.not_found"
    assert call("webhooks-list", {}, token=user.token).result["items"] == []


def test_rotation_gives_a_new_secret_once(call: Call, user: Session, register: Callable[..., Registered]) -> None:
    made = register(URL)
    answer = call("webhooks-rotate-secret", {"id": made.id}, token=user.token)
    assert answer.result["secret"] != made.secret
    assert answer.result["secret"].startswith(answer.result["endpoint"]["secret_prefix"])
    assert answer.result["endpoint"]["id"] == made.id


def test_no_secret_is_logged(
    call: Call, user: Session, register: Callable[..., Registered], log_lines: Callable[[], list[dict[str, Any]]]
) -> None:
    made = register(URL)
    rotated = call("webhooks-rotate-secret", {"id": made.id}, token=user.token).result["secret"]
    logged = str(log_lines())
    assert "webhooks-rotate-secret" in logged
    assert made.secret not in logged
    assert rotated not in logged
