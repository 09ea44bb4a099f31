"""What becomes of jobs that nobody finishes? Uploads that never came fail, work that stands still goes on."""

from typing import Any, Final

from keel.exports import jobs as exports
from keel.imports import jobs, service
from keel.settings import export_settings, import_settings, settings
from keel.workers import recovery

settings()
import_settings()
export_settings()

_WORKS: Final = {jobs.KIND: service.LOOKED_AFTER, exports.KIND: exports.LOOKED_AFTER}
_MARGIN_MILLISECONDS: Final = 20_000


def handler(_event: dict[str, Any], context: Any) -> None:
    recovery.look_after(_WORKS, lambda: context.get_remaining_time_in_millis() < _MARGIN_MILLISECONDS)
