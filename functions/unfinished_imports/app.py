"""What becomes of imports that nobody finishes? Uploads that never came fail, work that stands still goes on."""

from typing import Any

from keel.imports import service
from keel.settings import import_settings, settings

settings()
import_settings()


def handler(_event: dict[str, Any], _context: Any) -> None:
    service.look_after_all()
