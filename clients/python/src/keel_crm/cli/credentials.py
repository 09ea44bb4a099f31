"""Store the session of the command line in files that only their owner can read."""

import hashlib
import json
import os
import sys
import tempfile
from pathlib import Path
from typing import IO

import typer

from keel_crm.tokens import Tokens


def folder() -> Path:
    """KEEL_CONFIG_DIR, or the platform's folder for settings."""
    return Path(os.environ.get("KEEL_CONFIG_DIR") or typer.get_app_dir("keel"))


def _write(path: Path, text: str) -> None:
    """Write a file atomically. At no time can others read it."""
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    # mkstemp creates it with mode 0600.
    handle, name = tempfile.mkstemp(dir=path.parent, prefix=".new-")
    with os.fdopen(handle, "w") as file:
        file.write(text)
    Path(name).replace(path)


def remember_url(url: str) -> None:
    _write(folder() / "url", url + "\n")


def remembered_url() -> str:
    try:
        return (folder() / "url").read_text().strip()
    except FileNotFoundError:
        return ""


class FileTokens:
    """The tokens for one URL, in a file. Processes that share the file renew the tokens one at a time."""

    def __init__(self, url: str) -> None:
        name = hashlib.sha256(url.encode()).hexdigest()[:16]
        self._url = url
        self._path = folder() / "credentials" / f"{name}.json"
        self._lock: IO[bytes] | None = None

    def load(self) -> Tokens | None:
        try:
            stored = json.loads(self._path.read_text())
        except (FileNotFoundError, ValueError):
            return None
        return Tokens(stored["access_token"], stored["refresh_token"], stored["expires_at"])

    def save(self, tokens: Tokens | None) -> None:
        if tokens is None:
            self._path.unlink(missing_ok=True)
        else:
            _write(self._path, json.dumps({"url": self._url, **vars(tokens)}))

    def acquire(self) -> bool:
        self._path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        file = self._path.with_suffix(".lock").open("wb")
        if _locks(file):
            self._lock = file
            return True
        file.close()
        return False

    def release(self) -> None:
        if self._lock is not None:
            self._lock.close()  # closing releases the lock, as the end of the process does
            self._lock = None


if sys.platform == "win32":
    import msvcrt

    def _locks(file: IO[bytes]) -> bool:
        try:
            msvcrt.locking(file.fileno(), msvcrt.LK_NBLCK, 1)
        except OSError:
            return False
        return True

else:
    import fcntl

    def _locks(file: IO[bytes]) -> bool:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return False
        return True
