"""How is the layer of third-party packages built? For the functions' platform, trimmed to what they use, with bytecode.

`sam build` calls it through layers/dependencies/Makefile: dependencies.py ARTIFACTS_DIR. Only wheels are used, so the
host needs neither the functions' Python nor Docker.
"""

import gzip
import json
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

from bytecode import compile_tree
from target import target

ROOT = Path(__file__).parent.parent
REQUIREMENTS = ROOT / "layers/dependencies/requirements.txt"

# The services that the functions call, and what botocore reads to reach any.
SERVICES = {"dynamodb", "events", "kms", "s3", "secretsmanager", "sesv2", "sqs", "sts"}
ENDPOINTS = SERVICES | {"email"}  # as which SES is reached
SHARED_DATA = {"endpoints.json", "partitions.json", "sdk-default-configuration.json", "_retry.json"}

# dnspython serves a check of emails that is not made; pycparser built cffi; of Powertools the functions use the logger.
UNUSED = ("bin", "dns", "pycparser", "aws_lambda_powertools/event_handler")
POWERTOOLS_UTILITIES = {"__init__.py", "jmespath_utils"}

# A wheel may name any of these: up to the C library of Amazon Linux 2 (Python 3.11) or 2023.
GLIBC = {"python3.11": 26}
NEWEST_GLIBC = 34


def install(folder: Path, runtime: str, architecture: str) -> None:
    machine = "aarch64" if architecture == "arm64" else architecture
    tags = [f"manylinux_2_{minor}_{machine}" for minor in range(GLIBC.get(runtime, NEWEST_GLIBC), 16, -1)]
    platforms = [f"--platform={tag}" for tag in [*tags, f"manylinux2014_{machine}"]]
    version = runtime.removeprefix("python")
    command = [sys.executable, "-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--no-deps"]
    command += ["--no-compile", "--only-binary=:all:", "--implementation=cp", f"--python-version={version}", *platforms]
    subprocess.run([*command, f"--target={folder}", "-r", REQUIREMENTS], check=True)


def trim(folder: Path) -> None:
    """Drops what no function loads. A package's METADATA stays: pydantic looks versions up at run time."""
    data = folder / "botocore/data"
    for path in data.iterdir():
        if path.name not in SERVICES | SHARED_DATA:
            shutil.rmtree(path) if path.is_dir() else path.unlink()
    for path in [*data.rglob("examples-1*"), *data.rglob("waiters-2*")]:
        path.unlink()
    trim_descriptions(data)
    for path in (folder / "aws_lambda_powertools/utilities").iterdir():
        if path.name not in POWERTOOLS_UTILITIES:
            shutil.rmtree(path, ignore_errors=True)
    for name in UNUSED:
        shutil.rmtree(folder / name, ignore_errors=True)
    for pattern in ("tests", "__pycache__"):
        for path in list(folder.rglob(pattern)):
            shutil.rmtree(path, ignore_errors=True)
    for path in [*folder.rglob("*.pyi"), *folder.glob("*.dist-info/RECORD")]:
        path.unlink()


def trim_descriptions(data: Path) -> None:
    """Leaves of botocore's descriptions, all of which a cold start reads, what makes a call: no prose, no services
    that Keel does not call. A fifth of the JSON is left."""
    endpoints = json.loads((data / "endpoints.json").read_text())
    for partition in endpoints["partitions"]:
        partition["services"] = {name: each for name, each in partition["services"].items() if name in ENDPOINTS}
    (data / "endpoints.json").write_text(json.dumps(endpoints, separators=(",", ":")))
    for path in data.rglob("service-2.json.gz"):
        model = without_prose(json.loads(gzip.decompress(path.read_bytes())))
        # Without a time stamp, so that the same packages make the same layer.
        path.write_bytes(gzip.compress(json.dumps(model, separators=(",", ":")).encode(), mtime=0))


def without_prose(value: Any) -> Any:
    """Empty, not gone: botocore looks some of it up."""
    if isinstance(value, list):
        return [without_prose(each) for each in value]
    if not isinstance(value, dict):
        return value
    # A member that happens to be called so is described by an object.
    prose = {name: "" for name, each in value.items() if name == "documentation" and isinstance(each, str)}
    return {name: without_prose(each) for name, each in value.items()} | prose


def without_sources(folder: Path) -> None:
    """Leaves of each module what Python loads: half the files to unpack before a function starts."""
    for compiled in list(folder.rglob("__pycache__/*.pyc")):
        source = compiled.parent.parent / f"{compiled.name.split('.')[0]}.py"
        if source.exists():
            compiled.rename(source.with_suffix(".pyc"))
            source.unlink()
    for emptied in list(folder.rglob("__pycache__")):
        shutil.rmtree(emptied)


def main() -> None:
    folder = Path(sys.argv[1]) / "python"
    runtime, architecture = target()
    install(folder, runtime, architecture)
    trim(folder)
    compile_tree(folder, runtime)
    without_sources(folder)


if __name__ == "__main__":
    main()
