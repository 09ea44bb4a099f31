"""Run the receivers of docs/webhooks.md with valid, forged and repeated deliveries."""

import base64
import itertools
import json
import re
import subprocess
import time
from pathlib import Path
from typing import Any

import pytest
from standardwebhooks import Webhook

import template

PAGE = (template.ROOT / "docs/webhooks.md").read_text()
SECRET = "whsec_" + base64.b64encode(b"k" * 32).decode()
BODY = '{"event":"contact.created","timestamp":"2026-06-01T12:00:00.000Z","data":{"first_name":"Ännie"}}'


def example(language: str, number: int = 0) -> str:
    return str(re.findall(rf"```{language}\n(.*?)```", PAGE, re.DOTALL)[number])


def test_events_in_any_order_and_number_leave_the_last_state() -> None:
    found: dict[str, Any] = {}
    exec(example("python", 1), found)  # noqa: S102 - our own page

    def event(action: str, minute: int) -> dict[str, Any]:
        return {"event": f"contact.{action}", "data": {"id": "1", "updated_at": f"2026-06-01T12:0{minute}:00.000Z"}}

    told = [event("created", 0), event("updated", 1), event("updated", 2)]
    for deleted in (False, True):
        for some in itertools.permutations([*told, event("updated", 1), *([event("deleted", 2)] if deleted else [])]):
            kept: dict[str, Any] = {}
            for each in some:
                found["apply_event"](kept, each)
            assert kept == {"1": None if deleted else told[2]["data"]}


def headers(body: str = BODY) -> dict[str, str]:
    from datetime import UTC, datetime

    now = int(time.time())
    signature = Webhook(SECRET).sign("an-id", datetime.fromtimestamp(now, UTC), body)
    return {"webhook-id": "an-id", "webhook-timestamp": str(now), "webhook-signature": f"v1,AAAA {signature}"}


def test_python_verifies() -> None:
    from standardwebhooks.webhooks import WebhookVerificationError

    found: dict[str, Any] = {}
    exec(example("python"), found)  # noqa: S102 - our own page
    assert found["verify"](SECRET, headers(), BODY.encode()) == json.loads(BODY)
    with pytest.raises(WebhookVerificationError):
        found["verify"](SECRET, headers(), BODY.replace("Ännie", "Annie").encode())


@pytest.mark.parametrize(
    ("body", "age", "accepted"), [(BODY, 0, True), (BODY.replace("Ännie", "Annie"), 0, False), (BODY, 600, False)]
)
def test_node_verifies(body: str, age: int, accepted: bool) -> None:
    given = headers()
    given["webhook-timestamp"] = str(int(given["webhook-timestamp"]) - age)
    arguments = ", ".join(map(json.dumps, (SECRET, given, body)))
    script = f"{example('javascript')}\nconsole.log(verify({arguments}).data.first_name)"
    done = subprocess.run(["node", "-e", script], capture_output=True, text=True, check=False)
    assert (done.returncode == 0) is accepted, done.stderr
    assert done.stdout.strip() == ("Ännie" if accepted else "")


def test_shell_computes_the_signature(tmp_path: Path) -> None:
    given = headers()
    (tmp_path / "body.json").write_text(BODY)
    environment = {
        "PATH": "/usr/bin:/bin:/usr/local/bin",
        "SECRET": SECRET,
        "ID": given["webhook-id"],
        "TIMESTAMP": given["webhook-timestamp"],
    }
    command = ["sh", "-c", example("sh")]
    done = subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, text=True, check=True)
    assert f"v1,{done.stdout.strip()}" == given["webhook-signature"].split()[1]


def test_page_tells_the_schedule_that_is_kept() -> None:
    from keel.webhooks.retry_schedule import STEPS

    hours = [f"{step // 3_600_000} h" for step in STEPS[3:]]
    assert f"5 s, 5 min, 30 min, {', '.join(hours[:-1])} and {hours[-1]}" in PAGE
    assert len(STEPS) == 9
