"""Run a function in a process of its own, and measure wall time, CPU time and peak memory of each event.

Run as a script it is that process: it takes events as lines, each with the seconds that are left for it.
"""

import importlib.util
import json
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

_ROOT = Path(__file__).parent.parent


@dataclass(frozen=True)
class Took:
    seconds: float
    cpu_seconds: float
    peak_mb: float


class Apart:
    """A process that runs functions/<folder>; it ends with the block."""

    def __init__(self, folder: str) -> None:
        command = [sys.executable, __file__, folder]
        self._process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)  # noqa: S603

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_exception: object) -> None:
        self._process.communicate()

    def handle(self, event: dict[str, Any], seconds: float) -> Took:
        if self._process.stdin is None or self._process.stdout is None:
            raise RuntimeError("the process has no pipes")
        self._process.stdin.write(json.dumps([event, seconds]) + "\n")
        self._process.stdin.flush()
        answer = json.loads(self._process.stdout.readline())
        if answer["failures"]:
            raise RuntimeError("the event was not handled")
        return Took(answer["seconds"], answer["cpu_seconds"], answer["peak_mb"])


class _Context:
    aws_request_id = function_name = invoked_function_arn = "bench"
    memory_limit_in_mb = 1024

    def __init__(self, seconds: float) -> None:
        self._ends = time.monotonic() + seconds

    def get_remaining_time_in_millis(self) -> int:
        return int(1_000 * (self._ends - time.monotonic()))


def _handler(folder: str) -> Any:
    sys.path.insert(0, str(_ROOT / "layers/keel/python"))
    specification = importlib.util.spec_from_file_location("app", _ROOT / "functions" / folder / "app.py")
    if specification is None or specification.loader is None:
        raise RuntimeError(f"no function {folder}")
    module = importlib.util.module_from_spec(specification)
    specification.loader.exec_module(module)
    return module.handler


def main() -> None:
    answers, sys.stdout = sys.stdout, sys.stderr  # where the logs go
    handler = _handler(sys.argv[1])
    for line in sys.stdin:
        event, seconds = json.loads(line)
        started, cpu = time.perf_counter(), time.process_time()
        failures = handler(event, _Context(seconds))["batchItemFailures"]
        took = {"seconds": time.perf_counter() - started, "cpu_seconds": time.process_time() - cpu}
        status = Path("/proc/self/status").read_text().splitlines()
        peak = next(int(each.split()[1]) for each in status if each.startswith("VmHWM"))
        print(json.dumps({"failures": failures, **took, "peak_mb": peak / 1024}), file=answers, flush=True)


if __name__ == "__main__":
    main()
