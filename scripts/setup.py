"""What must be installed before anything else runs? Puts it into .venv and .keel, once per change of a pinned list.

Runs on a bare Python 3.11, so it imports nothing but the standard library.
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

ROOT = Path(__file__).parent.parent
KEEL = ROOT / ".keel"
CLIENT = ROOT / "clients/python"


def main() -> None:
    wrong = missing_tools()
    if wrong:
        sys.exit("Keel cannot be set up:\n" + "\n".join(f"  - {line}" for line in wrong))
    functions, development = ROOT / "layers/dependencies/requirements.txt", ROOT / "requirements-dev.txt"
    client = CLIENT / "pyproject.toml"
    local, node = ROOT / "requirements-local.txt", [ROOT / "package.json", ROOT / "package-lock.json"]
    with ThreadPoolExecutor() as pool:
        parts = [
            pool.submit(
                install, "development tools", ROOT / ".venv", [development, functions, client], development_tools
            ),
            pool.submit(install, "MiniStack", KEEL / "ministack", [local], virtual_environment),
            pool.submit(install, "DynamoDB Local", KEEL / "node", node, node_packages),
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


def install(name: str, folder: Path, lists: list[Path], make: Callable[[Path, list[Path]], None]) -> None:
    """Skipped while the pinned lists, and the folder, are those of the last time."""
    stamp = folder / ".installed"
    wanted = hashlib.sha256(b"\0".join([str(folder).encode(), *(path.read_bytes() for path in lists)])).hexdigest()
    if stamp.exists() and stamp.read_text() == wanted:
        return
    print(f"Installing {name} …", flush=True)
    start = time.monotonic()
    make(folder, lists)
    stamp.write_text(wanted)
    print(f"Installed {name} in {time.monotonic() - start:.0f} s", flush=True)


def virtual_environment(folder: Path, lists: list[Path]) -> None:
    """The lists are complete, so pip has nothing to resolve; bytecode is compiled as it is needed."""
    run(sys.executable, "-m", "venv", "--clear", folder)
    run(folder / "bin/python", "-m", "pip", "install", "--no-deps", "--no-compile", "-r", lists[0])


def development_tools(folder: Path, lists: list[Path]) -> None:
    virtual_environment(folder, lists)
    # With the command `keel`, which runs from this checkout.
    run(folder / "bin/python", "-m", "pip", "install", "--no-deps", "--no-build-isolation", "--editable", CLIENT)


def node_packages(folder: Path, lists: list[Path]) -> None:
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    for path in lists:
        shutil.copy(path, folder)
    run("npm", "ci", "--no-audit", "--no-fund", "--prefix", folder)


def run(*command: str | Path) -> str:
    """What the command says, shown only when it fails."""
    done = subprocess.run(command, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False)
    if done.returncode:
        sys.exit(f"{done.stdout}\nThis failed: {' '.join(map(str, command))}")
    return done.stdout


if __name__ == "__main__":
    main()
