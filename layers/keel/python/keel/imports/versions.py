"""Which version of a record is this, if undoing an import brought an earlier one back?

A record that was restored moves on like any other, so its version says that it was edited. What it holds is an earlier
version, though: of the same import if another of its rows had changed it, of an earlier import, or of a user's.
"""

from typing import Any

from keel.records.models import Record


def mark(version: int, restored: int) -> dict[str, Any]:
    """What a record bears, under `undone`, whose new version holds what the restored one held."""
    return {"at": version, "version": restored}


def brought_back(record: Record) -> int:
    """The earliest version that held what the record holds, as far as undoing knows; else its own."""
    version, undone = record.version, record.undone
    return int(undone["version"]) if undone and undone["at"] == version else version
