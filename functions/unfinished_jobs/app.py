"""What becomes of jobs that nobody finishes? Uploads that never came fail, work that stands still goes on."""

from typing import Any

from keel.exports import jobs as exports
from keel.imports import service as imports
from keel.settings import export_settings, import_settings, settings

settings()
import_settings()
export_settings()


def handler(_event: dict[str, Any], _context: Any) -> None:
    imports.look_after_all()
    exports.look_after_all()
