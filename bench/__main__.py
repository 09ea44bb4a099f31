"""Run the benchmarks: `python -m bench [cold] [warm] [growth] [throughput] [imports] [webhooks]`, all without a name.

`python -m bench million` alone imports a file of a million rows, which takes from half an hour up.
"""

import argparse
import os
import platform
from typing import Any

from bench import cold, counting, growth, imports, report, warm, webhooks
from bench.system import system


def main() -> None:
    arguments = argparse.ArgumentParser(prog="python -m bench", description="What does Keel cost?")
    arguments.add_argument("parts", nargs="*", help="cold, warm, growth, throughput, imports, webhooks, million")
    arguments.add_argument("--rounds", type=int, default=7, help="interleaved rounds, of which the median counts")
    arguments.add_argument("--sizes", default="1000,10000,100000", help="contacts of the accounts that growth compares")
    chosen = arguments.parse_args()
    sizes = [int(size) for size in chosen.sizes.split(",")]
    with system():
        counting.attach()
        parts: dict[str, Any] = {
            "cold": lambda: cold.measure(chosen.rounds),
            "warm": lambda: warm.measure(chosen.rounds, 40),
            "throughput": lambda: warm.throughput(400),
            "growth": lambda: growth.measure(sizes, chosen.rounds),
            "imports": lambda: imports.measure(min(chosen.rounds, imports.ROUNDS)),
            "webhooks": webhooks.measure,
            "million": imports.million,
        }
        results: dict[str, Any] = {"python": platform.python_version(), "cores": os.cpu_count()}
        for name in chosen.parts or [name for name in parts if name != "million"]:
            results[name] = parts[name]()
            print(report.table(f"\n{name}", results[name]), flush=True)  # noqa: T201
        report.save(results)


if __name__ == "__main__":
    main()
