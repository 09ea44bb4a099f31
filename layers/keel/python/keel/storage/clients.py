"""Create the boto3 clients of the process: one session, one client per service, on first use."""

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor, wait
from functools import cache
from threading import Lock
from typing import TYPE_CHECKING, Any, Final, Literal, TypeVar, overload

from boto3.session import Session
from botocore.config import Config

from keel.storage import read_hook

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient
    from mypy_boto3_events import EventBridgeClient
    from mypy_boto3_kms import KMSClient
    from mypy_boto3_s3 import S3Client
    from mypy_boto3_secretsmanager import SecretsManagerClient
    from mypy_boto3_sesv2 import SESV2Client
    from mypy_boto3_sqs import SQSClient

T = TypeVar("T")
R = TypeVar("R")

CONCURRENT_CALLS: Final = 8  # of one process; a client keeps ten connections

# botocore's default time-outs of 60 s outlive every function. Its default retry mode, "legacy", does not retry
# throttled calls with jitter.
_CONFIG: Final = Config(
    connect_timeout=2,
    read_timeout=5,
    retries={"mode": "standard", "total_max_attempts": 4},
    parameter_validation=False,
    tcp_keepalive=True,
    user_agent="keel",  # botocore builds its own for each call, which is a twelfth of a call's CPU time
)

# Signature version 4 binds a presigned URL to everything that it names. A checksum would be one more header that
# whoever uses the URL has to send.
_S3_CONFIG: Final = Config(signature_version="s3v4", request_checksum_calculation="when_required")

_lock: Final = Lock()


@cache
def session() -> Session:
    """The session of the process. A second one would read and compile botocore's service data again."""
    return Session()


@overload
def client(service: Literal["dynamodb"]) -> "DynamoDBClient": ...
@overload
def client(service: Literal["events"]) -> "EventBridgeClient": ...
@overload
def client(service: Literal["kms"]) -> "KMSClient": ...
@overload
def client(service: Literal["s3"]) -> "S3Client": ...
@overload
def client(service: Literal["secretsmanager"]) -> "SecretsManagerClient": ...
@overload
def client(service: Literal["sesv2"]) -> "SESV2Client": ...
@overload
def client(service: Literal["sqs"]) -> "SQSClient": ...


def client(service: Any) -> Any:
    """The client of a service. Threads share it."""
    with _lock:  # boto3 does not create clients thread-safely
        return _create(service)


@cache
def _create(service: Any) -> Any:
    config = _CONFIG.merge(_S3_CONFIG) if service == "s3" else _CONFIG
    created = session().client(service, config=config)
    if service == "dynamodb":
        read_hook.register(created.meta.events)
    return created


@cache
def threads() -> ThreadPoolExecutor:
    """The pool for concurrent calls. A task in it must not wait for another task in it."""
    return ThreadPoolExecutor(CONCURRENT_CALLS)


def map_concurrently(call: Callable[[T], R], arguments: Sequence[T]) -> list[R]:
    """The results of `call` for each argument, in order, made at the same time.

    Returns or raises only after every call has ended.
    """
    if len(arguments) <= 1:
        return list(map(call, arguments))
    running = [threads().submit(call, each) for each in arguments]
    wait(running)
    return [each.result() for each in running]
