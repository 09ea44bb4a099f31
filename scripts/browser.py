"""Find the browser for the tests of the API reference: Chromium or Chrome.

browser.py         installs Chromium if it is missing and the system is Debian or Ubuntu and the user is root
"""

import os
import shutil
import subprocess
import sys

NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")


def executable() -> str:
    """The path of the browser. Exits if there is none."""
    path = os.environ.get("KEEL_BROWSER") or next((path for name in NAMES if (path := shutil.which(name))), None)
    if path is None:
        sys.exit("The tests of the API reference need Chromium or Chrome. Install it or set KEEL_BROWSER to its path.")
    return path


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
