"""Serve the pages outside the envelope: the OpenAPI document and the reference.

A page needs nothing from elsewhere. What belongs to it, its script for example, is served under its own address with
`?asset=NAME`, so that there are two addresses and no more.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Final

from keel.errors import ApiError

_MEDIA_TYPES: Final = {
    ".css": "text/css; charset=utf-8",
    ".html": "text/html; charset=utf-8",
    ".js": "text/javascript; charset=utf-8",
    ".json": "application/json",
    ".txt": "text/plain; charset=utf-8",
}
# The browser may load from here and talk to here, and nothing else: no inline script, no eval, no frame around it.
_POLICY: Final = "; ".join(
    (
        "default-src 'none'",
        "script-src 'self'",
        "style-src 'self'",
        "img-src 'self' data:",
        "connect-src 'self'",
        "base-uri 'none'",
        "form-action 'none'",
        "frame-ancestors 'none'",
    )
)
_SECONDS: Final = 300


@dataclass(frozen=True)
class Page:
    """An answer outside the envelope."""

    headers: dict[str, str]
    body: str


class Pages:
    """The pages in a folder: `docs.html` with its assets, and `openapi.json`."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def document(self, _query: Mapping[str, str]) -> Page:
        """The OpenAPI document; any site may read it."""
        headers = _headers(".json") | {"Access-Control-Allow-Origin": "*"}
        return Page(headers, self._openapi)

    def reference(self, query: Mapping[str, str]) -> Page:
        """The reference, or the asset of it that the query names; raises `api.not_found`."""
        name = query.get("asset", "docs.html")
        if name not in self._assets:
            raise ApiError("api.not_found")
        path = self._assets[name]
        return Page(_headers(path.suffix), path.read_text())

    @cached_property
    def _assets(self) -> dict[str, Path]:
        # By plain name: what is asked for is looked up, and never becomes part of a path.
        return {path.name: path for path in self.folder.rglob("*") if path.suffix in _MEDIA_TYPES}

    @cached_property
    def _openapi(self) -> str:
        document = json.loads((self.folder / "openapi.json").read_text())
        return json.dumps(document, ensure_ascii=False, separators=(",", ":"))


def _headers(suffix: str) -> dict[str, str]:
    return {
        "Content-Type": _MEDIA_TYPES[suffix],
        "Cache-Control": f"public, max-age={_SECONDS}",
        "Content-Security-Policy": _POLICY,
        "Cross-Origin-Opener-Policy": "same-origin",
        "Referrer-Policy": "no-referrer",
        "Strict-Transport-Security": "max-age=31536000",
        "X-Content-Type-Options": "nosniff",
    }
