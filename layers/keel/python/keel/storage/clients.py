"""How does Keel reach AWS? One botocore session, a client of each service made on first use."""

import os
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor, wait
from functools import cache
from threading import Lock
from typing import Any, Final, TypeVar

from botocore.config import Config
from botocore.session import Session, get_session

T = TypeVar("T")
R = TypeVar("R")

AT_ONCE: Final = 8  # calls of one process; a client keeps ten connections

# botocore's own time-outs (60 s each) outlive every function; its default of legacy retries does not
# retry throttled calls with jitter.
_CONFIG = Config(
    connect_timeout=2,
    read_timeout=5,
    retries={"mode": "standard", "total_max_attempts": 4},
    parameter_validation=False,
    tcp_keepalive=True,
    user_agent="keel",  # botocore's own is put together anew for each call: a twelfth of a call's processor time
)


# Signed addresses are bound to everything that they name only in the fourth version of the signature; a
# checksum that botocore adds would be one more header for whoever uses them. A call of DynamoDB has been tried once
# when it comes to its client, see `keel.storage.dynamodb`.
_OF_SERVICE = {
    "s3": Config(signature_version="s3v4", request_checksum_calculation="when_required"),
    "dynamodb": Config(retries={"mode": "standard", "total_max_attempts": 3}),
}

_making: Final = Lock()


@cache
def _session() -> Session:
    # A second session would cost 100 ms: it reads and compiles the service data again.
    return get_session()


def client(service: str) -> Any:
    """The client of a service, `dynamodb` for example; it is safe to share between threads."""
    with _making:  # or each of the first calls at once would make one
        return _made(service)


@cache
def _made(service: str) -> Any:
    return _session().create_client(service, config=_CONFIG.merge(_OF_SERVICE.get(service, Config())))


@cache
def threads() -> ThreadPoolExecutor:
    """For calls that are made at the same time. What runs there must not wait for others there."""
    return ThreadPoolExecutor(AT_ONCE)


def map_concurrently(call: Callable[[T], R], arguments: Sequence[T]) -> list[R]:
    """What a call gives for each of these, all at the same time; none goes on when this ends, or raises."""
    if len(arguments) <= 1:
        return list(map(call, arguments))
    running = [threads().submit(call, each) for each in arguments]
    wait(running)
    return [each.result() for each in running]


def credentials() -> Any:
    """By what the clients sign."""
    return _session().get_credentials()


def trusted() -> Any:
    """The file of the authorities that the clients trust, True for botocore's own."""
    return _session().get_config_variable("ca_bundle") or os.environ.get("REQUESTS_CA_BUNDLE") or True
