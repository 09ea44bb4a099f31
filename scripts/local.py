"""How does Keel run on this machine? MiniStack plays AWS, and the real template is built and deployed to it.

local.py dev       start, deploy what changed, show logs, put code changes live; Ctrl-C stops it and keeps the data
local.py start     the same, and leave it running
local.py stop      stop it
local.py sync      put code changes live
local.py reset     wipe its data
"""

import os
import shutil
import sys
import time

import template
from building import KEEL, Stopped, sources
from stack import Stack
from template import ROOT


def up(stack: Stack) -> None:
    began = time.monotonic()
    if not stack.running():
        (KEEL / "url").unlink(missing_ok=True)
        stack.start()
    print("Deploying what changed …", flush=True)
    stack.deploy()
    url = stack.url()
    (KEEL / "url").write_text(url + "\n")
    stack.warm()
    print(f"Ready after {time.monotonic() - began:.0f} s.\n\n{greeting(url, stack.endpoint)}", flush=True)


def greeting(url: str, endpoint: str) -> str:
    return f"""\
Keel      {url}
Mails     {endpoint}/_ministack/ses/messages

An account, and a first call with its token:

  TOKEN=$(curl -s {url}/api/auth-register \\
    -d '{{"email": "ada-'$(date +%s)'@example.com", "password": "correct horse", "name": "Ada"}}' |
    python3 -c 'import json, sys; print(json.load(sys.stdin)["result"]["access_token"])')
  curl -s {url}/api/contacts-create -H "Authorization: Bearer $TOKEN" -d '{{"first_name": "Grace"}}'
"""


def dev(stack: Stack) -> None:
    up(stack)
    print("Logs follow; saved code goes live by itself. Ctrl-C stops Keel and keeps its data.\n", flush=True)
    before = stamps()
    for line in stack.logs():
        if line:
            print(line, flush=True)
            continue
        now = stamps()
        changed = {place for place in now.keys() | before.keys() if now.get(place) != before.get(place)}
        before = now
        put_live(stack, changed)
        time.sleep(0.4)


def put_live(stack: Stack, changed: set[str]) -> None:
    if "deploy" in changed:
        print("Deploying …", flush=True)
        stack.deploy()
    elif changed:
        began = time.monotonic()
        stack.sync(changed)
        print(f"Live after {time.monotonic() - began:.1f} s: {', '.join(sorted(changed))}", flush=True)


def stamps() -> dict[str, int]:
    """When each part last changed: a function's folder, "keel" (the layer), "deploy" (what needs a deployment)."""
    found: dict[str, int] = {}
    for path in sources():
        parts = path.relative_to(ROOT).parts
        place = parts[1] if parts[0] == "functions" else "keel" if parts[:2] == ("layers", "keel") else "deploy"
        found[place] = max(found.get(place, 0), path.stat().st_mtime_ns)
    return found


def main() -> None:
    stack = Stack(KEEL / "local", int(os.environ.get("KEEL_PORT") or 4566))
    command = sys.argv[1]
    if command in ("dev", "start") and stack.running() and not stack.healthy():
        raise Stopped(f"Keel runs already, but does not answer on port {stack.port}. To end it: make stop")
    if command == "dev":
        try:
            dev(stack)
        except KeyboardInterrupt:
            print("\nStopping; the data is kept.", flush=True)
        finally:
            stack.stop()
    elif command == "start":
        try:
            up(stack)
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
    except Stopped as stopped:
        sys.exit(str(stopped))
