"""Build Keel for this machine with `sam build`: for its Python and its architecture.

A digest of all sources decides whether anything has to be built or deployed again.
"""

import hashlib
import io
import os
import platform
import subprocess
import tomllib
import zipfile
from collections.abc import Iterator
from pathlib import Path

import lock
from template import ROOT

KEEL = ROOT / ".keel"
BUILD = KEEL / "build"
SAM = KEEL / "sam/bin/sam"
# What the dependencies layer is built from, beside the functions' packages.
BUILDERS = [ROOT / "scripts" / name for name in ("dependencies.py", "bytecode.py", "lock.py", "target.py")]
RUNTIME = "python3.11"
ARCHITECTURE = "arm64" if platform.machine() in ("arm64", "aarch64") else "x86_64"


class Stopped(Exception):
    """Something outside Keel does not work; the message says what."""


def build() -> None:
    """Into .keel/build, for this machine's Python and architecture."""
    if (BUILD / "digest").exists() and (BUILD / "digest").read_text() == digest():
        return
    # SAM sees a change in a layer's own folder, not in the scripts that build it and not in the lock.
    built_from = [lock.requirements("functions").encode(), *(path.read_bytes() for path in BUILDERS)]
    cache = KEEL / "cache" / hashlib.sha256(b"".join(built_from)).hexdigest()[:12]
    sam("build", "--cached", "--cache-dir", cache, "--build-dir", BUILD, "--parameter-overrides", *overrides())
    (BUILD / "digest").write_text(digest())


def sam(command: str, *arguments: str | Path, endpoint: str | None = None) -> None:
    """Shows what SAM says only when it fails."""
    environment = os.environ | {
        "PATH": f"{ROOT / '.venv/bin'}{os.pathsep}{os.environ['PATH']}",  # its Python has pip
        "SAM_CLI_TELEMETRY": "0",
        "SAM_CLI_POLL_DELAY": "1",
        "KEEL_PLATFORM": f"{RUNTIME} {ARCHITECTURE}",
        "AWS_ACCESS_KEY_ID": "test",
        "AWS_SECRET_ACCESS_KEY": "test",
        "AWS_DEFAULT_REGION": "us-east-1",
        **({"AWS_ENDPOINT_URL": endpoint} if endpoint else {}),
    }
    full = [SAM, command, "--config-file", ROOT / "samconfig.toml", "--config-env", "local", *arguments]
    done = subprocess.run(full, cwd=ROOT, env=environment, capture_output=True, text=True, check=False)
    if done.returncode:
        raise Stopped(f"{done.stdout[-4000:]}\n{done.stderr[-4000:]}\nsam {command} failed")


def overrides() -> list[str]:
    config = tomllib.loads((ROOT / "samconfig.toml").read_text())
    return [*config["local"]["deploy"]["parameters"]["parameter_overrides"], f"Architecture={ARCHITECTURE}"]


def parameter(name: str) -> str:
    return dict(each.split("=", 1) for each in overrides())[name]


def sources() -> Iterator[Path]:
    yield from (ROOT / "template.yaml", ROOT / "samconfig.toml", *BUILDERS)
    for folder in (ROOT / "functions", ROOT / "layers"):
        yield from sorted(path for path in folder.rglob("*") if path.is_file() and "__pycache__" not in path.parts)


def digest() -> str:
    whole = hashlib.sha256(lock.requirements("functions").encode())
    for path in sources():
        whole.update(f"{path.relative_to(ROOT)}\0".encode() + path.read_bytes() + b"\0")
    return whole.hexdigest()


def zipped(folder: Path) -> bytes:
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w", zipfile.ZIP_DEFLATED) as archive:
        for path in sorted(folder.rglob("*")):
            if path.is_file() and "__pycache__" not in path.parts:
                archive.write(path, path.relative_to(folder))
    return content.getvalue()


def memory_gigabytes() -> int:
    return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") // 2**30


def logical_id(folder: str) -> str:
    return "".join(word.capitalize() for word in folder.split("_")) + "Function"
