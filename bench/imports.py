"""Measure imports against plain BatchWriteItem calls of the same items, and the memory of planner and worker."""

import json
import os
import statistics
import tempfile
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, Final

from bench import files
from bench.apart import Apart
from bench.around import BUCKET, Around, around, event_of
from bench.system import Account, Context, handler, new_id

ROWS: Final = 2_000  # of each import
ROUNDS: Final = 5  # at most: 10,000 rows in all
LARGE: Final = 1_000_000
THREADS: Final = (4, 8, 16)

_WORKS_SECONDS: Final = 8
_LAMBDA_SECONDS: Final = 120  # of the template
_Figures = dict[str, list[float]]


def measure(rounds: int) -> list[dict[str, Any]]:
    with tempfile.TemporaryDirectory() as folder, around() as surroundings:
        return [*_writing(surroundings, Path(folder), rounds), *_memory(surroundings, Path(folder))]


def _row(what: str, measured: float, against: float, target: str) -> dict[str, Any]:
    ratio = round(measured / against, 2) if against else ""
    shown = {"measured": round(measured), "against": round(against) or "", "ratio": ratio}
    return {"what": what, **shown, "target": target}


class Import:
    """An import of a file into an account of its own."""

    def __init__(self, surroundings: Around, path: Path) -> None:
        self.account, self._around = Account.open(), surroundings
        self.job_id = self._does("request-upload", model_type="contacts", file_name=path.name)["job_id"]
        self._key = f"uploads/{self.account.account_id}/{self.job_id}"
        surroundings.files[self._key] = path

    def _does(self, operation: str, **body: Any) -> Any:
        answer = json.loads(handler("imports")(self.account.event(f"imports-{operation}", body), Context)["body"])
        if not answer["ok"]:
            raise RuntimeError(answer)
        return answer["result"]

    def arrival(self) -> dict[str, Any]:
        """The notification that storage sends about the file."""
        record = {"s3": {"bucket": {"name": BUCKET}, "object": {"key": self._key}}}
        return event_of(json.dumps({"Records": [record]}))

    def confirm(self) -> None:
        preview = self._does("complete-upload", id=self.job_id)["preview"]
        self._does("confirm", id=self.job_id, column_mapping=preview["suggested_mapping"])

    def job(self) -> Any:
        from keel.imports import jobs  # not by a request, since an import may outlast a token

        return jobs.get(self.account.account_id, self.job_id)

    def run(self) -> None:
        for event in self._around.worker_events():
            handler("import_worker")(event, _Unhurried)
        job = self.job()
        if job.status != "completed" or job.created_count != job.total_rows:
            raise RuntimeError(job)


class _Unhurried(Context):
    @staticmethod
    def get_remaining_time_in_millis() -> int:
        return 1_000_000


# --- Writing ---------------------------------------------------------------------------------------------------


def _writing(surroundings: Around, folder: Path, rounds: int) -> list[dict[str, Any]]:
    path = files.write(folder / "short.csv", files.SHORT, ROWS)
    items = _items_of(surroundings, path)
    speed: _Figures = {name: [] for name in ("import", "in transactions", *map(str, THREADS))}
    cpu: _Figures = {name: [] for name in ("import", "stock", "unvalidated")}
    for _ in range(rounds):
        of_import = _timed(_prepared(surroundings, path))
        speed["import"].append(ROWS / of_import[0])
        cpu["import"].append(of_import[1])
        stock = {threads: _timed(_plain(items, threads)) for threads in THREADS}
        for threads, (seconds, _) in stock.items():
            speed[str(threads)].append(ROWS / seconds)
        speed["in transactions"].append(ROWS / _timed(_plain(items, 16, in_transactions=True))[0])
        cpu["stock"].append(stock[8][1])
        cpu["unvalidated"].append(_timed(_plain(items, 8, parameter_validation=False))[1])
    median = {name: statistics.median(each) for name, each in speed.items()}
    ceiling = max(median[str(threads)] for threads in THREADS)
    micro = {name: 1_000_000 * statistics.median(each) / ROWS for name, each in cpu.items()}
    return [
        _row("rows/s, against the engine's ceiling", median["import"], ceiling, ">= 0.9 or 1,000 rows/s"),
        _row("the same, records in transactions", median["import"], median["in transactions"], ""),
        _row("CPU us of a row, against stock botocore", micro["import"], micro["stock"], "<= 1.0"),
        _row("the same, against it without validation", micro["import"], micro["unvalidated"], ""),
        _row("items of a row", len(items) / ROWS, 0, ""),
    ]


def _prepared(surroundings: Around, path: Path) -> Callable[[], None]:
    found = Import(surroundings, path)
    found.confirm()
    return found.run


def _timed(run: Callable[[], None]) -> tuple[float, float]:
    """Wall-clock and CPU seconds of a call, the latter of all threads of this process."""
    started, cpu = time.perf_counter(), time.process_time()
    run()
    return time.perf_counter() - started, time.process_time() - cpu


