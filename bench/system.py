"""Set up what the benchmarks run on: DynamoDB Local, a stand-in for Secrets Manager, the handlers, filled accounts."""

import importlib.util
import json
import os
import sys
import threading
import uuid
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Final

from bench import ROOT
from tests.harness.dynamodb_local import dynamodb_local
from tests.harness.gateway import request_event

TABLE: Final = "keel-bench"
_SECRET: Final = json.dumps({"active": "k1", "k1": "0123456789abcdef" * 4})


class _Secrets(BaseHTTPRequestHandler):
    def do_POST(self) -> None:
        self.rfile.read(int(self.headers["Content-Length"]))
        answer = json.dumps({"SecretString": _SECRET}).encode()
        self.send_response(200)
        self.send_header("Content-Type", "application/x-amz-json-1.1")
        self.send_header("Content-Length", str(len(answer)))
        self.end_headers()
        self.wfile.write(answer)

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - the name is the library's
        """Say nothing."""


@contextmanager
def system() -> Iterator[None]:
    """The environment of the functions, with the table in a fresh engine."""
    secrets = ThreadingHTTPServer(("127.0.0.1", 0), _Secrets)
    threading.Thread(target=secrets.serve_forever, daemon=True).start()
    with dynamodb_local() as endpoint:
        os.environ |= environment(endpoint, f"http://127.0.0.1:{secrets.server_port}")
        _create_table()
        yield
    secrets.shutdown()


def environment(dynamodb: str, secrets: str) -> dict[str, str]:
    rates = ("PUBLIC", "USER", "APP", "LOGIN", "FORGOT_PASSWORD", "RESET_PASSWORD")
    return {
        "AWS_ACCESS_KEY_ID": "bench",
        "AWS_SECRET_ACCESS_KEY": "bench",
        "AWS_DEFAULT_REGION": "us-east-1",
        "AWS_EC2_METADATA_DISABLED": "true",
        "AWS_CONFIG_FILE": os.devnull,
        "AWS_SHARED_CREDENTIALS_FILE": os.devnull,
        "AWS_ENDPOINT_URL_DYNAMODB": dynamodb,
        "AWS_ENDPOINT_URL_SECRETS_MANAGER": secrets,
        "LAMBDA_TASK_ROOT": str(ROOT),
        "POWERTOOLS_SERVICE_NAME": "keel",
        "POWERTOOLS_METRICS_NAMESPACE": "keel-bench",
        "TABLE_NAME": TABLE,
        "TOKEN_KEYS_SECRET": "token-keys",
        "ALLOWED_ORIGINS": "*",
        "WEBHOOK_EXEMPT_HOSTS": "",
        **{f"RATE_{name}": "10000/10000" for name in rates},
    }


def _create_table() -> None:
    from botocore.session import get_session

    client: Any = get_session().create_client("dynamodb")
    client.create_table(
        TableName=TABLE,
        BillingMode="PAY_PER_REQUEST",
        AttributeDefinitions=[{"AttributeName": name, "AttributeType": "S"} for name in ("pk", "sk")],
        KeySchema=[{"AttributeName": "pk", "KeyType": "HASH"}, {"AttributeName": "sk", "KeyType": "RANGE"}],
    )


class Context:
    """What Lambda tells a handler, as far as Powertools' logger reads it."""

    aws_request_id = "bench"
    function_name = "bench"
    invoked_function_arn = "arn:aws:lambda:us-east-1:123456789012:function:bench"
    memory_limit_in_mb = 1024


@dataclass
class Account:
    """An account with one user, who calls operations."""

    account_id: str
    user_id: str
    token: str

    @classmethod
    def open(cls) -> "Account":
        who = {"email": f"{uuid.uuid4().hex}@example.com", "password": "correct horse battery", "name": "Ada"}
        event = request_event("auth-register", who, address="198.18.0.1")
        answer = json.loads(handler("auth")(event, Context)["body"])["result"]
        return cls(answer["user"]["account_id"], answer["user"]["id"], answer["access_token"])

    def event(self, operation: str, body: Any) -> dict[str, Any]:
        return request_event(operation, body, token=self.token, address="198.18.0.1")

    def does(self, operation: str, **body: Any) -> Any:
        response = handler(operation.rpartition("-")[0])(self.event(operation, body), Context)
        answer = json.loads(response["body"])
        if not answer["ok"]:
            raise RuntimeError(answer)
        return answer["result"]

    def fill(self, records: Iterator[tuple[str, dict[str, Any]]]) -> None:
        """Store records with their index entries as they would have been created, many at once."""
        from keel.storage import table

        with ThreadPoolExecutor(4) as pool:
            batch: list[Any] = []
            for entity_type, values in records:
                batch += self._items(entity_type, values)
                if len(batch) >= 10 * table.WRITE_LIMIT:
                    pool.submit(table.batch_write, batch)
                    batch = []
                    while pool._work_queue.qsize() > 16:
                        threading.Event().wait(0.01)
            pool.submit(table.batch_write, batch)

    def _items(self, entity_type_name: str, values: dict[str, Any]) -> list[Any]:
        from keel import clock, entity_types, ids
        from keel.records import index_entries

        entity_type, now = entity_types.ENTITY_TYPES[entity_type_name], clock.now()
        key, at = entity_type.key(self.account_id, ids.mint(now)), clock.text(now)
        record = entity_type.model(*key, **values, created_by=self.user_id, created_at=at, updated_at=at, version=1)
        return [record.serialize_new(), *index_entries.change(entity_type, None, record).added]


_handlers: dict[str, Any] = {}


def handler(function: str) -> Any:
    """The handler of functions/<function>/app.py."""
    if function not in _handlers:
        path = ROOT / "functions" / function / "app.py"
        specification = importlib.util.spec_from_file_location(f"functions.{function}", path)
        if specification is None or specification.loader is None:
            raise RuntimeError(f"no function {function}")
        module = importlib.util.module_from_spec(specification)
        sys.modules[specification.name] = module  # pydantic looks up the module of a generic model
        specification.loader.exec_module(module)
        _handlers[function] = module.handler
    return _handlers[function]


def new_id() -> str:
    return str(uuid.uuid4())
