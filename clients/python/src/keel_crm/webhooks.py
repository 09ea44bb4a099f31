"""Is this webhook from Keel, and what does it say?"""

from collections.abc import Mapping
from typing import Any, TypedDict

from standardwebhooks import Webhook, WebhookVerificationError

from keel_crm.errors import SignatureError


class Event(TypedDict):
    """What a delivery says: `event` such as `contact.created`, and in `data` the record as `get` shows it."""

    event: str
    timestamp: str
    data: dict[str, Any]


def verify(secret: str, headers: Mapping[str, str], body: bytes) -> Event:
    """The event in a delivery; raises `SignatureError` unless it is signed with `secret` and fresh.

    `body` are the bytes as they came. An event may come more than once, always under the same `webhook-id`.
    """
    webhook = Webhook(secret)
    try:
        event: Event = webhook.verify(body, dict(headers))
    # ValueError: headers and bodies that are not even of the right form.
    except (WebhookVerificationError, ValueError) as error:
        raise SignatureError(f"This delivery cannot be trusted: {error}") from None
    return event
