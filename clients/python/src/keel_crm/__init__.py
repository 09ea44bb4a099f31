"""Python client of the Keel API: `Keel`, `AsyncKeel` for asyncio, their exceptions, and webhook verification."""

from keel_crm.clients import AsyncKeel, Keel
from keel_crm.errors import (
    AuthenticationError,
    Detail,
    ForbiddenError,
    InvalidRequestError,
    KeelError,
    NotFoundError,
    RateLimitError,
    ServerError,
    SignatureError,
    UnreachableError,
)
from keel_crm.retries import Retries
from keel_crm.tokens import MemoryTokens, Tokens, TokenStore
from keel_crm.webhooks import Event, verify

__all__ = [
    "AsyncKeel",
    "AuthenticationError",
    "Detail",
    "Event",
    "ForbiddenError",
    "InvalidRequestError",
    "Keel",
    "KeelError",
    "MemoryTokens",
    "NotFoundError",
    "RateLimitError",
    "Retries",
    "ServerError",
    "SignatureError",
    "TokenStore",
    "Tokens",
    "UnreachableError",
    "verify",
]
