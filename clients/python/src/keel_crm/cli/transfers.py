"""How do files travel? Straight to and from storage, by signed URLs, in bounded memory."""

from collections.abc import Iterator
from pathlib import Path
from typing import IO

import httpx

from keel_crm.errors import ServerError, UnreachableError

_CHUNK = 65_536


def upload(files: httpx.Client, url: str, headers: dict[str, str], file: IO[bytes], size: int) -> None:
    """PUT a file; `headers` are those that the URL was signed for."""
    # Storage takes no chunked transfer: the length is told beforehand.
    sized = headers | {"Content-Length": str(size)}
    try:
        answer = files.put(url, content=_chunks(file), headers=sized)
    except httpx.RequestError as fault:
        raise UnreachableError(f"The file could not be sent: {fault!r}", sent=True) from fault
    _check(answer, "refused the file")


def download(files: httpx.Client, url: str, target: IO[bytes]) -> None:
    try:
        with files.stream("GET", url) as answer:
            _check(answer, "refused to give the file")
            for chunk in answer.iter_bytes(_CHUNK):
                target.write(chunk)
    except httpx.RequestError as fault:
        raise UnreachableError(f"The file could not be fetched: {fault!r}", sent=True) from fault


def check(path: Path) -> None:
    """Raise `OSError` unless the file can be saved: before somebody waits for it."""
    part = _part(path)
    try:
        part.open("wb").close()
        part.unlink()
    except OSError as error:
        raise OSError(error.errno, error.strerror, str(path)) from None


def save(files: httpx.Client, url: str, path: Path) -> None:
    """Download into a file, which is there whole or not at all."""
    part = _part(path)
    try:
        with part.open("wb") as target:
            download(files, url, target)
        part.replace(path)
    finally:
        part.unlink(missing_ok=True)


def _part(path: Path) -> Path:
    return path.with_name(f"{path.name}.part")


def _chunks(file: IO[bytes]) -> Iterator[bytes]:
    while chunk := file.read(_CHUNK):
        yield chunk


def _check(answer: httpx.Response, what: str) -> None:
    # The answer's text is not shown: it may repeat the signed URL.
    if answer.status_code >= 300:
        code = "client.transfer_failed"
        raise ServerError(code, f"Storage {what} (status {answer.status_code}).", status=answer.status_code)
