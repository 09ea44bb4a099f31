"""Build responses: the JSON envelope and the headers that the contract requires."""

import json
from collections.abc import Mapping
from typing import Any, Final

from keel.api.rate_limits import RateLimitStatus
from keel.errors import ApiError
from keel.settings import settings

_CORS: Final = {
    "Access-Control-Allow-Methods": "POST, OPTIONS",
    "Access-Control-Allow-Headers": "Authorization, Content-Type, Idempotency-Key",
    "Access-Control-Expose-Headers": (
        "X-Request-Id, Retry-After, RateLimit-Limit, RateLimit-Remaining, RateLimit-Reset"
    ),
    "Access-Control-Max-Age": "7200",
}


def success(result: Any) -> str:
    return _json({"ok": True, "result": result})


def failure(error: ApiError, request_id: str) -> str:
    told: dict[str, Any] = {"code": error.code, "message": error.message, "request_id": request_id}
    if error.details:
        told["details"] = error.details
    return _json({"ok": False, "error": told})


def _json(body: Mapping[str, Any]) -> str:
    return json.dumps(body, ensure_ascii=False, separators=(",", ":"))


def headers(
    request_id: str, origin: str | None, rate_limit: RateLimitStatus | None, retry_after: int | None
) -> dict[str, str]:
    """The headers of a response in the envelope. `retry_after` is in seconds, `origin` is the request's header."""
    found = {
        "Content-Type": "application/json",
        "X-Request-Id": request_id,
        **_cors(origin),
        "Cache-Control": "no-store",  # a response may hold a token (RFC 6749, 5.1) and is for one caller only
    }
    if rate_limit:
        found["RateLimit-Limit"] = str(rate_limit.limit)
        found["RateLimit-Remaining"] = str(rate_limit.remaining)
        found["RateLimit-Reset"] = str(rate_limit.reset)
    if retry_after is not None:
        found["Retry-After"] = str(retry_after)
    return found


def _cors(origin: str | None) -> dict[str, str]:
    allowed = settings().allowed_origins
    if "*" in allowed:
        origin = "*"
    elif origin is None or origin not in allowed:
        return {"Vary": "Origin"}
    return {"Vary": "Origin", "Access-Control-Allow-Origin": origin, **_CORS}
