"""The API of one resource: Powertools' resolver with a route for each operation.

Every operation is checked in the order of the contract: authentication, rate limit, permission, the body parses, field
types, the operation's own codes. Powertools' validation runs before all of these, so it is not used.
"""

import re
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final, Generic, TypeVar

from aws_lambda_powertools.event_handler import APIGatewayRestResolver, Response
from aws_lambda_powertools.event_handler.api_gateway import ResponseBuilder
from aws_lambda_powertools.event_handler.exceptions import NotFoundError
from aws_lambda_powertools.logging.correlation_paths import API_GATEWAY_REST
from aws_lambda_powertools.utilities.data_classes import APIGatewayProxyEvent
from aws_lambda_powertools.utilities.typing import LambdaContext
from pydantic import BaseModel

from keel import metrics, tracing
from keel.api import rate_limits, request_body, responses
from keel.api.authorizer import Access, Caller, authorize
from keel.api.fields import Body
from keel.api.idempotency import KEY_LENGTH, IdempotentReplay, IdempotentRequest
from keel.api.pages import Page
from keel.api.rate_limits import PublicBucket, RateLimitStatus, RejectedCall
from keel.errors import ApiError
from keel.logs import describe, logger
from keel.settings import settings

_PREFIX: Final = "/api/"
_ANY_PATH: Final = "(?s:.*)"
_OPERATION_PATH: Final = re.compile(rf"{_PREFIX}([A-Za-z0-9_-]{{1,64}})")

B = TypeVar("B", bound=Body)
ReadBody = Callable[[APIGatewayProxyEvent, str], dict[str, Any]]


@dataclass(frozen=True)
class Call(Generic[B]):
    """A call by an authorized caller. `idempotency` is set if it has an Idempotency-Key."""

    caller: Caller
    body: B
    idempotency: IdempotentRequest | None


@dataclass(frozen=True)
class PublicCall(Generic[B]):
    """A call of a public operation. The keys of `headers` are in lower case."""

    body: B
    headers: Mapping[str, str]


@dataclass(frozen=True)
class Operation:
    """An operation as its resource declares it.

    `result` is its result for the OpenAPI document, None for any JSON object. `bucket` is the rate limit of a public
    operation. `read_body` turns the request body into the object that `schema` describes.
    """

    name: str
    schema: type[Body]
    result: type[BaseModel] | None
    run: Callable[[Any], dict[str, Any]]
    access: Access
    bucket: PublicBucket
    idempotent: bool
    read_body: ReadBody


@dataclass
class _Request:
    """The request that a thread is answering, and what its log line will say. `headers` has keys in lower case."""

    id: str
    headers: Mapping[str, str] = field(default_factory=dict)
    operation: str = ""
    account_id: str = ""
    rate_limit: RateLimitStatus | None = None
    status: int = 200
    code: str = ""


class _PerThread(threading.local):
    """What Powertools keeps in class and instance attributes, where concurrent requests of a test would share it."""

    event: APIGatewayProxyEvent
    request: _Request

    def __init__(self) -> None:
        self.context: dict[str, Any] = {}


