"""Test the Python client against the real handlers."""

import asyncio
import uuid
from collections.abc import Callable
from datetime import datetime, timedelta, timezone
from typing import Any

import pytest

from keel_crm import AsyncKeel, AuthenticationError, ForbiddenError, InvalidRequestError, Keel, NotFoundError
from keel_crm.errors import RateLimitError
from keel_crm.retries import Retries
from tests.client.conftest import URL

PASSWORD = "correct horse battery"


def register(client: Keel) -> str:
    email = f"{uuid.uuid4().hex}@example.com"
    client.auth.register(email=email, password=PASSWORD, name="Ada")
    return email


def test_a_record_is_created_read_changed_and_deleted(client: Keel) -> None:
    register(client)
    made = client.contacts.create(first_name="Ada", last_name="Lovelace", email="ada@example.com", tags=["vip"])
    assert client.contacts.get(made["id"]) == made
    changed = client.contacts.update(made["id"], last_name="King", email=None)
    assert (changed["first_name"], changed["last_name"], changed["email"]) == ("Ada", "King", "")
    assert client.contacts.delete(made["id"]) == {"id": made["id"], "deleted": True}
    with pytest.raises(NotFoundError) as caught:
        client.contacts.get(made["id"])
    assert caught.value.code == "contacts.not_found"
    assert caught.value.request_id


def test_a_walk_goes_through_all_pages(client: Keel) -> None:
    register(client)
    names = {f"Ada {number}" for number in range(5)}
    for name in names:
        client.contacts.create(first_name=name)
    assert {contact["first_name"] for contact in client.contacts.iterate(limit=2)} == names


def test_a_create_under_one_key_happens_once(client: Keel) -> None:
    register(client)
    first = client.contacts.create(first_name="Ada", idempotency_key="order-7")
    assert client.contacts.create(first_name="Ada", idempotency_key="order-7") == first
    assert len(list(client.contacts.iterate())) == 1


def test_a_field_at_fault_is_named(client: Keel) -> None:
    register(client)
    with pytest.raises(InvalidRequestError) as caught:
        client.contacts.create(first_name="Ada", email="nonsense")
    assert [detail["field"] for detail in caught.value.details] == ["email"]


def test_a_time_with_its_zone_is_taken(client: Keel) -> None:
    register(client)
    contact = client.contacts.create(first_name="Ada")
    at = datetime(2026, 6, 1, 14, 30, 0, 123456, tzinfo=timezone(timedelta(hours=2)))
    told = {"direction": "outbound", "outcome": "connected", "duration_seconds": 240}
    made = client.activities.create(activity_type="call", contact_id=contact["id"], occurred_at=at, metadata=told)
    assert datetime.fromisoformat(made["occurred_at"]) == at.replace(microsecond=123000)


def test_a_field_that_there_is_not_is_refused(client: Keel) -> None:
    register(client)
    with pytest.raises(TypeError, match="has no field emial"):
        client.contacts.create(first_name="Grace", emial="x")  # type: ignore[call-arg]
    with pytest.raises(TypeError, match="has no field tag\\."):
        list(client.contacts.iterate(tag=["x"]))  # type: ignore[call-arg]


def test_a_session_that_was_refreshed_goes_on_and_one_that_was_ended_does_not(client: Keel) -> None:
    register(client)
    kept = client._flows.store.load()
    assert kept is not None
    client._flows.store.save(type(kept)("no token", kept.refresh_token))
    assert client.auth.me()["name"] == "Ada"
    client.auth.logout()
    with pytest.raises(AuthenticationError):
        client.auth.me()


def test_an_app_works_by_its_own_credentials(client: Keel, connect: Callable[..., AsyncKeel]) -> None:
    register(client)
    app = client.oauth_apps.create(name="Sync")
    credentials = {"client_id": app["app"]["client_id"], "client_secret": app["client_secret"]}

    async def work() -> Any:
        async with connect(**credentials) as own:
            made = await own.contacts.create(first_name="Ada")
            with pytest.raises(ForbiddenError):
                await own.users.list()
            return [contact["id"] async for contact in own.contacts.iterate()] == [made["id"]]

    assert asyncio.run(work())
    client.oauth_apps.revoke(app["app"]["id"])
    with pytest.raises(AuthenticationError):
        asyncio.run(work())


def test_a_wrong_password_is_an_error_and_signs_nobody_in(client: Keel) -> None:
    email = register(client)
    other = Keel(URL, transport=client._http._transport)
    with pytest.raises(AuthenticationError) as caught:
        other.auth.login(email=email, password="wrong horse")
    assert caught.value.code == "auth.invalid_credentials"
    assert other._flows.store.load() is None


def test_a_refusal_for_the_rate_tells_how_long_to_wait(client: Keel, rates: Callable[..., None]) -> None:
    register(client)
    token = client._flows.store.load()
    assert token is not None
    rates(user="1/1")
    hasty = Keel(URL, token=token.access_token, transport=client._http._transport, retries=Retries(attempts=0))
    with pytest.raises(RateLimitError) as caught:
        _ = [hasty.auth.me() for _ in range(5)]
    assert caught.value.retry_after is not None
    assert caught.value.retry_after >= 1
