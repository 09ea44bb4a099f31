"""Verify webhook deliveries."""

import base64
from collections.abc import Mapping
from typing import Any, TypedDict

from standardwebhooks import Webhook, WebhookVerificationError

from keel_crm.errors import SignatureError


class Event(TypedDict):
    """The body of a delivery: `event`, such as `contact.created`, and in `data` the record as `get` returns it."""

    event: str
    timestamp: str
    data: dict[str, Any]


def verify(secret: str, headers: Mapping[str, str], body: bytes) -> Event:
    """Verify a delivery and return its event.

    Args:
        secret: the secret of the endpoint, which begins with `whsec_`.
        headers: the headers of the request.
        body: the raw bytes of the body.

    Raises:
        SignatureError: if the signature does not match, or the timestamp is more than five minutes off.

    An event can be delivered more than once, always with the same `webhook-id`.
    """
    webhook = Webhook(_key(secret))
    try:
        event: Event = webhook.verify(body, dict(headers))
    # ValueError: malformed headers or body.
    except (WebhookVerificationError, ValueError) as error:
        raise SignatureError(f"This delivery could not be verified: {error}") from None
    return event


def _key(secret: str) -> bytes:
    """The signing key in a secret."""
    try:
        key = base64.b64decode(secret.removeprefix("whsec_") + "==") if secret else b""
    except ValueError:
        key = b""
    if not key:
        raise SignatureError("This is not the secret of a webhook endpoint: it must begin with whsec_.")
    return key