class Api(APIGatewayRestResolver):
    """The operations of one resource. `handle` is the Lambda handler of its function."""

    def __init__(self, resource: str) -> None:
        """`resource` is the prefix of the error codes: `contacts`, `oauth_apps`."""
        self._thread = _PerThread()
        super().__init__(debug=False)  # not by POWERTOOLS_DEV: it would print whole events
        settings()  # an invalid setting fails the cold start, not some request
        self.resource = resource
        self.operations: dict[str, Operation] = {}
        self._pages: set[str] = set()
        self.route(_ANY_PATH, "OPTIONS")(self._answer_preflight)
        self.not_found(self._answer_not_found)
        self.exception_handler(ApiError)(self._answer_error)
        self.exception_handler(Exception)(self._answer_unexpected)
        with_context = logger.inject_lambda_context(log_event=False, correlation_id_path=API_GATEWAY_REST)
        self.handle: tracing.Handler = tracing.capture(with_context(metrics.log_metrics(self.resolve)))

    # --- Declarations ---------------------------------------------------------------------------------------------

    def operation(
        self,
        name: str,
        schema: type[B],
        *,
        result: type[BaseModel] | None = None,
        access: Access = Access.ANYONE,
        idempotent: bool = False,
    ) -> Callable[[Callable[[Call[B]], dict[str, Any]]], Callable[[Call[B]], dict[str, Any]]]:
        """Declare an operation that requires an access token. The function returns the result as a JSON object."""

        def declare(run: Callable[[Call[B]], dict[str, Any]]) -> Callable[[Call[B]], dict[str, Any]]:
            self._add(Operation(name, schema, result, run, access, "public", idempotent, request_body.read_json))
            return run

        return declare

    def public_operation(
        self,
        name: str,
        schema: type[B],
        *,
        result: type[BaseModel] | None = None,
        bucket: PublicBucket = "public",
        read_body: ReadBody = request_body.read_json,
    ) -> Callable[[Callable[[PublicCall[B]], dict[str, Any]]], Callable[[PublicCall[B]], dict[str, Any]]]:
        """Declare an operation that requires no access token, within the rate of a bucket of the source address."""

        def declare(run: Callable[[PublicCall[B]], dict[str, Any]]) -> Callable[[PublicCall[B]], dict[str, Any]]:
            self._add(Operation(name, schema, result, run, Access.PUBLIC, bucket, False, read_body))
            return run

        return declare

    def page(self, path: str, show: Callable[[Mapping[str, str]], Page]) -> None:
        """Declare what GET returns for a path, outside the envelope. `show` gets the query parameters."""

        def answer() -> Response[str]:
            shown = show(self.current_event.query_string_parameters)
            return Response(200, headers={"X-Request-Id": self._thread.request.id, **shown.headers}, body=shown.body)

        self._pages.add(path)
        self.get(path)(self._only_at(path, answer))

    def _add(self, operation: Operation) -> None:
        path = _PREFIX + operation.name
        self.operations[operation.name] = operation
        self.post(path)(self._only_at(path, lambda: self._answer(operation)))

    def _only_at(self, path: str, answer: Callable[[], Response[str]]) -> Callable[[], Response[str]]:
        """Powertools reads the path of a route as a regular expression, and ignores slashes at the end of a request's
        path."""

        def route() -> Response[str]:
            if self.current_event.path != path:
                raise NotFoundError
            return answer()

        return route

    # --- Requests -------------------------------------------------------------------------------------------------

    def resolve(self, event: Mapping[str, Any], context: LambdaContext) -> dict[str, Any]:
        """Answer a request. Raises nothing: Lambda would log an exception with the personal data in its text."""
        started = time.perf_counter()
        self._thread.request = request = _Request(id=context.aws_request_id)
        try:
            self.current_event = APIGatewayProxyEvent(dict(event))
            request.id = self.current_event.request_context.request_id
            request.headers = self.current_event.headers
            response = super().resolve(event, context)
            tracing.annotate(operation=request.operation, account_id=request.account_id)
        except Exception as error:  # noqa: BLE001 - what happens outside the routes
            builder = ResponseBuilder[APIGatewayProxyEvent](self._answer_unexpected(error))
            response = builder.build(APIGatewayProxyEvent({}))
        logger.info(
            "answered",
            request_id=request.id,
            account_id=request.account_id,
            operation=request.operation,
            status=request.status,
            code=request.code,
            milliseconds=round((time.perf_counter() - started) * 1_000, 1),
        )
        if request.status == 500:
            metrics.count("ServerErrors")
        elif request.status == 429:
            metrics.count("RateLimited")
        return response

    def _answer(self, operation: Operation) -> Response[str]:
        event, request = self.current_event, self._thread.request
        request.operation = operation.name
        address = event.request_context.identity.source_ip
        if operation.access is Access.PUBLIC:
            request.rate_limit = rate_limits.take_public(operation.bucket, address)
            body = request_body.validate(operation.read_body(event, self.resource), operation.schema, self.resource)
            return self._respond(responses.success(operation.run(PublicCall(body, request.headers))))
        authorization = request.headers.get("authorization")
        caller, request.rate_limit = authorize(authorization, operation.access, address)
        request.account_id = caller.account_id
        raw = operation.read_body(event, self.resource)
        body = request_body.validate(raw, operation.schema, self.resource)
        record = self._idempotency_record(operation, caller, raw) if operation.idempotent else None
        try:
            if record:
                record.raise_if_repeated()
            result = operation.run(Call(caller, body, record))
        except IdempotentReplay as replay:
            result = replay.response
        return self._respond(responses.success(result))

    def _idempotency_record(
        self, operation: Operation, caller: Caller, raw: dict[str, Any]
    ) -> IdempotentRequest | None:
        key = self._thread.request.headers.get("idempotency-key")
        if key is None:
            return None
        if not 1 <= len(key) <= KEY_LENGTH:
            message = f"The Idempotency-Key header must have 1 to {KEY_LENGTH} characters."
            raise request_body.invalid_request(self.resource, message)
        message = "This Idempotency-Key was already used with a different body. Use a new key."
        mismatch = request_body.invalid_request(self.resource, message)
        try:
            return IdempotentRequest.of(caller, operation.name, key, raw, mismatch)
        except RecursionError:
            raise request_body.invalid_request(self.resource, "The body is nested too deeply.") from None

    # --- Responses ------------------------------------------------------------------------------------------------

    def _answer_preflight(self) -> Response[str]:
        return self._respond(responses.success({}))

    def _answer_not_found(self, _error: NotFoundError) -> Response[str]:
        method, path = self.current_event.http_method, self.current_event.path
        operation = _OPERATION_PATH.fullmatch(path)
        message = None
        if path in self._pages:
            message = f"Read this page with GET, not {method}."
        elif operation and method != "POST":
            message = f"Call operations with POST, not {method}."
        elif operation:
            message = f"There is no operation {operation[1]}."
        return self._answer_error(ApiError("api.not_found", message))

    def _answer_error(self, error: ApiError) -> Response[str]:
        request = self._thread.request
        request.status, request.code = error.status, error.code
        if isinstance(error, RejectedCall):
            request.rate_limit = error.rate_limit
        return self._respond(responses.failure(error, request.id), error.retry_after)

    def _answer_unexpected(self, error: Exception) -> Response[str]:
        request = self._thread.request
        logger.error("fault", request_id=request.id, account_id=request.account_id, **describe(error))
        return self._answer_error(ApiError(f"{self.resource}.internal"))

    def _respond(self, body: str, retry_after: int | None = None) -> Response[str]:
        request = self._thread.request
        headers = responses.headers(request.id, request.headers.get("origin"), request.rate_limit, retry_after)
        return Response(request.status, headers=headers, body=body)

    # --- What Powertools keeps in attributes -----------------------------------------------------------------------

    @property  # type: ignore[override] # the setter takes the type that APIGatewayRestResolver declares
    def current_event(self) -> APIGatewayProxyEvent:
        return self._thread.event

    @current_event.setter
    def current_event(self, event: APIGatewayProxyEvent) -> None:
        self._thread.event = event

    @property
    def context(self) -> dict[str, Any]:
        return self._thread.context

    @context.setter
    def context(self, context: dict[str, Any]) -> None:
        self._thread.context = context
