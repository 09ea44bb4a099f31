"""Which browser tries the reference in the tests? Chromium, or what is built on it, from the machine.

browser.py         installs it where that is possible: on Debian and its kind, as root
"""

import os
import shutil
import subprocess
import sys

NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")


def executable() -> str:
    """Its path; ends the process, saying what to do, where there is none."""
    chosen = os.environ.get("KEEL_BROWSER")
    found = chosen or next((path for name in NAMES if (path := shutil.which(name))), None)
    if found is None:
        sys.exit("The tests of the reference need Chromium or Chrome on the PATH, or its path in KEEL_BROWSER.")
    return found


def install() -> None:
    if os.environ.get("KEEL_BROWSER") or any(shutil.which(name) for name in NAMES):
        return
    if shutil.which("apt-get") and os.geteuid() == 0:
        print("Installing Chromium …", flush=True)
        subprocess.run(["apt-get", "update", "-qq"], check=True)
        command = ["apt-get", "install", "-y", "-qq", "--no-install-recommends", "chromium"]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        if done.returncode:
            sys.exit(done.stdout + done.stderr)
    executable()


if __name__ == "__main__":
    install()
