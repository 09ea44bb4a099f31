"""Measure the CPU time of warm requests as ratios to a stock handler that makes the same DynamoDB calls.

The stock handler parses the event's JSON, calls a boto3 client with default settings (parameter validation on), maps
the attributes by hand and writes JSON. It repeats the calls that Keel was seen to make, without conditions, and checks
nothing.
"""

import json
import statistics
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any, Final

from bench.system import Account, Context, handler, new_id

_METHODS: Final = {
    "UpdateItem": "update_item",
    "BatchGetItem": "batch_get_item",
    "GetItem": "get_item",
    "Query": "query",
    "PutItem": "put_item",
    "TransactWriteItems": "transact_write_items",
}
_LEFT_OUT: Final = ("ConditionExpression", "ClientRequestToken")  # the client makes another token for each call
Calls = list[tuple[str, dict[str, Any]]]


def measure(rounds: int, calls_each: int) -> list[dict[str, Any]]:
    account = Account.open()
    company = account.does("companies-create", name="Acme")["id"]
    contact = _contact(company)
    made = [account.does("contacts-create", **contact)["id"] for _ in range(30)]
    cases: dict[str, tuple[str, dict[str, Any]]] = {
        "get": ("contacts-get", {"id": made[0]}),
        "create": ("contacts-create", contact),
        "update": ("contacts-update", {"id": made[1], "notes": ""}),
        "list 25": ("contacts-list", {}),
        "search": ("contacts-list", {"search": "grace"}),
    }
    rows = []
    for name, (operation, body) in cases.items():
        changing = [account.event(operation, _changed(body, number)) for number in range(calls_each)]
        stock = _StockHandler(_seen(account, operation, body))
        times: dict[str, list[float]] = {"keel": [], "stock": []}
        for _ in range(rounds):
            times["keel"].append(_cpu(lambda event: handler("contacts")(event, Context), changing))
            prepared = [(event, stock.prepared()) for event in changing]
            times["stock"].append(_cpu(stock.answer, prepared))
        keel, other = (1_000_000 * statistics.median(times[each]) / calls_each for each in ("keel", "stock"))
        rows.append({"case": name, "keel_us": round(keel), "stock_us": round(other), "ratio": round(keel / other, 2)})
    return rows


def throughput(calls_each: int) -> list[dict[str, Any]]:
    """Gets per second of one process at a number of threads."""
    account = Account.open()
    event = account.event("contacts-get", {"id": account.does("contacts-create", **_contact(None))["id"]})
    rows = []
    for threads in (1, 2, 4, 8, 16):
        with ThreadPoolExecutor(threads) as pool:
            started = time.perf_counter()
            list(pool.map(lambda _: handler("contacts")(event, Context), range(calls_each)))
            rows.append({"threads": threads, "calls_per_second": round(calls_each / (time.perf_counter() - started))})
    return rows


def _contact(company: str | None) -> dict[str, Any]:
    texts = ("job_title", "address", "city", "state", "zip_code", "country", "notes")
    return {
        "first_name": "Grace",
        "last_name": "Hopper",
        "email": "grace.hopper@navy.example",
        "phone": "+1 555 123 4567",
        "company_id": company,
        "tags": ["navy", "pioneer"],
        **{name: f"some {name}" for name in texts},
    }


def _changed(body: dict[str, Any], number: int) -> dict[str, Any]:
    return body | {"notes": f"{number} {new_id()}"} if "notes" in body else body


def _cpu(run: Callable[[Any], Any], arguments: list[Any]) -> float:
    started = time.process_time()
    for argument in arguments:
        run(argument)
    return time.process_time() - started


def _seen(account: Account, operation: str, body: dict[str, Any]) -> Calls:
    """The calls that Keel makes to DynamoDB for an operation."""
    from keel.storage import clients

    seen: Calls = []

    def note(params: dict[str, Any], model: Any, **_rest: Any) -> None:
        seen.append((model.name, json.loads(params["body"])))

    events = clients.client("dynamodb").meta.events
    events.register_first("before-call.dynamodb", note)
    account.does(operation, **_changed(body, 0))
    events.unregister("before-call.dynamodb", note)
    return seen


class _StockHandler:
    def __init__(self, calls: Calls) -> None:
        from boto3.session import Session

        self.client: Any = Session().client("dynamodb")
        self.calls = [(_METHODS[name], self._without_conditions(params)) for name, params in calls]

    def _without_conditions(self, value: Any) -> Any:
        if isinstance(value, list):
            return [self._without_conditions(each) for each in value]
        if not isinstance(value, dict) or "S" in value:
            return value
        kept = {name: self._without_conditions(each) for name, each in value.items() if name not in _LEFT_OUT}
        used = str([kept.get(name) for name in ("UpdateExpression", "KeyConditionExpression")])
        for names in ("ExpressionAttributeNames", "ExpressionAttributeValues"):
            if names in kept:
                kept[names] = {name: each for name, each in kept[names].items() if name in used}
                if not kept[names]:
                    del kept[names]
        return kept

    def prepared(self) -> Calls:
        """The calls, with another id for what a create stores."""
        return [(name, json.loads(json.dumps(params))) for name, params in self.calls]

    def answer(self, asked: tuple[dict[str, Any], Calls]) -> Any:
        event, calls = asked
        body = json.loads(event["body"])
        items: list[Any] = []
        for name, params in calls:
            for write in params.get("TransactItems", ()):
                if "ConditionCheck" in write:
                    continue
                item = next(iter(write.values())).get("Item", {})
                item |= _encoded({each: _plain(value) for each, value in item.items()})
            if "TransactItems" in params:
                params["TransactItems"] = [each for each in params["TransactItems"] if "ConditionCheck" not in each]
            answer = getattr(self.client, name)(**params)
            found = [*answer.get("Items", ()), *([answer["Item"]] if "Item" in answer else [])]
            for each in answer.get("Responses", {}).values():
                found += each
            items += [{name: _plain(value) for name, value in item.items()} for item in found]
        body = json.dumps({"ok": True, "result": {"items": items, "asked": body}})
        return {"statusCode": 200, "headers": {"Content-Type": "application/json"}, "body": body}


def _plain(attribute: dict[str, Any]) -> Any:
    [(kind, value)] = attribute.items()
    if kind == "L":
        return [_plain(each) for each in value]
    if kind == "M":
        return {name: _plain(each) for name, each in value.items()}
    return int(value) if kind == "N" else value


def _encoded(item: dict[str, Any]) -> dict[str, Any]:
    return {name: _attribute(value) for name, value in item.items()}


def _attribute(value: Any) -> dict[str, Any]:
    if isinstance(value, str):
        return {"S": value}
    if isinstance(value, bool):
        return {"BOOL": value}
    if isinstance(value, int):
        return {"N": str(value)}
    if isinstance(value, list):
        return {"L": [_attribute(each) for each in value]}
    return {"M": _encoded(value)}
