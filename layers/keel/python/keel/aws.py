"""How does Keel reach AWS? One botocore session, a client of each service made on first use."""

from functools import cache
from typing import Any

from botocore.config import Config
from botocore.session import Session, get_session

from keel import dynamodb_json

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
# checksum that botocore adds would be one more header for whoever uses them.
_OF_SERVICE = {"s3": Config(signature_version="s3v4", request_checksum_calculation="when_required")}


@cache
def _session() -> Session:
    # A second session would cost 100 ms: it reads and compiles the service data again.
    return get_session()


@cache
def client(service: str) -> Any:
    """The client of a service, `dynamodb` for example; it is safe to share between threads."""
    made = _session().create_client(service, config=_CONFIG.merge(_OF_SERVICE.get(service, Config())))
    if service == "dynamodb":
        dynamodb_json.pass_through(made)
    return made
