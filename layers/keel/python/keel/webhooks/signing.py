"""How does a receiver know that a delivery is Keel's? Secrets, and signatures by Standard Webhooks.

A secret is kept encrypted, bound by the encryption context to its account and endpoint: the ciphertext of
one endpoint is of no use at another. See https://www.standardwebhooks.com for the scheme.
"""

import base64
import os
from datetime import UTC, datetime
from functools import lru_cache
from typing import Any, Final

from standardwebhooks import Webhook

from keel.settings import signing_settings
from keel.storage import clients
from keel.storage.legacy_table import Item

PREFIX: Final = "whsec_"
_BYTES: Final = 32
_SHOWN: Final = len(PREFIX) + 4


def mint() -> str:
    """A new secret; 32 bytes from the system's entropy."""
    return PREFIX + base64.b64encode(os.urandom(_BYTES)).decode()


def shown(secret: str) -> str:
    """As much of it as may be seen later, to tell one from another."""
    return secret[:_SHOWN]


def encrypt(secret: str, account_id: str, endpoint_id: str) -> str:
    answer = clients.client("kms").encrypt(
        KeyId=signing_settings().key,
        Plaintext=secret.encode(),
        EncryptionContext=_context(account_id, endpoint_id),
    )
    return base64.b64encode(answer["CiphertextBlob"]).decode()


# A secret is read at each attempt, and KMS takes its time and its price for each call.
@lru_cache(maxsize=1_000)
def _decrypt(encrypted: str, account_id: str, endpoint_id: str) -> str:
    answer = clients.client("kms").decrypt(
        KeyId=signing_settings().key,
        CiphertextBlob=base64.b64decode(encrypted),
        EncryptionContext=_context(account_id, endpoint_id),
    )
    return bytes(answer["Plaintext"]).decode()


def _context(account_id: str, endpoint_id: str) -> dict[str, str]:
    return {"account": account_id, "endpoint": endpoint_id}


def still_signing(endpoint: Item, now: int) -> list[dict[str, Any]]:
    """The secrets that were replaced less than a day ago, the newest last."""
    return [each for each in endpoint.get("former_secrets", []) if each["until"] > now]


def headers(endpoint: Item, account_id: str, webhook_id: str, body: str, now: int) -> dict[str, str]:
    """The three headers of an attempt made now; within a day of a rotation both secrets sign."""
    encrypted = [endpoint["secret"], *(each["secret"] for each in reversed(still_signing(endpoint, now)))]
    second = now // 1_000
    moment = datetime.fromtimestamp(second, UTC)
    secrets = [_decrypt(each, account_id, endpoint["sk"]) for each in encrypted]
    return {
        "webhook-id": webhook_id,
        "webhook-timestamp": str(second),
        "webhook-signature": " ".join(Webhook(secret).sign(webhook_id, moment, body) for secret in secrets),
    }
