"""Run Keel on this machine: start a local AWS emulator, build the template and deploy it.

local.py dev       start, deploy, show logs and update code when it is saved; Ctrl-C stops it and keeps the data
local.py start     start and deploy, then return and leave it running
local.py stop      stop it and keep the data
local.py sync      update the code of all functions
local.py reset     stop it and delete the data
"""

import os
import shutil
import sys
import time
from pathlib import Path

import template
from building import KEEL, CommandError, sources
from stack import Stack
from template import ROOT


def start(stack: Stack) -> None:
    """Start and deploy the stack, and print how to call it."""
    began = time.monotonic()
    if not stack.running():
        (KEEL / "url").unlink(missing_ok=True)
        print(f"Starting a local AWS emulator on port {stack.port} …", flush=True)
        stack.start()
    print("Deploying changes …", flush=True)
    stack.deploy()
    url = stack.url()
    (KEEL / "url").write_text(url + "\n")
    stack.warm()
    print(f"Ready after {time.monotonic() - began:.0f} s.\n\n{greeting(url, stack.endpoint)}", flush=True)


def greeting(url: str, endpoint: str) -> str:
    """The addresses of the stack and commands to try it."""
    return f"""\
API       {url}
Emails    {endpoint}/_ministack/ses/messages

Create an account and a contact:

  TOKEN=$(curl -s {url}/api/auth-register \\
    -d '{{"email": "ada-'$(date +%s)'@example.com", "password": "correct horse", "name": "Ada"}}' |
    python3 -c 'import json, sys; print(json.load(sys.stdin)["result"]["access_token"])')
  curl -s {url}/api/contacts-create -H "Authorization: Bearer $TOKEN" -d '{{"first_name": "Grace"}}'
"""


def dev(stack: Stack) -> None:
    """Start the stack, then show its logs and deploy changes until the process is interrupted."""
    start(stack)
    print("Showing logs. Saved code is deployed automatically. Press Ctrl-C to stop; the data is kept.\n", flush=True)
    before = change_times()
    for line in stack.logs():
        if line:
            print(line, flush=True)
            continue
        now = change_times()
        changed = {part for part in now.keys() | before.keys() if now.get(part) != before.get(part)}
        before = now
        deploy_changes(stack, changed)
        time.sleep(0.4)


def deploy_changes(stack: Stack, changed: set[str]) -> None:
    """Deploy the parts that `change_times` names."""
    if "template" in changed:
        print("Deploying …", flush=True)
        stack.deploy()
    elif changed:
        began = time.monotonic()
        stack.sync(changed)
        print(f"Updated after {time.monotonic() - began:.1f} s: {', '.join(sorted(changed))}", flush=True)


def change_times() -> dict[str, int]:
    """When each part last changed: a function's folder, "keel" (the layer), "template" (what needs a deployment)."""
    times: dict[str, int] = {}
    for path in sources():
        part = _part_of(path)
        times[part] = max(times.get(part, 0), path.stat().st_mtime_ns)
    return times


def _part_of(path: Path) -> str:
    folders = path.relative_to(ROOT).parts
    if folders[0] == "functions":
        return folders[1]
    return "keel" if folders[:2] == ("layers", "keel") else "template"


def main() -> None:
    stack = Stack(KEEL / "local", int(os.environ.get("KEEL_PORT") or 4566))
    command = sys.argv[1]
    if command in ("dev", "start") and stack.running() and not stack.healthy():
        raise CommandError(f"Keel is running but does not respond on port {stack.port}. Stop it with: make stop")
    if command == "dev":
        try:
            dev(stack)
        except KeyboardInterrupt:
            print("\nStopping. The data is kept.", flush=True)
        finally:
            stack.stop()
    elif command == "start":
        try:
            start(stack)
        except BaseException:
            stack.stop()
            raise
    elif command == "stop":
        stack.stop()
    elif command == "sync":
        stack.sync({*template.functions(), "keel"})
    elif command == "reset":
        stack.stop()
        shutil.rmtree(stack.folder, ignore_errors=True)
        (KEEL / "url").unlink(missing_ok=True)
    else:
        sys.exit(__doc__)


if __name__ == "__main__":
    try:
        main()
    except CommandError as error:
        sys.exit(str(error))
