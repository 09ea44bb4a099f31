"""Enforce the template's permissions on the table, as IAM does."""

from contextvars import ContextVar
from functools import cache
from typing import Any, Final

import template

# The folder of the function that runs in this context, "" for the test itself.
running: Final = ContextVar("running", default="")

_WITHIN: Final = {
    "Put": "PutItem",
    "Update": "UpdateItem",
    "Delete": "DeleteItem",
    "ConditionCheck": "ConditionCheckItem",
}


def denied(operation: str, params: dict[str, Any]) -> set[str]:
    """The actions of a call to DynamoDB that the running function is not allowed."""
    folder = running.get()
    return _needed(operation, params) - _allowed(folder) if folder else set()


def _needed(operation: str, params: dict[str, Any]) -> set[str]:
    if operation == "TransactWriteItems":
        return {_WITHIN[kind] for action in params["TransactItems"] for kind in action}
    return {operation}


@cache
def _allowed(folder: str) -> frozenset[str]:
    policies = template.functions()[folder].get("Policies", [])
    managed = template.resources("AWS::IAM::ManagedPolicy")
    statements: list[dict[str, Any]] = []
    for policy in policies:
        if "Ref" in policy:
            statements += managed[policy["Ref"]]["PolicyDocument"]["Statement"]
        elif "Statement" in policy:
            statement = policy["Statement"]
            statements += statement if isinstance(statement, list) else [statement]
    listed = (action for each in statements for action in _list(each["Action"]))
    return frozenset(action.removeprefix("dynamodb:") for action in listed if action.startswith("dynamodb:"))


def _list(value: Any) -> list[str]:
    return value if isinstance(value, list) else [value]
