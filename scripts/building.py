"""Build Keel for this machine with `sam build`: for its Python and its architecture.

A digest of all sources decides whether anything has to be built or deployed again.
"""

import hashlib
import io
import json
import os
import platform
import subprocess
import tomllib
import zipfile
from collections.abc import Iterator
from pathlib import Path

import local_template
import lock
import template
from template import ROOT

KEEL = ROOT / ".keel"
BUILD = KEEL / "build"
TEMPLATE = KEEL / "template.json"
SAM = KEEL / "sam/bin/sam"
# What the dependencies layer is built from, beside the functions' packages.
BUILDERS = [ROOT / "scripts" / name for name in ("dependencies.py", "bytecode.py", "lock.py", "target.py")]
RUNTIME = "python3.11"
ARCHITECTURE = "arm64" if platform.machine() in ("arm64", "aarch64") else "x86_64"


class CommandError(Exception):
    """A command cannot continue. The message is shown to the user instead of a traceback."""


def build() -> None:
    """Build into .keel/build, unless the sources are those of the last build."""
    if (BUILD / "digest").exists() and (BUILD / "digest").read_text() == digest():
        return
    write_template()
    # SAM sees a change in a layer's own folder, not in the scripts that build it and not in the lock.
    built_from = [lock.requirements("functions").encode(), *(path.read_bytes() for path in BUILDERS)]
    cache = KEEL / "cache" / hashlib.sha256(b"".join(built_from)).hexdigest()[:12]
    folders: list[str | Path] = ["--cache-dir", cache, "--build-dir", BUILD]
    sam("build", "--cached", *folders, "--template-file", TEMPLATE, "--parameter-overrides", *overrides())
    (BUILD / "digest").write_text(digest())


def write_template() -> Path:
    """Write the template as MiniStack needs it to .keel/template.json."""
    KEEL.mkdir(exist_ok=True)
    TEMPLATE.write_text(json.dumps(local_template.adapted(template.load(), ROOT), indent=1))
    return TEMPLATE


def sam(command: str, *arguments: str | Path, endpoint: str | None = None) -> None:
    """Run SAM with the settings of the local stack; its output is shown only if it fails.

    Raises CommandError with the end of the output.
    """
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
        raise CommandError(f"{done.stdout[-4000:]}\n{done.stderr[-4000:]}\nsam {command} failed.")


def overrides() -> list[str]:
    """The parameters of the local stack as NAME=VALUE."""
    config = tomllib.loads((ROOT / "samconfig.toml").read_text())
    return [*config["local"]["deploy"]["parameters"]["parameter_overrides"], f"Architecture={ARCHITECTURE}"]


def parameter(name: str) -> str:
    """The value of a parameter of the local stack."""
    return dict(each.split("=", 1) for each in overrides())[name]


def sources() -> Iterator[Path]:
    """Every file that the local stack is made of."""
    yield from (ROOT / "template.yaml", ROOT / "samconfig.toml", ROOT / "scripts/local_template.py", *BUILDERS)
    for folder in (ROOT / "functions", ROOT / "layers"):
        yield from sorted(path for path in folder.rglob("*") if path.is_file() and "__pycache__" not in path.parts)


def digest() -> str:
    """A digest of the sources and of the functions' packages."""
    content = hashlib.sha256(lock.requirements("functions").encode())
    for path in sources():
        content.update(f"{path.relative_to(ROOT)}\0".encode() + path.read_bytes() + b"\0")
    return content.hexdigest()


def zipped(folder: Path) -> bytes:
    """The files of a folder as a zip archive, without bytecode."""
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w", zipfile.ZIP_DEFLATED) as archive:
        for path in sorted(folder.rglob("*")):
            if path.is_file() and "__pycache__" not in path.parts:
                archive.write(path, path.relative_to(folder))
    return content.getvalue()


def memory_gigabytes() -> int:
    return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") // 2**30


def logical_id(folder: str) -> str:
    """The logical id of a function in the template."""
    return "".join(word.capitalize() for word in folder.split("_")) + "Function"
