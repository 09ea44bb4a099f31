"""Measure one fresh process. Run as a script, it prints CPU milliseconds and peak megabytes as JSON.

`fresh.py bare` makes a raw botocore client and reads one item; `fresh.py <folder> <event>` imports a function and
answers one request.
"""

import importlib.util
import json
import os
import sys
import time
from pathlib import Path
from typing import Any


def bare() -> None:
    # The tools of development bring it along, the functions have it not: botocore would load it, and sign by it.
    sys.modules["awscrt"] = None  # type: ignore[assignment]
    from botocore.session import get_session

    client: Any = get_session().create_client("dynamodb")
    key = {"pk": {"S": "nothing"}, "sk": {"S": "nothing"}}
    client.get_item(TableName=os.environ["TABLE_NAME"], Key=key)


def function(folder: str, event: dict[str, Any]) -> None:
    specification = importlib.util.spec_from_file_location("app", Path(folder) / "app.py")
    if specification is None or specification.loader is None:
        raise RuntimeError(f"no function {folder}")
    module = importlib.util.module_from_spec(specification)
    specification.loader.exec_module(module)

    class Context:
        aws_request_id = function_name = invoked_function_arn = "bench"
        memory_limit_in_mb = 1024

    response = module.handler(event, Context)
    if response["statusCode"] >= 500:
        raise RuntimeError(response["body"])


def main() -> None:
    started = time.process_time()
    if sys.argv[1] == "bare":
        bare()
    else:
        function(sys.argv[1], json.loads(sys.argv[2]))
    cpu = time.process_time() - started
    peak = next(line for line in Path("/proc/self/status").read_text().splitlines() if line.startswith("VmHWM"))
    print(json.dumps({"cpu_ms": 1_000 * cpu, "peak_mb": int(peak.split()[1]) / 1024}))  # noqa: T201


if __name__ == "__main__":
    main()
