"""How is Keel built for this machine? By `sam build`, for the Python and the architecture that are here.

What decides whether anything has to be built or deployed again is the digest of all sources.
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

from template import ROOT

KEEL = ROOT / ".keel"
BUILD = KEEL / "build"
SAM = ROOT / ".venv/bin/sam"
BUILDERS = [ROOT / "scripts" / name for name in ("dependencies.py", "bytecode.py", "target.py")]
RUNTIME = "python3.11"
ARCHITECTURE = "arm64" if platform.machine() in ("arm64", "aarch64") else "x86_64"


class Stopped(Exception):
    """Something outside Keel does not work; the message says what."""


def build() -> None:
    """Into .keel/build, for this machine's Python and architecture."""
    if (BUILD / "digest").exists() and (BUILD / "digest").read_text() == digest():
        return
    # SAM knows by a layer's own folder whether it has changed, not by the scripts that build it.
    cache = KEEL / "cache" / hashlib.sha256(b"".join(path.read_bytes() for path in BUILDERS)).hexdigest()[:12]
    sam("build", "--cached", "--cache-dir", cache, "--build-dir", BUILD, "--parameter-overrides", *overrides())
    (BUILD / "digest").write_text(digest())


def sam(command: str, *arguments: str | Path, endpoint: str | None = None) -> None:
    """Shows what SAM says only when it fails."""
    environment = os.environ | {
        "PATH": f"{SAM.parent}{os.pathsep}{os.environ['PATH']}",
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
    whole = hashlib.sha256()
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
