"""Trace requests with AWS X-Ray through Powertools' Tracer. The template parameter Tracing turns it on."""

import os
from collections.abc import Callable
from functools import cache
from typing import Any

from aws_lambda_powertools import Tracer
from aws_lambda_powertools.utilities.typing import LambdaContext

Handler = Callable[[dict[str, Any], LambdaContext], dict[str, Any]]


@cache
def _tracer() -> Tracer | None:
    """None when tracing is off. A Tracer loads the X-Ray SDK, which costs 16 ms of a cold start."""
    if os.environ.get("POWERTOOLS_TRACE_DISABLED") != "false":
        return None
    # Only calls to AWS: a trace must not hold the URLs that webhooks are sent to.
    return Tracer(patch_modules=["botocore"])


def capture(handler: Handler) -> Handler:
    """The handler in a subsegment of its own, without its responses and errors: they may hold personal data."""
    tracer = _tracer()
    if tracer is None:
        return handler
    captured: Handler = tracer.capture_lambda_handler(handler, capture_response=False, capture_error=False)
    return captured


def annotate(**annotations: str) -> None:
    """Make the trace searchable by these values. Empty ones are left out."""
    tracer = _tracer()
    if tracer is None:
        return
    for key, value in annotations.items():
        if value:
            tracer.put_annotation(key, value)
