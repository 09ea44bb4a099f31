"""Upload and download files by signed URLs, in bounded memory."""

from collections.abc import Iterator
from pathlib import Path
from typing import IO

import httpx

from keel_crm.errors import ServerError, UnreachableError

_CHUNK = 65_536


def upload(files: httpx.Client, url: str, headers: dict[str, str], file: IO[bytes], size: int) -> None:
    """PUT a file. `headers` are those that the URL was signed for."""
    # S3 does not accept chunked transfers: send the length.
    sized = headers | {"Content-Length": str(size)}
    try:
        response = files.put(url, content=_chunks(file), headers=sized)
    except httpx.RequestError as error:
        raise UnreachableError(f"The file could not be uploaded: {error!r}", sent=True) from error
    _check(response, "rejected the upload")


def download(files: httpx.Client, url: str, target: IO[bytes]) -> None:
    try:
        with files.stream("GET", url) as response:
            _check(response, "rejected the download")
            for chunk in response.iter_bytes(_CHUNK):
                target.write(chunk)
    except httpx.RequestError as error:
        raise UnreachableError(f"The file could not be downloaded: {error!r}", sent=True) from error


def check(path: Path) -> None:
    """Raise `OSError` if the file cannot be written."""
    part = _part(path)
    try:
        part.open("wb").close()
        part.unlink()
    except OSError as error:
        raise OSError(error.errno, error.strerror, str(path)) from None


def save(files: httpx.Client, url: str, path: Path) -> None:
    """Download into a file. The file is complete, or it does not exist."""
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


def _check(response: httpx.Response, result: str) -> None:
    # The body is not shown: it may contain the signed URL.
    if response.status_code >= 300:
        message = f"Storage {result} (status {response.status_code})."
        raise ServerError("client.transfer_failed", message, status=response.status_code)
