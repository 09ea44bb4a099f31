"""Build, list and find deliveries, which are kept for 30 days.

The id of a delivery derives from its event and endpoint, so an event that is received twice is one delivery. It is the
`webhook-id` of every attempt. It also identifies the partition: some of its bits are a hash of the endpoint's id, so a
delivery is found by its id alone, without an index item.
"""

import hashlib
import json
from collections.abc import Sequence
from typing import Any, Final

from pynamodb.expressions.condition import Condition
from pynamodb.expressions.update import Action

from keel import clock, ids
from keel.api import pagination
from keel.api.authorizer import Caller
from keel.errors import ApiError
from keel.storage import table
from keel.storage.table import Write
from keel.webhooks import endpoints
from keel.webhooks.models import WebhookDelivery, WebhookEndpoint, delivery_key
from keel.webhooks.schemas import DeliveriesList

INACTIVE: Final = "Not sent: the endpoint was inactive."
DELETED: Final = "Not sent: the endpoint was deleted."
STATUSES: Final = frozenset({"pending", "succeeded", "failed"})

_TAG_BYTES: Final = 3
_RANDOM_BYTES: Final = 10
# The tag avoids the two bytes that contain the version and the variant of a UUID.
_TAG_AT: Final = slice(4, 4 + _TAG_BYTES)
_ATTEMPTS: Final = 50  # in the log of a delivery
_READ_AT_MOST: Final = 1_000

View = dict[str, Any]


def id_of(event_id: str, endpoint_id: str, milliseconds: int) -> str:
    """The id of the delivery of an event to an endpoint. Ids sort by the time of the event."""
    derived = bytearray(hashlib.sha256(f"{event_id}\0{endpoint_id}".encode()).digest()[:_RANDOM_BYTES])
    derived[_TAG_AT] = _tag(endpoint_id)
    return ids.from_bits(milliseconds, bytes(derived))


def _tag(endpoint_id: str) -> bytes:
    return hashlib.sha256(endpoint_id.encode()).digest()[:_TAG_BYTES]


def _may_belong_to(delivery_id: str, endpoint_id: str) -> bool:
    return bytes.fromhex(delivery_id.replace("-", ""))[6:][_TAG_AT] == _tag(endpoint_id)


def build(endpoint: WebhookEndpoint, event_id: str, payload: View, milliseconds: int) -> WebhookDelivery:
    """A delivery before its first attempt. `payload` is the body that every attempt sends."""
    key = delivery_key(endpoint.account_id, endpoint.id, id_of(event_id, endpoint.id, milliseconds))
    return WebhookDelivery(
        *key,
        event=payload["event"],
        status="pending",
        scheduled_attempts=0,
        attempts=[],
        payload=json.dumps(payload, ensure_ascii=False, separators=(",", ":")),
        created_at=clock.text(milliseconds),
        ttl=(milliseconds + endpoints.KEPT) // clock.SECOND,
    )


def present(delivery: WebhookDelivery) -> View:
    """A delivery as a client sees it."""
    return {
        "id": delivery.id,
        "endpoint_id": delivery.endpoint_id,
        "event": delivery.event,
        "status": delivery.status,
        "attempts": delivery.attempts,
        "next_attempt_at": delivery.next_attempt_at,
        "payload": json.loads(delivery.payload),
        "created_at": delivery.created_at,
    }


def find(caller: Caller, delivery_id: str) -> tuple[WebhookDelivery, WebhookEndpoint]:
    """A delivery by its id, and its endpoint. Raises `invalid_id` and `not_found`."""
    id_ = ids.parse(delivery_id)
    if id_ is None:
        raise ApiError.for_field("webhooks.invalid_id", "delivery_id")
    for endpoint in endpoints.of_account(caller.account_id):
        if _may_belong_to(id_, endpoint.id):
            delivery = table.get(WebhookDelivery, delivery_key(caller.account_id, endpoint.id, id_))
            if delivery is not None and not _is_expired(delivery):
                return delivery, endpoint
    raise ApiError("webhooks.not_found")


def _is_expired(delivery: WebhookDelivery) -> bool:
    """Whether its 30 days are over. DynamoDB may take two more days to remove it."""
    return bool(delivery.created_at <= clock.text(clock.now() - endpoints.KEPT))


def page(caller: Caller, body: DeliveriesList) -> View:
    """Deliveries of an endpoint, newest first. Those of a deleted endpoint can be read for as long as they are kept."""
    endpoint_id = ids.parse(body.endpoint_id)
    if endpoint_id is None:
        raise ApiError.for_field("webhooks.invalid_id", "endpoint_id")
    if body.status is not None and body.status not in STATUSES:
        raise ApiError.for_field("webhooks.invalid_request", "status", "status must be pending, succeeded or failed.")
    scope = (caller.account_id, "webhooks-deliveries", endpoint_id, body.status)
    before = pagination.position(body.cursor, "webhooks", *scope)
    endpoints.find(caller.account_id, endpoint_id, with_deleted=True, field="endpoint_id")
    pk = delivery_key(caller.account_id, endpoint_id, "").pk
    deliveries, next_position = _matching(pk, before, body.status, body.limit)
    return pagination.page([present(delivery) for delivery in deliveries], next_position, *scope)


def _matching(pk: str, before: str, status: str | None, limit: int) -> tuple[list[WebhookDelivery], str]:
    """At most `limit` deliveries before a position, and the position of the next page, "" at the end.

    The number of items that one call reads is bounded, so a page can be short and still have a next one.
    """
    matching: list[WebhookDelivery] = []
    read = 0
    while read < _READ_AT_MOST:
        page = table.query(pk, before=before, newest_first=True, limit=limit + 1)
        for delivery in page.items:
            if not isinstance(delivery, WebhookDelivery):
                continue
            if _is_expired(delivery):
                return matching, ""
            if len(matching) == limit:
                return matching, before
            before = delivery.id
            if status in (None, delivery.status):
                matching.append(delivery)
        read += len(page.items)
        if not page.more:
            return matching, ""
    return matching, before


def log_entry(at: int, status_code: int | None, error: str, duration: int) -> View:
    """An attempt as the log of a delivery has it. `status_code` is None without a response."""
    return {"at": clock.text(at), "status_code": status_code, "error": error, "duration_ms": duration}


def unsent_entry(reason: str, now: int) -> View:
    """The log entry of an attempt that sent nothing."""
    return log_entry(now, None, reason, 0)


def record_attempt(delivery: WebhookDelivery, attempt: View, actions: Sequence[Action], condition: Condition) -> Write:
    """The write that appends an attempt to the delivery's log and carries out the other actions."""
    attempts = WebhookDelivery.attempts
    if len(delivery.attempts) < _ATTEMPTS:
        append = attempts.set(attempts.append([attempt]))
    else:  # it was redelivered very often
        append = attempts.set([*delivery.attempts[1 - _ATTEMPTS :], attempt])
    return table.update(WebhookDelivery, delivery.key, [append, *actions], condition)
