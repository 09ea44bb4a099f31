"""Write structured logs that contain request ids and accounts, and no personal data.

A log line never holds a token, a secret, a body or a personal field. Messages of exceptions often do
(botocore quotes items, pydantic quotes input), so a fault is logged by type and place only.
"""

import traceback
from typing import Any, Final

from aws_lambda_powertools.logging import Logger
from botocore.exceptions import ClientError

logger: Final = Logger(log_uncaught_exceptions=False, utc=True)


def describe(error: BaseException) -> dict[str, Any]:
    """An exception as what may be logged: its type, where it was raised, what AWS called it."""
    frames = traceback.extract_tb(error.__traceback__)
    described: dict[str, Any] = {
        "error_type": f"{type(error).__module__}.{type(error).__qualname__}",
        "error_at": [f"{frame.filename}:{frame.lineno} {frame.name}" for frame in frames[-12:]],
    }
    if isinstance(error, ClientError):
        described["aws_operation"] = error.operation_name
        described["aws_code"] = error.response.get("Error", {}).get("Code", "")
    if error.__cause__ is not None:
        described["error_cause"] = describe(error.__cause__)
    return described
