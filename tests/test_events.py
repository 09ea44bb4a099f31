"""Invoke every function with the sample events in events/."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

import pytest

import template
from keel.api.resolver import Api
from tests.harness.functions import Functions
from tests.harness.gateway import answer_of
from tests.harness.stand_ins import StandIns

EVENTS: Final = template.ROOT / "events"
SAMPLES: Final = sorted(EVENTS.glob("*/*.json"))
# The same request is a sample for every function behind the gateway, its path aside.
REQUEST: Final = EVENTS / "api" / "operation.json"


def routes(folder: str) -> list[str]:
    return sorted(path for (_, path), owner in template.routes().items() if owner == folder)


def name(path: Path) -> str:
    return str(path.relative_to(EVENTS).with_suffix(""))


def test_there_is_a_sample_for_every_function() -> None:
    behind_the_gateway = {folder for folder in template.functions() if routes(folder)}
    assert set(template.functions()) - behind_the_gateway == {path.parent.name for path in SAMPLES} - {"api"}


@pytest.mark.parametrize("folder", [folder for folder in template.functions() if routes(folder)])
def test_a_function_behind_the_gateway_answers_the_request(functions: Functions, folder: str) -> None:
    path = routes(folder)[-1]
    event = json.loads(REQUEST.read_text()) | {"path": path, "resource": path}
    assert isinstance(functions.module(folder).api, Api)
    answer = answer_of(functions.invoke(folder, event))
    # The sample carries no token, and its body no fields.
    assert answer.status in (400, 401, 404)


@pytest.mark.parametrize("path", [path for path in SAMPLES if path != REQUEST], ids=name)
def test_a_worker_handles_its_sample(
    functions: Functions, stand_ins: StandIns, path: Path, log_lines: Callable[[], list[dict[str, Any]]]
) -> None:
    event = json.loads(path.read_text())
    queue = _own_queue(stand_ins, path.parent.name)
    for record in event.get("Records", []):
        if record["eventSource"] == "aws:sqs":
            record["eventSourceARN"] = queue
    log_lines()
    answer = functions.invoke(path.parent.name, event)
    assert answer in (None, {"batchItemFailures": []})
    assert [line for line in log_lines() if line["level"] == "ERROR"] == []


def _own_queue(stand_ins: StandIns, folder: str) -> str:
    """The queue that the function reads first, "" when it reads none."""
    for event in template.functions()[folder]["Events"].values():
        if event["Type"] == "SQS":
            return str(stand_ins.value(event["Properties"]["Queue"]))
    return ""
