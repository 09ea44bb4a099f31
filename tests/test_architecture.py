"""Does the code keep to its own structure? The rules that a machine can check."""

import ast
import re
from functools import cache
from pathlib import Path

import pytest

from template import ROOT

LAYER = ROOT / "layers/keel/python/keel"
CLIENT = [
    path for path in (ROOT / "clients/python/src").rglob("*.py") if "Made by make openapi" not in path.read_text()
]
OURS = sorted([*LAYER.rglob("*.py"), *(ROOT / "functions").rglob("*.py"), *(ROOT / "scripts").rglob("*.py"), *CLIENT])
TESTS = sorted((ROOT / "tests").rglob("*.py"))
APPS = sorted((ROOT / "functions").glob("*/app.py"))
TEXTS = [*OURS, *TESTS, *(ROOT / "docs").rglob("*.md"), ROOT / "template.yaml", ROOT / "Makefile"]


def ends_faults(path: Path) -> bool:
    """The resolver, and workers that report or set aside one record and continue with the others."""
    return path.name in ("resolver.py", "publisher.py", "recovery.py", "sending.py")


def shown(path: Path) -> str:
    return str(path.relative_to(ROOT))


@cache
def tree(path: Path) -> ast.Module:
    return ast.parse(path.read_text())


def imports(path: Path) -> set[str]:
    found: set[str] = set()
    for node in ast.walk(tree(path)):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            found |= {node.module, *(f"{node.module}.{alias.name}" for alias in node.names)}
    return found


@pytest.mark.parametrize("path", [*OURS, *TESTS], ids=shown)
def test_module_has_a_docstring(path: Path) -> None:
    assert ast.get_docstring(tree(path))


@pytest.mark.parametrize("path", [*OURS, *TESTS], ids=shown)
def test_a_module_has_a_name_that_says_what_is_in_it(path: Path) -> None:
    vague = {"utils", "util", "helpers", "helper", "common", "base", "misc", "manager", "managers"}
    assert not vague & {part.removesuffix(".py") for part in path.relative_to(ROOT).parts}


@pytest.mark.parametrize("path", APPS, ids=shown)
def test_a_function_says_who_may_call_and_leaves_the_rest_to_the_layer(path: Path) -> None:
    assert len(path.read_text().splitlines()) <= 130
    third_party = {"boto3", "botocore", "pydantic", "jwt", "urllib3"}
    assert not third_party & {name.split(".")[0] for name in imports(path)}
    assert not {name for name in imports(path) if name.startswith(("keel.storage.table", "keel.storage.clients"))}
    beside = {each.name for each in path.parent.iterdir()} - {"__pycache__"}
    assert beside == ({"app.py", "pages"} if path.parent.name == "api" else {"app.py"})


@pytest.mark.parametrize("path", sorted(LAYER.rglob("*.py")), ids=shown)
def test_arrows_point_one_way(path: Path) -> None:
    found = imports(path)
    assert not {name for name in found if name.startswith(("functions", "tests"))}
    # What is kept knows nothing of requests: only what declares operations stands above http.
    if path.name not in ("resolver.py", "routes.py"):
        assert not {name for name in found if name.startswith("keel.api.resolver")}
    if path.parent.name == "storage" or path.name in ("errors.py", "settings.py", "clock.py", "ids.py"):
        below = ("keel.storage", "keel.errors", "keel.settings", "keel.logs", "keel.clock")
        assert all(name == "keel" or name.startswith(below) for name in found if name.startswith("keel"))


@pytest.mark.parametrize("path", sorted(LAYER.rglob("*.py")), ids=shown)
def test_one_module_shapes_responses(path: Path) -> None:
    constants = {node.value for node in ast.walk(tree(path)) if isinstance(node, ast.Constant)}
    assert "statusCode" not in constants
    event_handler = {name for name in imports(path) if name.startswith("aws_lambda_powertools.event_handler")}
    assert not event_handler or path.name == "resolver.py"


@pytest.mark.parametrize("path", APPS, ids=shown)
def test_handler_has_the_lambda_context_in_its_logs_and_writes_its_metrics(path: Path) -> None:
    defined = {node.name: node for node in tree(path).body if isinstance(node, ast.FunctionDef)}
    if "handler" not in defined:
        assert "handler = api.handle" in path.read_text().splitlines()
        return
    decorators = [ast.unparse(each) for each in defined["handler"].decorator_list]
    assert decorators[:2] == ["logger.inject_lambda_context(log_event=False)", "metrics.log_metrics"]


@pytest.mark.parametrize("path", OURS, ids=shown)
def test_no_fault_is_swallowed(path: Path) -> None:
    for node in ast.walk(tree(path)):
        if isinstance(node, ast.ExceptHandler):
            names = {name.id for name in ast.walk(node.type) if isinstance(name, ast.Name)} if node.type else {"bare"}
            broad = names & {"bare", "Exception", "BaseException"}
            reraises = any(isinstance(each, ast.Raise) and each.exc is None for each in ast.walk(node))
            assert not broad or reraises or ends_faults(path), f"line {node.lineno}"


@pytest.mark.parametrize("path", OURS, ids=shown)
def test_modules_and_functions_are_short(path: Path) -> None:
    assert len(path.read_text().splitlines()) <= 400
    for node in ast.walk(tree(path)):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            body = (node.end_lineno or 0) - node.lineno
            assert body <= 60, f"{node.name} has {body} lines"


@pytest.mark.parametrize("path", TESTS, ids=shown)
def test_tests_neither_sleep_nor_skip(path: Path) -> None:
    names = {ast.unparse(node) for node in ast.walk(tree(path)) if isinstance(node, ast.Attribute)}
    assert not {name for name in names if name.startswith("pytest.") and name.endswith(("skip", "skipif", "xfail"))}
    assert "time.sleep" not in names or path.parent.name in ("harness", "e2e")


def test_nothing_is_left_for_later() -> None:
    marks = re.compile(r"\b(TO" + r"DO|FIX" + r"ME|X" + r"XX|HA" + r"CK)\b")
    for path in TEXTS:
        assert not marks.search(path.read_text()), path
