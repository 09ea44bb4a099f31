"""Build the layer of third-party packages: for the functions' platform, trimmed to what they import, with bytecode.

`sam build` calls it through layers/dependencies/Makefile: dependencies.py ARTIFACTS_DIR. It installs the `functions`
group of lock.toml and checks the hashes. Only wheels are installed, so the host needs neither the functions' Python nor
Docker. It may run on the host's Python, so it imports only the standard library.
"""

import gzip
import json
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import lock
from bytecode import compile_tree
from target import target

# The services that the functions call, and the data that botocore reads for every service.
SERVICES = {"dynamodb", "events", "kms", "s3", "secretsmanager", "sesv2", "sqs", "sts"}
ENDPOINTS = SERVICES | {"email"}  # as which SES is reached
SHARED_DATA = {"endpoints.json", "partitions.json", "sdk-default-configuration.json", "_retry.json"}

# No function imports these:
UNUSED = (
    "bin",
    "dns",  # email-validator looks up domains with it, which Keel does not ask for
    "cffi",  # compiles bindings, but argon2's come compiled
    "pycparser",  # imported by cffi
    "boto3/data",  # describes boto3's resources; the functions use clients
    "boto3/examples",
    "aws_lambda_powertools/event_handler/openapi/swagger_ui/swagger-ui-bundle.min.js",
    "aws_lambda_powertools/event_handler/openapi/swagger_ui/swagger-ui.min.css",
)
# What Keel uses of Powertools' utilities. The batch processor imports the parser.
POWERTOOLS_UTILITIES = {
    "__init__.py",
    "batch",
    "data_classes",
    "jmespath_utils",
    "parser",
    "serialization.py",
    "typing",
}

# The newest minor version of glibc 2 that a wheel may need: that of Amazon Linux 2 (Python 3.11) or 2023.
GLIBC = {"python3.11": 26}
NEWEST_GLIBC = 34


def install(folder: Path, runtime: str, architecture: str) -> None:
    machine = "aarch64" if architecture == "arm64" else architecture
    tags = [f"manylinux_2_{minor}_{machine}" for minor in range(GLIBC.get(runtime, NEWEST_GLIBC), 16, -1)]
    platforms = [f"--platform={tag}" for tag in [*tags, f"manylinux2014_{machine}"]]
    version = runtime.removeprefix("python")
    command = [sys.executable, "-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--no-deps"]
    command += ["--no-compile", "--only-binary=:all:", "--implementation=cp", f"--python-version={version}", *platforms]
    with lock.requirements_file(lock.requirements("functions")) as path:
        subprocess.run([*command, f"--target={folder}", "--require-hashes", "-r", path], check=True)


def trim(folder: Path) -> None:
    """Remove what no function imports. METADATA files stay, because pydantic reads versions at run time."""
    data = folder / "botocore/data"
    for path in data.iterdir():
        if path.name not in SERVICES | SHARED_DATA:
            remove(path)
    for path in [*data.rglob("examples-1*"), *data.rglob("waiters-2*")]:
        path.unlink()
    trim_descriptions(data)
    utilities = folder / "aws_lambda_powertools/utilities"
    for path in utilities.iterdir():
        if path.name not in POWERTOOLS_UTILITIES:
            remove(path)
    for name in UNUSED:
        remove(folder / name)
    for pattern in ("tests", "__pycache__"):
        for path in list(folder.rglob(pattern)):
            shutil.rmtree(path, ignore_errors=True)
    for path in [*folder.rglob("*.pyi"), *folder.glob("*.dist-info/RECORD")]:
        path.unlink()


def remove(path: Path) -> None:
    shutil.rmtree(path) if path.is_dir() else path.unlink(missing_ok=True)


def trim_descriptions(data: Path) -> None:
    """Remove from botocore's service descriptions the documentation and the services that Keel does not call.

    A cold start reads these files in full. A fifth of the JSON is left.
    """
    endpoints = json.loads((data / "endpoints.json").read_text())
    for partition in endpoints["partitions"]:
        partition["services"] = {name: each for name, each in partition["services"].items() if name in ENDPOINTS}
    (data / "endpoints.json").write_text(json.dumps(endpoints, separators=(",", ":")))
    for path in data.rglob("service-2.json.gz"):
        model = without_prose(json.loads(gzip.decompress(path.read_bytes())))
        # No time stamp, so that the same packages make the same layer.
        path.write_bytes(gzip.compress(json.dumps(model, separators=(",", ":")).encode(), mtime=0))


def without_prose(value: Any) -> Any:
    """Empty each documentation text. The keys stay, because botocore reads some of them."""
    if isinstance(value, list):
        return [without_prose(each) for each in value]
    if not isinstance(value, dict):
        return value
    # A member that is named "documentation" has an object here, not a text.
    prose = {name: "" for name, each in value.items() if name == "documentation" and isinstance(each, str)}
    return {name: without_prose(each) for name, each in value.items()} | prose


def without_sources(folder: Path) -> None:
    """Replace each module's source by its bytecode, which halves the files that Lambda unpacks on a cold start."""
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
