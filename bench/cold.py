"""Measure a function's first request, import included, against a raw botocore client with one GetItem.

The functions run from the layers as they are built to be deployed, and see nothing else; the raw client from the
package as it is published.
"""

import json
import os
import statistics
import subprocess
import sys
import sysconfig
from pathlib import Path
from typing import Any, Final

import building
import template
from bench.system import Account

# One request for each function of the API, one that reads where there is one.
FIRST: Final[dict[str, tuple[str, dict[str, Any]]]] = {
    "auth": ("auth-me", {}),
    "users": ("users-list", {}),
    "oauth": ("oauth-token", {}),
    "oauth_apps": ("oauth-apps-list", {}),
    "contacts": ("contacts-list", {}),
    "companies": ("companies-list", {}),
    "projects": ("projects-list", {}),
    "activities": ("activities-list", {}),
    "sources": ("sources-list", {}),
    "custom_fields": ("custom-fields-list", {}),
    "webhooks": ("webhooks-list", {}),
    "imports": ("imports-list", {}),
    "exports": ("exports-get", {"id": "00000000-0000-7000-8000-000000000000"}),
}
_SCRIPT: Final = Path(__file__).parent / "fresh.py"
_LAYERS: Final = [str(building.BUILD / layer / "python") for layer in ("DependenciesLayer", "KeelLayer")]


def measure(rounds: int) -> list[dict[str, Any]]:
    """Medians of fresh processes, interleaved; the first round, which compiles what is not compiled, does not count."""
    building.build()
    account = Account.open()
    cases = {"bare": ["bare"]}
    for folder, (operation, body) in FIRST.items():
        cases[folder] = [str(building.BUILD / building.logical_id(folder)), json.dumps(account.event(operation, body))]
    figures: dict[str, list[dict[str, float]]] = {name: [] for name in cases}
    for number in range(rounds + 1):
        for name, arguments in cases.items():
            figure = _run(arguments, _environment(name))
            if number:
                figures[name].append(figure)
    medians = {
        name: {each: statistics.median(figure[each] for figure in found) for each in ("cpu_ms", "peak_mb")}
        for name, found in figures.items()
    }
    return [
        {
            "function": name,
            **{each: round(value, 1) for each, value in median.items()},
            "cpu_ratio": round(median["cpu_ms"] / medians["bare"]["cpu_ms"], 2),
            "peak_ratio": round(median["peak_mb"] / medians["bare"]["peak_mb"], 2),
        }
        for name, median in medians.items()
    ]


def _environment(folder: str) -> dict[str, str]:
    own = template.functions().get(folder, {}).get("Environment", {}).get("Variables", {})
    packages = [sysconfig.get_path("purelib")] if folder == "bare" else _LAYERS
    given = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
    return dict.fromkeys(own, "bench") | given | {"PYTHONPATH": os.pathsep.join(packages)}


def _run(arguments: list[str], environment: dict[str, str]) -> dict[str, float]:
    command = [sys.executable, "-S", str(_SCRIPT), *arguments]  # -S: without the packages of development
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)  # noqa: S603
    if done.returncode:
        raise RuntimeError(f"{arguments[0]}: {done.stderr}")
    figure: dict[str, float] = json.loads(done.stdout.splitlines()[-1])
    return figure
