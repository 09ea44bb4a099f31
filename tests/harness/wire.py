"""Count the DynamoDB calls of the code under test, and make chosen ones fail."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from types import SimpleNamespace
from typing import Any, Final

from botocore.exceptions import ClientError, ConnectionClosedError
from botocore.httpsession import URLLib3Session

from tests.harness import permissions

_READS: Final = frozenset({"GetItem", "BatchGetItem", "TransactGetItems", "Query", "Scan"})
_WRITES: Final = frozenset(
    {"PutItem", "UpdateItem", "DeleteItem", "BatchWriteItem", "TransactWriteItems"},
)


class Killed(BaseException):
    """Stands for the death of a process: no `except Exception` catches it."""


@dataclass
class Trips:
    """The DynamoDB calls of a block, in order, with the units that the engine charged for them."""

    calls: list[str] = field(default_factory=list)
    read_units: float = 0.0
    write_units: float = 0.0

    def __len__(self) -> int:
        return len(self.calls)

    def charge(self, operation: str, answer: dict[str, Any]) -> None:
        if operation == "TransactWriteItems":
            return  # the engine tells two units for any of them; `charge_transaction` knows better
        consumed = answer.get("ConsumedCapacity") or []
        units = sum(each["CapacityUnits"] for each in (consumed if isinstance(consumed, list) else [consumed]))
        if operation in _READS:
            self.read_units += units
        else:
            self.write_units += units

    def charge_transaction(self, actions: list[dict[str, Any]]) -> None:
        """Two units for each kilobyte of each item; what is not sent whole is taken to be one kilobyte."""
        for action in actions:
            [request] = action.values()
            self.write_units += 2 * max(1, -(-_size({"M": request.get("Item", {})}) // 1024))


def _size(attribute: dict[str, Any]) -> int:
    """The bytes that an attribute counts for, as AWS documents it."""
    [(kind, value)] = attribute.items()
    if kind == "S":
        return len(value.encode())
    if kind == "N":
        return len(value) // 2 + 2
    if kind == "L":
        return 3 + sum(1 + _size(each) for each in value)
    if kind == "M":
        return 3 + sum(1 + len(name.encode()) + _size(each) for name, each in value.items())
    return 1


@dataclass
class Injection:
    """A failure waiting for its call; `hits` counts the calls that it has failed."""

    operation: str
    error: BaseException | dict[str, Any]
    times: int
    skip: int
    after: bool
    hits: int = 0

    def applies(self, operation: str) -> bool:
        if self.operation not in ("*", operation) or self.hits >= self.times:
            return False
        if self.skip > 0:
            self.skip -= 1
            return False
        self.hits += 1
        return True


# The partitions that have been written, by account: the table of a whole session is too large to scan in each test.
written: Final[dict[str, set[str]]] = {}


def _note_partitions(operation: str, params: dict[str, Any]) -> None:
    requests: list[dict[str, Any]] = []
    if operation in ("PutItem", "UpdateItem", "DeleteItem"):
        requests = [params]
    elif operation == "TransactWriteItems":
        requests = [request for action in params["TransactItems"] for request in action.values()]
    elif operation == "BatchWriteItem":
        writes = (write for each in params["RequestItems"].values() for write in each)
        requests = [request for write in writes for request in write.values()]
    for request in requests:
        pk = (request.get("Item") or request["Key"])["pk"]["S"]
        written.setdefault(pk.partition("#")[0], set()).add(pk)


class Wire:
    """The hooks between the code under test and DynamoDB; botocore calls them for every call."""

    def __init__(self) -> None:
        self._counting: list[Trips] = []
        self._injections: list[Injection] = []

    def attach(self, register: Callable[[str, Callable[..., Any]], None]) -> None:
        """`register` is that of a botocore session that has made no clients yet."""
        register("provide-client-params.dynamodb", self._ask)
        register("before-call.dynamodb", self._before)
        register("after-call.dynamodb", self._after)

    @contextmanager
    def counting(self) -> Iterator[Trips]:
        trips = Trips()
        self._counting.append(trips)
        try:
            yield trips
        finally:
            # By identity: trips with the same content are equal.
            self._counting = [each for each in self._counting if each is not trips]

    def inject(self, injection: Injection) -> None:
        self._injections.append(injection)

    def clear(self) -> None:
        self._injections.clear()

    def _ask(self, params: dict[str, Any], model: Any, **_rest: Any) -> dict[str, Any]:
        """Refused unless the function's permissions cover it. The engine says what a call costs only when asked."""
        if denied := permissions.denied(model.name, params):
            raise ClientError(refusal("AccessDeniedException", f"not allowed: {denied}"), model.name)  # type: ignore[arg-type]
        _note_partitions(model.name, params)
        if model.name == "TransactWriteItems":
            for trips in self._counting:
                trips.charge_transaction(params["TransactItems"])
        counted = self._counting and model.name in _READS | _WRITES
        return params | {"ReturnConsumedCapacity": "TOTAL"} if counted else params

    def _before(self, model: Any, **_rest: Any) -> tuple[Any, dict[str, Any]] | None:
        for trips in self._counting:
            trips.calls.append(model.name)
        for injection in self._injections:
            if not injection.after and injection.applies(model.name):
                return _fail(injection.error)
        return None

    def _after(self, parsed: dict[str, Any], model: Any, **_rest: Any) -> None:
        for trips in self._counting:
            trips.charge(model.name, parsed)
        for injection in self._injections:
            if injection.after and injection.applies(model.name):
                _, answer = _fail(injection.error)
                raise ClientError(answer, model.name)  # type: ignore[arg-type]


def _fail(error: BaseException | dict[str, Any]) -> tuple[Any, dict[str, Any]]:
    if isinstance(error, BaseException):
        raise error
    status = error.get("ResponseMetadata", {}).get("HTTPStatusCode", 400)
    return SimpleNamespace(status_code=status), error


@contextmanager
def losing_answers(operation: str) -> Iterator[None]:
    """The first attempt of each call takes effect, but its connection breaks before the response arrives."""
    from keel.storage import clients

    lost: set[str] = set()
    transport = URLLib3Session()

    def lose(request: Any, **_rest: Any) -> None:
        call = request.headers["amz-sdk-invocation-id"]
        if call not in lost:
            lost.add(call)
            transport.send(request)
            raise ConnectionClosedError(endpoint_url=request.url)

    events = clients.client("dynamodb").meta.events
    events.register(f"before-send.dynamodb.{operation}", lose)
    try:
        yield
    finally:
        events.unregister(f"before-send.dynamodb.{operation}", lose)
        transport.close()
    assert lost


def refusal(code: str, message: str = "injected", **more: Any) -> dict[str, Any]:
    """An answer of DynamoDB's that refuses a call, `ThrottlingException` for example, as botocore parses it."""
    metadata = {"HTTPStatusCode": 400, "HTTPHeaders": {}, "RetryAttempts": 0}
    return {"Error": {"Code": code, "Message": message}, "ResponseMetadata": metadata, **more}


def conflict(*codes: str) -> dict[str, Any]:
    """A cancelled transaction; `codes` are its reasons, one conflict unless told otherwise."""
    reasons = [{"Code": code} for code in codes or ("TransactionConflict",)]
    return refusal("TransactionCanceledException", CancellationReasons=reasons)
