"""What has been sent to an endpoint, and how did it go? The log of deliveries, kept for 30 days.

A delivery's id derives from its event and endpoint, so an event that comes twice is one delivery, and it is
the `webhook-id` under which every attempt is made. It also names the partition: some bits of it are a hash
of the endpoint's id, so that a delivery is found by its id alone without an item of its own to tell where.

`tried` counts the attempts of the schedule; what a person asked for besides is in `attempts` only.
"""

import hashlib
import json
from typing import Any, Final

from keel import clock, ids
from keel.api import pagination
from keel.api.authorizer import Caller
from keel.errors import ApiError
from keel.storage import legacy_table as table
from keel.storage.legacy_table import Item, Key, Write
from keel.webhooks import endpoints
from keel.webhooks.schemas import DeliveriesList

KIND: Final = "webhook_delivery"
STATUSES: Final = frozenset({"pending", "succeeded", "failed"})

_TAG_BYTES: Final = 3
_RANDOM_BYTES: Final = 10
# The two bytes in which a UUID has its version and variant are not ours alone: the tag keeps clear of them.
_TAG_AT: Final = slice(4, 4 + _TAG_BYTES)
_ATTEMPTS: Final = 50
_READ_AT_MOST: Final = 1_000

View = dict[str, Any]


def key(account_id: str, endpoint_id: str, delivery_id: str) -> Key:
    return Key(table.partition(account_id, f"{KIND}#{endpoint_id}"), delivery_id)


def id_of(event_id: str, endpoint_id: str, milliseconds: int) -> str:
    """The same for the same event and endpoint, and sorted by the instant of the event."""
    derived = bytearray(hashlib.sha256(f"{event_id}\0{endpoint_id}".encode()).digest()[:_RANDOM_BYTES])
    derived[_TAG_AT] = _tag(endpoint_id)
    return ids.from_bits(milliseconds, bytes(derived))


def _tag(endpoint_id: str) -> bytes:
    return hashlib.sha256(endpoint_id.encode()).digest()[:_TAG_BYTES]


def _may_be_of(delivery_id: str, endpoint_id: str) -> bool:
    return bytes.fromhex(delivery_id.replace("-", ""))[6:][_TAG_AT] == _tag(endpoint_id)


def item_of(endpoint: Item, event_id: str, payload: View, milliseconds: int) -> Item:
    """A delivery before its first attempt. `payload` is the body that is sent, the same at every attempt."""
    account_id = endpoint["pk"].partition("#")[0]
    at = key(account_id, endpoint["sk"], id_of(event_id, endpoint["sk"], milliseconds))
    return {
        "pk": at.pk,
        "sk": at.sk,
        "kind": KIND,
        "event": payload["event"],
        "status": "pending",
        "tried": 0,
        "attempts": [],
        "payload": json.dumps(payload, ensure_ascii=False, separators=(",", ":")),
        "created_at": clock.text(milliseconds),
        "ttl": (milliseconds + endpoints.KEPT) // 1_000,
    }


def place(item: Item) -> tuple[str, str, str]:
    """Account, endpoint and id of a delivery."""
    account_id, _kind, endpoint_id = item["pk"].split("#")
    return account_id, endpoint_id, item["sk"]


def view(item: Item) -> View:
    """A delivery as a client sees it."""
    _account_id, endpoint_id, delivery_id = place(item)
    return {
        "id": delivery_id,
        "endpoint_id": endpoint_id,
        "event": item["event"],
        "status": item["status"],
        "attempts": item["attempts"],
        "next_attempt_at": item.get("next_attempt_at"),
        "payload": json.loads(item["payload"]),
        "created_at": item["created_at"],
    }


def find(caller: Caller, delivery_id: str) -> tuple[Item, Item]:
    """A delivery by its id, and its endpoint; `invalid_id`, `not_found`."""
    id_ = ids.parse(delivery_id)
    if id_ is None:
        raise ApiError.for_field("webhooks.invalid_id", "delivery_id")
    for endpoint in endpoints.of_account(caller.account_id):
        if _may_be_of(id_, endpoint["sk"]):
            item = table.get(key(caller.account_id, endpoint["sk"], id_))
            if item is not None and _kept(item):
                return item, endpoint
    raise ApiError("webhooks.not_found")


def _kept(item: Item) -> bool:
    """Whether its 30 days are not over: DynamoDB may take two days more to remove it."""
    return bool(item["created_at"] > clock.text(clock.now() - endpoints.KEPT))


def page(caller: Caller, body: DeliveriesList) -> View:
    """Deliveries of an endpoint, newest first; those of a deleted one too, for as long as they are kept."""
    endpoint_id = ids.parse(body.endpoint_id)
    if endpoint_id is None:
        raise ApiError.for_field("webhooks.invalid_id", "endpoint_id")
    if body.status is not None and body.status not in STATUSES:
        raise ApiError.for_field("webhooks.invalid_request", "status", "status must be pending, succeeded or failed.")
    scope = (caller.account_id, "webhooks-deliveries", endpoint_id, body.status)
    before = pagination.position(body.cursor, "webhooks", *scope)
    endpoints.find(caller.account_id, endpoint_id, deleted_too=True, field="endpoint_id")
    found, further = _matching(key(caller.account_id, endpoint_id, "").pk, before, body.status, body.limit)
    return pagination.page([view(item) for item in found], further, *scope)


def _matching(pk: str, before: str, status: str | None, limit: int) -> tuple[list[Item], str]:
    """At most `limit` deliveries before a position, and where to go on, "" at the end.

    What one call reads is bounded: a page may be short and yet have a next one.
    """
    found: list[Item] = []
    read = 0
    while read < _READ_AT_MOST:
        some = table.query(pk, before=before, newest_first=True, limit=limit + 1)
        for item in some.items:
            if not _kept(item):
                return found, ""
            if len(found) == limit:
                return found, before
            before = item["sk"]
            if status in (None, item["status"]):
                found.append(item)
        read += len(some.items)
        if not some.more:
            return found, ""
    return found, before


def recording(item: Item, attempt: View, change: str, condition: str, **values: Any) -> Write:
    """The write that appends an attempt, and changes what the update expression `change` sets besides."""
    added = "list_append(#attempts, :attempts)"
    attempts = [attempt]
    if len(item["attempts"]) >= _ATTEMPTS:  # somebody has had it sent again very often
        added, attempts = ":attempts", [*item["attempts"][1 - _ATTEMPTS :], attempt]
    return table.update(
        Key(item["pk"], item["sk"]),
        f"SET #attempts = {added}{', ' if change else ''}{change}",
        condition,
        attempts=attempts,
        **values,
    )
