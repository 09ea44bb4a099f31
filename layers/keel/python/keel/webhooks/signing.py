"""Sign deliveries as Standard Webhooks specifies, and create, encrypt and decrypt the secrets.

A secret is stored encrypted. The encryption context binds it to its account and endpoint, so the ciphertext of one
endpoint is useless at another. See https://www.standardwebhooks.com for the scheme.
"""

import base64
import os
from datetime import UTC, datetime
from functools import lru_cache
from typing import Any, Final

from standardwebhooks import Webhook

from keel import clock
from keel.settings import SigningSettings, load_settings
from keel.storage import clients
from keel.webhooks.models import WebhookEndpoint

PREFIX: Final = "whsec_"
_BYTES: Final = 32
_PREFIX_LENGTH: Final = len(PREFIX) + 4


def new_secret() -> str:
    """A new secret: 32 random bytes."""
    return PREFIX + base64.b64encode(os.urandom(_BYTES)).decode()


def prefix_of(secret: str) -> str:
    """The beginning of a secret, which is shown later to tell secrets apart."""
    return secret[:_PREFIX_LENGTH]


def encrypt(secret: str, account_id: str, endpoint_id: str) -> str:
    response = clients.client("kms").encrypt(
        KeyId=load_settings(SigningSettings).key,
        Plaintext=secret.encode(),
        EncryptionContext=_context(account_id, endpoint_id),
    )
    return base64.b64encode(response["CiphertextBlob"]).decode()


# Each attempt needs the secret, and each call to KMS takes time and is charged.
@lru_cache(maxsize=1_000)
def _decrypt(encrypted: str, account_id: str, endpoint_id: str) -> str:
    response = clients.client("kms").decrypt(
        KeyId=load_settings(SigningSettings).key,
        CiphertextBlob=base64.b64decode(encrypted),
        EncryptionContext=_context(account_id, endpoint_id),
    )
    return bytes(response["Plaintext"]).decode()


def _context(account_id: str, endpoint_id: str) -> dict[str, str]:
    return {"account": account_id, "endpoint": endpoint_id}


def valid_former_secrets(endpoint: WebhookEndpoint, now: int) -> list[dict[str, Any]]:
    """The secrets that were replaced less than a day ago, the newest last."""
    return [former for former in endpoint.former_secrets or [] if former["until"] > now]


def headers(endpoint: WebhookEndpoint, webhook_id: str, body: str, now: int) -> dict[str, str]:
    """The three headers of an attempt that is made now. Within a day of a rotation, both secrets sign."""
    encrypted = [endpoint.secret, *(former["secret"] for former in reversed(valid_former_secrets(endpoint, now)))]
    second = now // clock.SECOND
    moment = datetime.fromtimestamp(second, UTC)
    secrets = [_decrypt(each, endpoint.account_id, endpoint.id) for each in encrypted]
    return {
        "webhook-id": webhook_id,
        "webhook-timestamp": str(second),
        "webhook-signature": " ".join(Webhook(secret).sign(webhook_id, moment, body) for secret in secrets),
    }
