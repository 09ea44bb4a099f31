"""Read and write files in S3 in bounded memory, and create presigned URLs."""

import io
from collections.abc import Sequence
from typing import Any, Final, NamedTuple

from botocore.exceptions import ClientError

from keel.settings import FileSettings, load_settings
from keel.storage import clients

EXPIRES_SECONDS: Final = 3_600

_BLOCK: Final = 1 << 20
_PART: Final = 8 << 20  # of a multipart upload; S3 takes at most 10,000 parts of at least 5 MB
_GONE: Final = frozenset({"404", "NoSuchKey", "NoSuchVersion", "NotFound", "412", "PreconditionFailed"})


class Gone(Exception):
    """There is no such object, or it is no longer the one that was asked for."""


class Object(NamedTuple):
    """An object as it stood at an instant; `version` is "" where the bucket keeps none."""

    key: str
    size: int
    etag: str
    version: str


def _client() -> Any:
    return clients.client("s3")


def signed_put(key: str, content_type: str) -> str:
    """An address that takes one PUT of an object under this key and of this type."""
    parameters = {"Bucket": load_settings(FileSettings).bucket, "Key": key, "ContentType": content_type}
    return str(_client().generate_presigned_url("put_object", Params=parameters, ExpiresIn=EXPIRES_SECONDS))


def signed_get(key: str, file_name: str) -> str:
    """An address from which a browser downloads the object as a file of this name."""
    parameters = {
        "Bucket": load_settings(FileSettings).bucket,
        "Key": key,
        "ResponseContentDisposition": f'attachment; filename="{file_name}"',
    }
    return str(_client().generate_presigned_url("get_object", Params=parameters, ExpiresIn=EXPIRES_SECONDS))


def head(key: str) -> Object | None:
    """What lies under the key now."""
    try:
        answer = _client().head_object(Bucket=load_settings(FileSettings).bucket, Key=key)
    except ClientError as error:
        if error.response["Error"]["Code"] in _GONE:
            return None
        raise
    return Object(key, answer["ContentLength"], answer["ETag"], answer.get("VersionId", ""))


class Blocks(io.RawIOBase):
    """The bytes of an object from a position on, fetched a block at a time.

    Each block is a request of its own, so however slowly they are used up, no connection stays open for it.
    `read` raises `Gone` when the object has been replaced or deleted.
    """

    def __init__(self, source: Object, position: int = 0, *, block: int = _BLOCK) -> None:
        super().__init__()
        self._source = source
        self._position = position
        self._block = block
        self._fetched = memoryview(b"")

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        if not self._fetched:
            self._fetched = memoryview(self._fetch())
        target = memoryview(buffer)
        size = min(len(target), len(self._fetched))
        target[:size] = self._fetched[:size]
        self._fetched = self._fetched[size:]
        return size

    def _fetch(self) -> bytes:
        start, end = self._position, min(self._position + self._block, self._source.size)
        if start >= end:
            return b""
        answer = self._get(Range=f"bytes={start}-{end - 1}", IfMatch=self._source.etag)
        content = bytes(answer["Body"].read())
        if answer["ResponseMetadata"]["HTTPStatusCode"] != 206:  # a server may answer with the whole
            content = content[start:end]
        self._position = end
        return content

    def _get(self, **wanted: str) -> Any:
        """From what lies under the key now, or if that is another object, from the version that was meant."""
        version = {"VersionId": self._source.version} if self._source.version else {}
        for more in ({}, version):
            try:
                return _client().get_object(
                    Bucket=load_settings(FileSettings).bucket, Key=self._source.key, **wanted, **more
                )
            except ClientError as error:
                if error.response["Error"]["Code"] not in _GONE:
                    raise
        raise Gone(self._source.key)


class Stored(NamedTuple):
    """The parts of an object in the making: the upload, "" before there is one, and the tags of its parts."""

    upload: str
    tags: Sequence[str]


NOTHING: Final = Stored("", ())


class Writer:
    """Writes an object of any size; nothing is there before `close`.

    What `stored` gives while `has_pending` is false is all that was written: another writer goes on from there.
    """

    def __init__(self, key: str, content_type: str, stored: Stored = NOTHING) -> None:
        self._object = {"Bucket": load_settings(FileSettings).bucket, "Key": key}
        self._content_type = content_type
        self._pending = bytearray()
        self._upload, tags = stored
        self._tags = list(tags)

    def write(self, content: bytes) -> None:
        self._pending += content
        if len(self._pending) >= _PART:
            self._flush()

    @property
    def has_pending(self) -> bool:
        return bool(self._pending)

    @property
    def stored(self) -> Stored:
        return Stored(self._upload, tuple(self._tags))

    def close(self) -> None:
        if not self._upload:
            _client().put_object(**self._object, Body=bytes(self._pending), ContentType=self._content_type)
            return
        self._flush()
        _client().complete_multipart_upload(
            **self._object,
            UploadId=self._upload,
            MultipartUpload={"Parts": [{"PartNumber": n, "ETag": tag} for n, tag in enumerate(self._tags, 1)]},
        )

    def _flush(self) -> None:
        if not self._upload:
            made = _client().create_multipart_upload(**self._object, ContentType=self._content_type)
            self._upload = made["UploadId"]
        number = len(self._tags) + 1
        answer = _client().upload_part(
            **self._object, UploadId=self._upload, PartNumber=number, Body=bytes(self._pending)
        )
        self._tags.append(answer["ETag"])
        self._pending.clear()