def _items_of(surroundings: Around, path: Path) -> list[dict[str, Any]]:
    """The items that an import of the file stores, each once, with a placeholder for the account."""
    from keel.storage import clients

    stored: dict[tuple[str, str], dict[str, Any]] = {}

    def note(params: dict[str, Any], **_rest: Any) -> None:
        body = json.loads(params["body"])
        puts = [each["PutRequest"] for each in body.get("RequestItems", {}).get(os.environ["TABLE_NAME"], ())]
        puts += [each["Put"] for each in body.get("TransactItems", ()) if "Put" in each]
        for put in puts:
            stored[put["Item"]["pk"]["S"], put["Item"]["sk"]["S"]] = put["Item"]

    found = Import(surroundings, path)
    found.confirm()
    events = clients.client("dynamodb").meta.events
    for operation in ("BatchWriteItem", "TransactWriteItems"):
        events.register_last(f"before-call.dynamodb.{operation}", note)
    found.run()
    for operation in ("BatchWriteItem", "TransactWriteItems"):
        events.unregister(f"before-call.dynamodb.{operation}", note)
    text = json.dumps(list(stored.values())).replace(found.account.account_id, "ACCOUNT")
    items: list[dict[str, Any]] = json.loads(text)
    return items


def _plain(
    items: list[dict[str, Any]], threads: int, *, in_transactions: bool = False, **config: Any
) -> Callable[[], None]:
    """Store the items for a new account with a stock client: by BatchWriteItem, or at the same time, as an import has
    to, the records by one TransactWriteItems after the other."""
    from botocore.config import Config
    from botocore.session import get_session

    client: Any = get_session().create_client("dynamodb", config=Config(max_pool_connections=threads + 1, **config))
    own, table = json.loads(json.dumps(items).replace("ACCOUNT", new_id())), os.environ["TABLE_NAME"]
    apart = [item for item in own if in_transactions and "version" in item]
    puts = [{"PutRequest": {"Item": item}} for item in own if not (in_transactions and "version" in item)]
    batches = [{table: puts[at : at + 25]} for at in range(0, len(puts), 25)]
    writes = [{"Put": {"TableName": table, "Item": item}} for item in apart]
    transactions = [writes[at : at + 94] for at in range(0, len(writes), 94)]

    def transact() -> None:
        for each in transactions:
            client.transact_write_items(TransactItems=each)

    def run() -> None:
        with ThreadPoolExecutor(threads) as pool, ThreadPoolExecutor(1) as other:
            transacting = other.submit(transact)
            list(pool.map(lambda each: client.batch_write_item(RequestItems=each), batches))
            transacting.result()

    client.describe_table(TableName=table)  # opens a connection, and lets botocore compile its models
    return run


# --- Memory ----------------------------------------------------------------------------------------------------


def _memory(surroundings: Around, folder: Path) -> list[dict[str, Any]]:
    """Peak memory of a planner and of a worker that runs for a few seconds, each in a fresh process."""
    peaks: dict[str, list[float]] = {"planner": [], "worker": []}
    rows_per_second = 0.0
    for rows in (LARGE // 100, LARGE):
        found = Import(surroundings, files.write(folder / f"{rows}.csv", files.WIDE, rows))
        with Apart("import_upload") as planner:
            took = planner.handle(found.arrival(), _LAMBDA_SECONDS)
        rows_per_second = rows / took.seconds
        peaks["planner"].append(took.peak_mb)
        found.confirm()
        with Apart("import_worker") as worker:
            [message] = surroundings.worker_events()
            peaks["worker"].append(worker.handle(message, 25 + _WORKS_SECONDS).peak_mb)
        surroundings.messages.clear()  # the worker's message to continue
    memory = [
        _row(f"peak MB of a {name}, against 10,000 rows", large, small, "<= 256 MB, ratio 1")
        for name, (small, large) in peaks.items()
    ]
    return [_row("rows/s of the planner, 12 columns", rows_per_second, 0, ">= 300,000"), *memory]


# --- A million rows --------------------------------------------------------------------------------------------


def million(rows: int = LARGE) -> list[dict[str, Any]]:
    """Import a file of the maximum size, by one worker after the other as in Lambda."""
    with tempfile.TemporaryDirectory() as folder, around() as surroundings:
        found = Import(surroundings, files.write(Path(folder) / "large.csv", files.NAMES, rows))
        with Apart("import_upload") as planner:
            planned = planner.handle(found.arrival(), _LAMBDA_SECONDS)
        found.confirm()
        started, workers, peak = time.perf_counter(), 0, 0.0
        with Apart("import_worker") as worker:
            for event in surroundings.worker_events():
                peak, workers = worker.handle(event, _LAMBDA_SECONDS).peak_mb, workers + 1
                seconds = round(time.perf_counter() - started)
                print(f"after {seconds} s: {found.job().processed_rows:,} rows", flush=True)  # noqa: T201
    job = found.job()
    counts = {name: getattr(job, name) for name in ("status", "total_rows", "created_count", "failed_count")}
    took = {"planned_s": round(planned.seconds), "seconds": seconds, "workers": workers, "peak_mb": round(peak)}
    return [counts | took]
