"""How is a request answered? Operations, the envelope, and the one mapping of failures to answers.

An `Api` is the handler of one resource's Lambda: it holds the resource's operations and takes each request
through the same steps, in the order that the contract gives: authentication, rate limit, permission, the
body parses, field types, the operation itself. No other file shapes a response.
"""

import base64
import binascii
import json
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final, Generic, TypeVar

from pydantic import BaseModel, ValidationError

from keel import metrics
from keel.api.authorizer import Access, Allowance, Caller, RejectedCall, authorize, authorize_public
from keel.api.fields import Body, problems
from keel.api.idempotency import KEY_LENGTH, IdempotencyRecord, IdempotentReplay
from keel.api.pages import Page
from keel.errors import ApiError, Detail
from keel.logs import describe, logger
from keel.settings import Rate, settings

PREFIX: Final = "/api/"
BODY_BYTES: Final = 1_048_576

B = TypeVar("B", bound=Body)
Event = dict[str, Any]
Response = dict[str, Any]


@dataclass(frozen=True)
class Request:
    """What the gateway passed on; the names of headers are in lower case."""

    method: str
    path: str
    query: dict[str, str]
    operation: str
    headers: dict[str, str]
    body: str
    base64: bool
    address: str
    id: str

    @classmethod
    def of(cls, event: Event) -> "Request":
        context = event["requestContext"]
        path = event.get("path") or ""
        return cls(
            method=event["httpMethod"],
            path=path,
            query=event.get("queryStringParameters") or {},
            operation=path[len(PREFIX) :] if path.startswith(PREFIX) else "",
            headers={name.lower(): value for name, value in (event.get("headers") or {}).items()},
            body=event.get("body") or "",
            base64=bool(event.get("isBase64Encoded")),
            address=context["identity"]["sourceIp"],
            id=context["requestId"],
        )


@dataclass(frozen=True)
class Call(Generic[B]):
    """A request that was let in, with its body. `once` is there when an Idempotency-Key was sent."""

    caller: Caller
    body: B
    once: IdempotencyRecord | None


@dataclass(frozen=True)
class PublicCall(Generic[B]):
    """A request to an operation that takes no access token."""

    body: B
    headers: dict[str, str]


@dataclass(frozen=True)
class Operation:
    """One operation of the API, as its resource declares it.

    `result` describes what it answers, for the reference only. `bucket` names the bucket of an address on
    which a public operation draws; `reads` turns the body into the object that `schema` describes.
    """

    name: str
    schema: type[Body]
    result: type[BaseModel] | None
    run: Callable[[Any], Any]
    access: Access
    bucket: str
    idempotent: bool
    reads: Callable[[Request], dict[str, Any]]


