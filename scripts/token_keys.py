"""Rotate the token-signing keys with no downtime.

    token_keys.py      FORCE=1 rotates again within a day of the last rotation, for example after a leak

The secret holds the signing key and the previous one. A new key signs only after every function has loaded it. A
rotation removes the key before the previous one.
"""

import json
import os
import secrets
import sys
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any, Final

import boto3

KEPT: Final = timedelta(days=1)  # access tokens are valid for an hour at most; a client may use a cursor for longer
KNOWN_AFTER: Final = 330  # seconds after which every function has loaded a new key: they reload after five minutes

KeyRing = dict[str, str]


def with_new_key(ring: KeyRing) -> tuple[KeyRing, str]:
    """The signing key and a new one, and the name of the new key."""
    active = ring["active"]
    number = 1 + max(int(kid.removeprefix("k")) for kid in ring if kid != "active")
    new = f"k{number}"
    return {"active": active, active: ring[active], new: secrets.token_urlsafe(48)}, new


def rotate(client: Any, name: str, *, force: bool, wait: Callable[[float], None] = time.sleep) -> str:
    """Rotate the keys of the secret `name`. Returns the name of the new signing key.

    Exits if the last rotation was less than a day ago, unless `force` is set.
    """
    changed = client.describe_secret(SecretId=name)["LastChangedDate"]
    ring: KeyRing = json.loads(client.get_secret_value(SecretId=name)["SecretString"])
    rotated_before = len(ring) > 2
    if rotated_before and datetime.now(UTC) - changed < KEPT and not force:
        raise SystemExit(
            f"The last rotation was at {changed:%F %R}. The previous key is valid for a day; FORCE=1 ends it now."
        )
    ring, new = with_new_key(ring)
    client.put_secret_value(SecretId=name, SecretString=json.dumps(ring))
    wait(KNOWN_AFTER)
    client.put_secret_value(SecretId=name, SecretString=json.dumps(ring | {"active": new}))
    return new


def main() -> None:
    name = f"{os.environ.get('STACK', 'keel')}/token-keys"
    print(f"Rotating the keys of {name}. This takes about {KNOWN_AFTER // 60} minutes …", flush=True)
    try:
        new = rotate(boto3.client("secretsmanager"), name, force=bool(os.environ.get("FORCE")))
    except KeyboardInterrupt:
        sys.exit("Interrupted. The current key still signs. Run the command again with FORCE=1.")
    print(f"{new} is the signing key now.")


if __name__ == "__main__":
    main()
