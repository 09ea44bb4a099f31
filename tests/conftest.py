"""Run the system in this process: real handlers, DynamoDB Local, and stand-ins for the other services."""

import functools
import io
import json
import os
import uuid
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from types import ModuleType
from typing import Any, Protocol

import pytest
from argon2 import PasswordHasher

import template
from tests.harness.accounts import Account
from tests.harness.conformance import hold
from tests.harness.dynamodb_local import dynamodb_local
from tests.harness.functions import Functions
from tests.harness.gateway import Answer, Session, answer_of, fresh_address, request_event
from tests.harness.sealed import sealed
from tests.harness.stand_ins import REGION, STACK, StandIns
from tests.harness.streams import Pump
from tests.harness.wire import Injection, Trips, Wire

# So high that no test meets them but those that set them.
GENEROUS = {
    f"Rate{name}": "10000/10000" for name in ("Public", "User", "App", "Login", "ForgotPassword", "ResetPassword")
}
PASSWORD = "correct horse battery"

_environment = pytest.MonkeyPatch()


def pytest_configure() -> None:
    """Modules of the layer that tests import find the environment of a function, with credentials that open nothing."""
    for name in [name for name in os.environ if name.startswith(("AWS_", "KEEL_", "POWERTOOLS_"))]:
        _environment.delenv(name)
    for name, value in {
        "AWS_ACCESS_KEY_ID": "testing",
        "AWS_SECRET_ACCESS_KEY": "testing",
        "AWS_DEFAULT_REGION": REGION,
        "AWS_REGION": REGION,
        "AWS_EC2_METADATA_DISABLED": "true",
        "AWS_CONFIG_FILE": os.devnull,
        "AWS_SHARED_CREDENTIALS_FILE": os.devnull,
        "POWERTOOLS_SERVICE_NAME": "keel",
        "POWERTOOLS_LOG_LEVEL": "INFO",
        "POWERTOOLS_METRICS_NAMESPACE": STACK,
    }.items():
        _environment.setenv(name, value)


def pytest_unconfigure() -> None:
    _environment.undo()


@pytest.fixture(scope="session", autouse=True)
def _sealed() -> Iterator[None]:
    with sealed():
        yield


@pytest.fixture(scope="session")
def wire() -> Wire:
    return Wire()


@pytest.fixture(scope="session")
def stand_ins(wire: Wire) -> Iterator[StandIns]:
    """AWS for the session: the table in DynamoDB Local, all else in moto."""
    from moto import mock_aws

    from keel.storage import clients

    with dynamodb_local() as endpoint, pytest.MonkeyPatch.context() as patch:
        for service in ("DYNAMODB", "DYNAMODB_STREAMS"):
            patch.setenv(f"AWS_ENDPOINT_URL_{service}", endpoint)
        with mock_aws(config={"core": {"mock_credentials": False, "passthrough": {"urls": [endpoint]}}}):
            clients._create.cache_clear()
            clients.session.cache_clear()
            wire.attach(clients.session().events.register)
            yield StandIns(GENEROUS)
            clients.client("dynamodb").close()


@pytest.fixture(scope="session")
def _hasher() -> Callable[[], PasswordHasher]:
    from keel.users import password_hashing

    return password_hashing.hasher


@pytest.fixture
def costly_passwords(functions: Functions, _hasher: Callable[[], PasswordHasher], monkeypatch: Any) -> None:
    """Passwords are hashed as they are on AWS, for a test that is about that."""
    from keel.users import password_hashing

    monkeypatch.setattr(password_hashing, "hasher", _hasher)


@pytest.fixture(scope="session")
def functions(stand_ins: StandIns, _hasher: Callable[[], PasswordHasher]) -> Iterator[Functions]:
    from keel.users import password_hashing

    # The real work for each account that a test opens would be half of what the tests take.
    cheap = PasswordHasher(time_cost=1, memory_cost=8, parallelism=1)
    functions = Functions(stand_ins)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(password_hashing, "hasher", lambda: cheap)
        yield functions
    functions.reset()


@pytest.fixture
def function(functions: Functions) -> Callable[[str], ModuleType]:
    """functions/<name>/app.py as a module: `function("contacts").handler`."""
    return functions.module


@pytest.fixture
def invoke(functions: Functions) -> Callable[[str, dict[str, Any]], Any]:
    """`invoke("mailer", event)` runs the handler of a function in its environment."""
    return functions.invoke


class Call(Protocol):
    """Calls an operation; see `call`."""

    def __call__(
        self,
        operation: str,
        body: Any = None,
        *,
        token: str | None = None,
        headers: dict[str, str] | None = None,
        raw: str | bytes | None = None,
        method: str = "POST",
        address: str | None = None,
    ) -> Answer: ...


@functools.cache
def _routes() -> dict[tuple[str, str], str]:
    return template.routes()