class Api:
    """The operations of one resource; an instance's `handle` is the Lambda's handler."""

    def __init__(self, resource: str) -> None:
        """`resource` is the prefix of the codes: `contacts`, `oauth_apps`."""
        settings()  # a wrong setting stops the function at its cold start, not at some request
        self.resource = resource
        self.operations: dict[str, Operation] = {}
        self.pages: dict[str, Callable[[dict[str, str]], Page]] = {}

    def page(self, path: str, show: Callable[[dict[str, str]], Page]) -> None:
        """Declare what a GET of `path` answers, outside the envelope; `show` takes the query."""
        self.pages[path] = show

    def operation(
        self,
        name: str,
        schema: type[B],
        *,
        result: type[BaseModel] | None = None,
        access: Access = Access.ANYONE,
        idempotent: bool = False,
    ) -> Callable[[Callable[[Call[B]], Any]], Callable[[Call[B]], Any]]:
        """Declare an operation for callers with a token; its function gives a JSON object."""

        def declare(run: Callable[[Call[B]], Any]) -> Callable[[Call[B]], Any]:
            self.operations[name] = Operation(name, schema, result, run, access, "", idempotent, self.read_json)
            return run

        return declare

    def public_operation(
        self,
        name: str,
        schema: type[B],
        *,
        result: type[BaseModel] | None = None,
        bucket: str = "public",
        reads: Callable[[Request], dict[str, Any]] | None = None,
    ) -> Callable[[Callable[[PublicCall[B]], Any]], Callable[[PublicCall[B]], Any]]:
        """Declare an operation for anybody, within the rate of the bucket `bucket` of their address."""

        def declare(run: Callable[[PublicCall[B]], Any]) -> Callable[[PublicCall[B]], Any]:
            self.operations[name] = Operation(
                name, schema, result, run, Access.PUBLIC, bucket, False, reads or self.read_json
            )
            return run

        return declare

    def handle(self, event: Event, context: Any) -> Response:
        """Answer one request of the gateway; raises nothing."""
        started = time.perf_counter()
        answer = _Answer(request_id=context.aws_request_id)
        request = None
        try:
            request = Request.of(event)
            answer.request_id = request.id
            answer.origin = request.headers.get("origin")
            if request.method == "GET" and request.path in self.pages:
                answer.show(self.pages[request.path](request.query))
            else:
                answer.succeed(self._answer(request, answer))
        except ApiError as fault:
            answer.fail(fault)
        except Exception as error:  # noqa: BLE001 - the one place where every fault ends
            answer.fail(ApiError(f"{self.resource}.internal"))
            logger.error("fault", request_id=answer.request_id, **describe(error))
        logger.info(
            "answered",
            request_id=answer.request_id,
            account_id=answer.account_id,
            operation=request.operation if request and request.operation in self.operations else "",
            status=answer.status,
            code=answer.code,
            milliseconds=round((time.perf_counter() - started) * 1_000, 1),
        )
        if answer.status == 500:
            metrics.count("ServerFaults")
        elif answer.status == 429:
            metrics.count("RateLimited")
        return answer.response()

    def _answer(self, request: Request, answer: "_Answer") -> Any:
        if request.method == "OPTIONS":
            return {}
        operation = self.operations.get(request.operation)
        if operation is None or request.method != "POST":
            raise ApiError("api.not_found")
        if operation.access is Access.PUBLIC:
            answer.allowance = authorize_public(operation.bucket, _rate_of(operation.bucket), request.address)
            body = self._typed(operation, operation.reads(request))
            return operation.run(PublicCall(body, request.headers))
        authorization = request.headers.get("authorization")
        caller, answer.allowance = authorize(authorization, operation.access, request.address)
        answer.account_id = caller.account_id
        raw = operation.reads(request)
        body = self._typed(operation, raw)
        once = self._once(operation, caller, request, raw) if operation.idempotent else None
        try:
            if once:
                once.replay()
            return operation.run(Call(caller, body, once))
        except IdempotentReplay as replay:
            return replay.answer

    def _typed(self, operation: Operation, raw: dict[str, Any]) -> Body:
        try:
            return operation.schema.read(raw)
        except ValidationError as error:
            raise self.malformed(details=_details(error)) from None

    def _once(self, operation: Operation, caller: Caller, request: Request, raw: Any) -> IdempotencyRecord | None:
        header = request.headers.get("idempotency-key")
        if header is None:
            return None
        if not 1 <= len(header) <= KEY_LENGTH:
            raise self.malformed(f"Idempotency-Key must have 1 to {KEY_LENGTH} characters.")
        mismatch = self.malformed("This Idempotency-Key came with another body before.")
        try:
            return IdempotencyRecord.of(caller, operation.name, header, raw, mismatch)
        except RecursionError:
            raise self.malformed("The body is nested too deeply.") from None

    def read_json(self, request: Request) -> dict[str, Any]:
        """The body as a JSON object; nothing counts as `{}`."""
        text = self.read_text(request)
        if not text:
            return {}
        try:
            raw = json.loads(text, object_pairs_hook=_object, parse_constant=_refuse_constant)
        except (ValueError, RecursionError):
            raise self.malformed("The body is not valid JSON.") from None
        if not isinstance(raw, dict):
            raise self.malformed("The body must be a JSON object.")
        return raw

    def read_text(self, request: Request) -> str:
        """The body as text; `<resource>.invalid_request` when it is too large or not UTF-8."""
        try:
            raw = base64.b64decode(request.body, validate=True) if request.base64 else request.body.encode()
            if len(raw) > BODY_BYTES:
                raise self.malformed("The body is over 1 MB.")
            return raw.decode()
        except (UnicodeError, binascii.Error):
            raise self.malformed("The body is not UTF-8.") from None

    def malformed(self, message: str | None = None, *, details: list[Detail] | None = None) -> ApiError:
        """`<resource>.invalid_request`; without a message, the first detail is told."""
        if message is None and details:
            message = f"{details[0]['field']}: {details[0]['message']}"
        return ApiError(f"{self.resource}.invalid_request", message, details=details or [])


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """A JSON object; a name that comes twice would mean whichever the reader likes."""
    if len(found := dict(pairs)) < len(pairs):
        raise ValueError("repeated name")
    return found


