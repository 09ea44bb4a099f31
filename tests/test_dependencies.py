"""Tests of lock.toml and of the layer that is built from it."""

import ast
import importlib.metadata
import re
import shutil
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

import dependencies
import lock

ROOT = lock.ROOT


def pins(*groups: str) -> list[Requirement]:
    """The pinned packages of groups, without their hashes."""
    return [Requirement(lines.partition("\\")[0]) for _, lines in lock.entries(lock.requirements(*groups))]


def installed(*groups: str) -> dict[str, str]:
    """Versions by name of the packages that these groups install here."""
    here = [each for each in pins(*groups) if each.marker is None or each.marker.evaluate()]
    return {str(canonicalize_name(each.name)): str(each.specifier).removeprefix("==") for each in here}


@pytest.mark.parametrize("group", lock.GROUPS)
def test_lock_pins_each_package_with_hashes_and_without_urls(group: str) -> None:
    text = lock.requirements(group)
    assert "".join(lines for _, lines in lock.entries(text)) == text
    assert all(re.fullmatch(r"==[\w.]+", str(each.specifier)) for each in pins(group))
    assert all("--hash=sha256:" in lines for _, lines in lock.entries(text))
    assert "://" not in text


@pytest.mark.parametrize("group", lock.GROUPS)
def test_lock_satisfies_pyproject(group: str) -> None:
    declared = tomllib.loads((ROOT / "pyproject.toml").read_text())["dependency-groups"][group]
    versions = installed("functions", "dev") if group == "dev" else installed(group)
    for needed in [Requirement(text) for text in declared if isinstance(text, str)]:
        assert needed.specifier, f"{needed.name} has no bounds"
        assert needed.specifier.contains(versions[str(canonicalize_name(needed.name))]), f"{needed}: run make lock"


@pytest.mark.parametrize("groups", [("functions",), ("functions", "dev")])
def test_lock_contains_what_its_packages_require(groups: tuple[str, ...]) -> None:
    names = installed(*groups)
    for name in names:
        for text in importlib.metadata.requires(name) or ():
            needed = Requirement(text)
            if needed.marker is None or needed.marker.evaluate({"extra": ""}):
                assert needed.specifier.contains(names[str(canonicalize_name(needed.name))]), f"{name} needs {text}"


def test_installed_packages_have_the_pinned_versions() -> None:
    for name, version in installed("functions", "dev").items():
        assert importlib.metadata.version(name) == version, name


def test_boto3_and_botocore_are_of_one_release() -> None:
    names = installed("functions")
    assert names["boto3"] == names["botocore"]


def test_functions_have_the_same_packages_on_every_supported_python() -> None:
    # pip evaluates markers for the Python it runs on, not for the one that it installs for.
    assert not [each for each in pins("functions") if re.search("python|platform", str(each.marker or ""))]


def imported(node: ast.AST) -> Iterator[str]:
    """The modules that are imported at run time. Those under `if TYPE_CHECKING` are not."""
    if isinstance(node, ast.If) and ast.unparse(node.test) == "TYPE_CHECKING":
        return
    if isinstance(node, ast.Import):
        yield from (alias.name for alias in node.names)
    if isinstance(node, ast.ImportFrom) and not node.level:
        yield node.module or ""
    for child in ast.iter_child_nodes(node):
        yield from imported(child)


def test_functions_import_only_packages_of_the_layer() -> None:
    deployed = {"keel", *sys.stdlib_module_names}
    for distribution in installed("functions"):
        files = importlib.metadata.files(distribution) or []
        deployed |= {path.parts[0].removesuffix(".py") for path in files if path.suffix in (".py", ".so")}
    paths = [*(ROOT / "functions").rglob("*.py"), *(ROOT / "layers/keel").rglob("*.py")]
    assert paths
    for path in paths:
        assert {name.split(".")[0] for name in imported(ast.parse(path.read_text()))} <= deployed, path


def test_layer_contains_each_service_that_the_functions_call() -> None:
    sources = [path.read_text() for path in (ROOT / "layers/keel").rglob("*.py")]
    called = {name for text in sources for name in re.findall(r'client\("(\w+)"', text)}
    assert "dynamodb" in called
    assert called <= dependencies.SERVICES


@pytest.fixture(scope="module")
def trimmed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The functions' packages as they are installed here, trimmed like the layer."""
    folder = tmp_path_factory.mktemp("layer")
    for name in installed("functions"):
        for path in importlib.metadata.files(name) or []:
            if path.suffix != ".pyc" and ".." not in path.parts:
                target = folder / path
                target.parent.mkdir(parents=True, exist_ok=True)
                shutil.copy(path.locate(), target)
    dependencies.trim(folder)
    return folder


USES = """
import pkgutil, sys
sys.path[:0] = sys.argv[1:]
import argon2, boto3, email_validator, keel, pynamodb.models
from aws_lambda_powertools import Logger, Metrics, Tracer
from aws_lambda_powertools.event_handler import APIGatewayRestResolver
from aws_lambda_powertools.utilities.batch import BatchProcessor, EventType, process_partial_response
from aws_lambda_powertools.utilities.data_classes import DynamoDBStreamEvent, EventBridgeEvent, SQSEvent
from aws_lambda_powertools.utilities.typing import LambdaContext

session = boto3.session.Session(region_name="us-east-1", aws_access_key_id="a", aws_secret_access_key="b")
for service in SERVICES:
    session.client(service)
argon2.PasswordHasher().hash("password")
email_validator.validate_email("ada@example.com", check_deliverability=False)
APIGatewayRestResolver()
BatchProcessor(EventType.SQS)
Tracer(service="keel", disabled=False)
for module in pkgutil.walk_packages(keel.__path__, "keel."):
    __import__(module.name)
"""


def test_trimmed_layer_has_what_the_functions_import(trimmed: Path) -> None:
    program = f"SERVICES = {sorted(dependencies.SERVICES)}\n{USES}"
    # Isolated and without site-packages: only what is deployed can be imported.
    command: list[str | Path] = [sys.executable, "-I", "-S", "-c", program, trimmed, ROOT / "layers/keel/python"]
    # In Lambda, the X-Ray SDK does not call the X-Ray service.
    environment = {"LAMBDA_TASK_ROOT": str(trimmed)}
    done = subprocess.run(command, capture_output=True, text=True, check=False, env=environment)
    assert done.returncode == 0, done.stderr