@pytest.fixture
def call(functions: Functions) -> Call:
    """Runs the real handler on the event that the gateway would pass to it, the one that the template's routes name.

    `raw` replaces the JSON body; an operation that begins with "/" is a path of its own.
    """
    own_address = fresh_address()

    def call(
        operation: str, body: Any = None, *, method: str = "POST", address: str | None = None, **rest: Any
    ) -> Answer:
        event = request_event(operation, body, method=method, address=address or own_address, **rest)
        routes = _routes()
        folder = routes.get(("ANY", event["path"]), routes["ANY", "/{proxy+}"])
        answer = answer_of(functions.invoke(folder, event))
        if method == "POST":
            hold(operation, answer.status, answer.body)
        return answer

    return call


@pytest.fixture
def owner(call: Call, functions: Functions) -> Callable[..., Session]:
    """Opens a fresh account and gives its owner, logged in: `owner().token`. Each call makes another account."""

    def owner(**fields: Any) -> Session:
        email = f"{uuid.uuid4().hex}@example.com"
        body = {"email": email, "password": PASSWORD, "name": "Ada Owner"} | fields
        if not (template.ROOT / "functions/auth").exists():
            return _planted(body, functions)
        result = call("auth-register", body, address=fresh_address()).result
        return Session(result["access_token"], result["refresh_token"], result["user"], body["password"])

    return owner


@pytest.fixture
def accounts(call: Call, owner: Callable[..., Session]) -> Callable[[], Account]:
    """`accounts()` opens another account and gives it as its owner uses it."""
    return lambda: Account(call, owner())


@pytest.fixture
def account(accounts: Callable[[], Account]) -> Account:
    return accounts()


def _planted(body: dict[str, Any], functions: Functions) -> Session:
    from keel import clock, ids
    from keel.api import access_tokens, principals
    from tests.harness import items

    now = clock.now()
    account_id, user_id = ids.mint(now), ids.mint(now)
    times = {"created_at": clock.text(now), "updated_at": clock.text(now)}
    user = {"email": body["email"], "name": body["name"], "role": "owner", "must_change_password": False, **times}
    with functions.running("contacts"):
        key = principals.user_key(account_id, user_id)
        items.write([{"pk": key.pk, "sk": key.sk, "kind": "user", "epoch": 1, **user}])
        token = access_tokens.issue(access_tokens.AccessToken("user", account_id, user_id, ids.mint(now), 1))
    shown = {"id": user_id, "account_id": account_id, "deactivated_at": None, **user}
    return Session(token, "", shown, body["password"])


@pytest.fixture
def rates(functions: Functions) -> Iterator[Callable[..., None]]:
    """Sets rates until the test ends: `rates(user="2/4", public="1/1")`; `rates()` sets all that the template has."""

    def rates(**wanted: str) -> None:
        declared = template.load()["Parameters"]
        defaults = {name: declared[name]["Default"] for name in GENEROUS}
        chosen = {f"Rate{name.title().replace('_', '')}": rate for name, rate in wanted.items()} or defaults
        variables = {
            "RATE" + "".join(f"_{c}" if c.isupper() else c.upper() for c in n[4:]): r for n, r in chosen.items()
        }
        functions.override(variables)

    yield rates
    functions.reset()


@pytest.fixture
def setting(functions: Functions) -> Iterator[Callable[..., None]]:
    """Sets environment variables of the functions until the test ends: `setting(ALLOWED_ORIGINS="https://a.example")`."""

    def setting(**variables: str) -> None:
        functions.override(variables)

    yield setting
    functions.reset()


@pytest.fixture
def round_trips(wire: Wire) -> Callable[[], AbstractContextManager[Trips]]:
    """`with round_trips() as trips:` notes the calls to DynamoDB: `trips.calls`, `.read_units`, `.write_units`."""
    return wire.counting


@pytest.fixture
def inject(wire: Wire) -> Iterator[Callable[..., Injection]]:
    """Makes calls to DynamoDB fail: `inject("TransactWriteItems", conflict(), times=2)`.

    The operation may be "*". The error is an answer (`refusal`, `conflict` of tests.harness.wire) or an exception,
    `Killed()` for a process that dies. `skip` lets so many calls pass first; `after=True` fails a call
    that has taken effect. botocore's own retries lie below: an injected answer is the one
    that is left when they are used up.
    """

    def inject(
        operation: str, error: BaseException | dict[str, Any], times: int = 1, *, skip: int = 0, after: bool = False
    ) -> Injection:
        injection = Injection(operation, error, times, skip, after)
        wire.inject(injection)
        return injection

    yield inject
    wire.clear()


@pytest.fixture
def pump(stand_ins: StandIns, functions: Functions) -> Pump:
    """`pump("mailer")` hands the workers what came for them since the last call, or the test's begin."""
    pump = Pump(stand_ins, functions)
    pump.start()
    return pump


@pytest.fixture
def log_lines() -> Iterator[Callable[[], list[dict[str, Any]]]]:
    """What the functions have logged since the last call, the first time since the test began."""
    from keel.logs import logger

    handler: Any = logger.registered_handler
    written = io.StringIO()
    before = handler.setStream(written)

    def log_lines() -> list[dict[str, Any]]:
        lines = written.getvalue().splitlines()
        written.seek(0)
        written.truncate()
        return [json.loads(line) for line in lines]

    yield log_lines
    handler.setStream(before)