def _refuse_constant(name: str) -> None:
    raise ValueError(f"{name} is no JSON")


def _details(error: ValidationError) -> list[Detail]:
    found: list[Detail] = []
    for (field, *within), message in problems(error):
        found.append({"field": field, "message": f"{message} (at {'.'.join(within)})" if within else message})
    return found


def _rate_of(bucket: str) -> Rate:
    rate: Rate = getattr(settings(), f"rate_{bucket}")
    return rate


class _Answer:
    """An answer in the making."""

    def __init__(self, request_id: str) -> None:
        self.request_id = request_id
        self.account_id = ""
        self.origin: str | None = None
        self.allowance: Allowance | None = None
        self.status = 200
        self.code = ""
        self._body: dict[str, Any] = {}
        self._page: Page | None = None
        self._retry_after: int | None = None

    def succeed(self, result: Any) -> None:
        self._body = {"ok": True, "result": result}

    def show(self, page: Page) -> None:
        self._page = page

    def fail(self, fault: ApiError) -> None:
        error = {"code": fault.code, "message": fault.message, "request_id": self.request_id}
        self.status, self.code = fault.status, fault.code
        self._body = {"ok": False, "error": error | ({"details": fault.details} if fault.details else {})}
        self._retry_after = fault.retry_after
        if isinstance(fault, RejectedCall):
            self.allowance = fault.allowance

    def response(self) -> Response:
        return {
            "statusCode": self.status,
            "headers": self._headers(),
            "body": self._page.body
            if self._page
            else json.dumps(self._body, ensure_ascii=False, separators=(",", ":")),
            "isBase64Encoded": False,
        }

    def _headers(self) -> dict[str, str]:
        if self._page:
            return {"X-Request-Id": self.request_id, **self._page.headers}
        headers = {"Content-Type": "application/json", "X-Request-Id": self.request_id, **self._cors()}
        headers["Cache-Control"] = "no-store"  # an answer may hold a token (RFC 6749, 5.1), and is one caller's alone
        if self.allowance:
            headers["RateLimit-Limit"] = str(self.allowance.limit)
            headers["RateLimit-Remaining"] = str(self.allowance.remaining)
            headers["RateLimit-Reset"] = str(self.allowance.reset)
        if self._retry_after is not None:
            headers["Retry-After"] = str(self._retry_after)
        return headers

    def _cors(self) -> dict[str, str]:
        allowed = settings().allowed_origins
        if "*" in allowed:
            origin = "*"
        elif self.origin in allowed:
            origin = str(self.origin)
        else:
            return {"Vary": "Origin"}
        return {
            "Vary": "Origin",
            "Access-Control-Allow-Origin": origin,
            "Access-Control-Allow-Methods": "POST, OPTIONS",
            "Access-Control-Allow-Headers": "Authorization, Content-Type, Idempotency-Key",
            "Access-Control-Expose-Headers": (
                "X-Request-Id, Retry-After, RateLimit-Limit, RateLimit-Remaining, RateLimit-Reset"
            ),
            "Access-Control-Max-Age": "7200",
        }
