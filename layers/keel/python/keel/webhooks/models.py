"""Define the stored items of webhooks: endpoints, deliveries, due retries and markers of failing endpoints.

| item | pk | sk | read |
| --- | --- | --- | --- |
| endpoint | `<account>#webhook_endpoint` | `<id>` | by id; all of an account, oldest first |
| delivery | `<account>#webhook_delivery#<endpoint>` | `<id>` | by id; newest first, since ids sort by time |
| due retry | `webhook_due#<shard>` | `<time>#<delivery>` | all before a time |
| failing marker | `webhook_failing` | `<time>#<endpoint's pk>#<endpoint's sk>` | all before a time |
"""

import hashlib
from typing import Final

from pynamodb.attributes import BooleanAttribute, UnicodeAttribute

from keel.storage import table
from keel.storage.attribute_types import (
    DocumentListAttribute,
    IntegerAttribute,
    OptionalIntegerAttribute,
    OptionalTextAttribute,
    TextListAttribute,
)
from keel.storage.models import Item, Key

DUE_SHARDS: Final = 8  # the partitions of due retries, of which none becomes hot
FAILING: Final = "webhook_failing"


class WebhookEndpoint(Item, discriminator="webhook_endpoint"):
    """An endpoint, its health, its leases and the pacing of its deliveries. Times are in milliseconds, unless texts."""

    url = UnicodeAttribute()
    description = UnicodeAttribute()
    events = TextListAttribute()
    is_active = BooleanAttribute()
    disabled_reason = UnicodeAttribute()
    secret = UnicodeAttribute(null=True)  # encrypted; removed with the endpoint
    secret_prefix = UnicodeAttribute()
    former_secrets = DocumentListAttribute(null=True)  # `{"secret": encrypted, "until": time}`, the newest last
    created_by = UnicodeAttribute()
    created_at = UnicodeAttribute()
    updated_at = UnicodeAttribute()
    revision = IntegerAttribute()  # moves with each change that clients see
    # A deleted endpoint is kept without its secrets for as long as its deliveries can be read.
    deleted_at = OptionalTextAttribute()
    ttl = OptionalIntegerAttribute()

    last_success_at = OptionalTextAttribute()
    last_failure_at = OptionalTextAttribute()
    failing_since = OptionalTextAttribute()  # the first failure after the last success
    last_duration = OptionalIntegerAttribute(attr_name="last_took")
    slow_duration = OptionalIntegerAttribute(attr_name="slow_took")
    slow_until = OptionalIntegerAttribute()
    next_send_at = OptionalIntegerAttribute(attr_name="turn")  # of a slow endpoint
    # When each lease expires. A lease that was released is not stored.
    lease_0 = OptionalIntegerAttribute(attr_name="slot_0")
    lease_1 = OptionalIntegerAttribute(attr_name="slot_1")
    lease_2 = OptionalIntegerAttribute(attr_name="slot_2")

    @property
    def id(self) -> str:
        return str(self.sk)

    @property
    def leases(self) -> list[int]:
        """When each lease expires, 0 for one that was released."""
        return [self.lease_0 or 0, self.lease_1 or 0, self.lease_2 or 0]


IS_ACTIVE: Final = WebhookEndpoint.is_active == True  # noqa: E712 - an expression


class WebhookDelivery(Item, discriminator="webhook_delivery"):
    """An event on its way to an endpoint, and its attempts."""

    event = UnicodeAttribute()
    status = UnicodeAttribute()  # pending, succeeded or failed
    # The attempts of the retry schedule. Redeliveries are not counted, but are in `attempts` as well.
    scheduled_attempts = IntegerAttribute(attr_name="tried")
    attempts = DocumentListAttribute()  # as clients see them, the newest last
    payload = UnicodeAttribute()  # the body, the same in every attempt
    created_at = UnicodeAttribute()
    next_attempt_at = OptionalTextAttribute()
    claimed_until = OptionalIntegerAttribute()  # by the worker that makes an attempt
    claims = OptionalIntegerAttribute()
    ttl = IntegerAttribute()

    @property
    def id(self) -> str:
        return str(self.sk)

    @property
    def endpoint_id(self) -> str:
        return str(self.pk).rpartition("#")[2]


class DueRetry(Item, discriminator="webhook_due"):
    """A message of the delivery queue or the overflow queue that is due later than a queue can delay it."""

    owner_account_id = UnicodeAttribute(attr_name="account_id")
    endpoint_id = UnicodeAttribute()
    delivery_id = UnicodeAttribute()
    number = IntegerAttribute()
    paced = BooleanAttribute()

    @property
    def due_at(self) -> str:
        return str(self.sk).partition("#")[0]


class FailingMarker(Item, discriminator=FAILING):
    """An endpoint that began to fail at the time in the key. The endpoint tells whether it still does."""

    endpoint_pk = UnicodeAttribute()
    endpoint_sk = UnicodeAttribute()


def endpoint_key(account_id: str, endpoint_id: str) -> Key:
    return Key(table.partition(account_id, "webhook_endpoint"), endpoint_id)


def delivery_key(account_id: str, endpoint_id: str, delivery_id: str) -> Key:
    return Key(table.partition(account_id, f"webhook_delivery#{endpoint_id}"), delivery_id)


def due_partition(shard: int) -> str:
    return f"webhook_due#{shard}"


def due_key(due_at: str, delivery_id: str) -> Key:
    shard = hashlib.sha256(delivery_id.encode()).digest()[0] % DUE_SHARDS
    return Key(due_partition(shard), f"{due_at}#{delivery_id}")


def failing_key(since: str, endpoint: Key) -> Key:
    return Key(FAILING, f"{since}#{endpoint.pk}#{endpoint.sk}")
