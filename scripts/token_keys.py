"""How are the keys of tokens rotated without anybody noticing? By a new one that everybody knows before it signs.

    token_keys.py      rotates; FORCE=1 does so within a day of the last time, as after a leak

The secret holds the key that signs and the one before. A rotation drops what is older.
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

KEPT: Final = timedelta(days=1)  # tokens live an hour; cursors of a long walk may be older
KNOWN_AFTER: Final = 330  # seconds: functions that are warm look again after five minutes

Ring = dict[str, str]


def added(ring: Ring) -> tuple[Ring, str]:
    """The secret with a new key beside the one that signs, and the new key's name."""
    active = ring["active"]
    number = 1 + max(int(kid.removeprefix("k")) for kid in ring if kid != "active")
    new = f"k{number}"
    return {"active": active, active: ring[active], new: secrets.token_urlsafe(48)}, new


def rotate(client: Any, name: str, *, force: bool, wait: Callable[[float], None] = time.sleep) -> str:
    """Rotate the secret `name`; gives the name of the key that signs from now on."""
    changed = client.describe_secret(SecretId=name)["LastChangedDate"]
    ring: Ring = json.loads(client.get_secret_value(SecretId=name)["SecretString"])
    rotated_before = len(ring) > 2
    if rotated_before and datetime.now(UTC) - changed < KEPT and not force:
        raise SystemExit(
            f"The last rotation was at {changed:%F %R}; the key before it is in use for a day. FORCE=1 goes on."
        )
    ring, new = added(ring)
    client.put_secret_value(SecretId=name, SecretString=json.dumps(ring))
    wait(KNOWN_AFTER)
    client.put_secret_value(SecretId=name, SecretString=json.dumps(ring | {"active": new}))
    return new


def main() -> None:
    name = f"{os.environ.get('STACK', 'keel')}/token-keys"
    print(f"Rotating {name}; this takes {KNOWN_AFTER // 60} minutes …", flush=True)
    try:
        new = rotate(boto3.client("secretsmanager"), name, force=bool(os.environ.get("FORCE")))
    except KeyboardInterrupt:
        sys.exit("Stopped: the new key is known, and the old one goes on signing.")
    print(f"{new} signs from now on.")


if __name__ == "__main__":
    main()
