"""Is this webhook from Keel, and what does it say?"""

import base64
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
    webhook = Webhook(_key(secret))
    try:
        event: Event = webhook.verify(body, dict(headers))
    # ValueError: headers and bodies that are not even of the right form.
    except (WebhookVerificationError, ValueError) as error:
        raise SignatureError(f"This delivery cannot be trusted: {error}") from None
    return event


def _key(secret: str) -> bytes:
    """The bytes that a secret stands for."""
    try:
        key = base64.b64decode(secret.removeprefix("whsec_") + "==") if secret else b""
    except ValueError:
        key = b""
    if not key:
        raise SignatureError("What was given to verify is no endpoint's secret: those begin with whsec_.")
    return key
