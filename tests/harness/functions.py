"""Run a function's real module in the environment that the template gives it."""

import importlib.util
import json
import os
import sys
import threading
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from types import ModuleType
from typing import Any

import template
from tests.harness import permissions
from tests.harness.stand_ins import ACCOUNT, REGION, StandIns


@dataclass(frozen=True)
class Context:
    """What Lambda passes to a handler beside the event."""

    function_name: str
    aws_request_id: str = field(default_factory=lambda: str(uuid.uuid4()))
    memory_limit_in_mb: int = 1024
    remaining: int = 28_000

    @property
    def invoked_function_arn(self) -> str:
        return f"arn:aws:lambda:{REGION}:{ACCOUNT}:function:{self.function_name}:live"

    def get_remaining_time_in_millis(self) -> int:
        return self.remaining


class Functions:
    """Every function of the template; a module is imported once, on first use."""

    def __init__(self, stand_ins: StandIns) -> None:
        self._stand_ins = stand_ins
        self._modules: dict[str, ModuleType] = {}
        self._environments: dict[str, dict[str, str]] = {}
        self._overrides: dict[str, str] = {}
        self._lock = threading.RLock()
        self._current: dict[str, str] = {}
        self._running = 0

    def environment(self, folder: str) -> dict[str, str]:
        if folder not in self._environments:
            self._environments[folder] = self._stand_ins.environment(folder)
        return self._environments[folder] | self._overrides

    def override(self, variables: dict[str, str]) -> None:
        """Values of variables that hold until `reset`."""
        with self._lock:
            self._overrides |= variables
            self._apply({})

    def reset(self) -> None:
        with self._lock:
            self._overrides = {}
            self._apply({})

    def module(self, folder: str) -> ModuleType:
        """functions/<folder>/app.py, imported in its own environment."""
        with self.running(folder):
            if folder not in self._modules:
                name = f"functions.{folder}.app"
                path = template.ROOT / "functions" / folder / "app.py"
                specification = importlib.util.spec_from_file_location(name, path)
                assert specification is not None
                assert specification.loader is not None
                module = importlib.util.module_from_spec(specification)
                sys.modules[name] = module
                specification.loader.exec_module(module)
                self._modules[folder] = module
            return self._modules[folder]

    def invoke(self, folder: str, event: dict[str, Any]) -> Any:
        """What the handler returns, as JSON carries it."""
        handler = self.module(folder).handler
        default = template.load()["Globals"]["Function"]["Timeout"]
        timeout = template.functions()[folder].get("Timeout", default)
        with self.running(folder):
            answer = handler(event, Context(f"keel-test-{folder}", remaining=timeout * 1_000))
        return json.loads(json.dumps(answer))

    @contextmanager
    def running(self, folder: str) -> Iterator[None]:
        """Gives the process the function's environment; functions that run at the same time share theirs."""
        with self._lock:
            wanted = self.environment(folder)
            if self._running:
                wanted = self._current | wanted
            if wanted != self._current:
                self._apply(wanted)
            self._running += 1
        token = permissions.running.set(folder)
        try:
            yield
        finally:
            permissions.running.reset(token)
            with self._lock:
                self._running -= 1

    def _apply(self, wanted: dict[str, str]) -> None:
        from keel import settings

        for name in self._current.keys() - wanted.keys():
            os.environ.pop(name, None)
        os.environ.update(wanted)
        self._current = wanted
        for each in vars(settings).values():
            if hasattr(each, "cache_clear"):
                each.cache_clear()
