"""Answer every path that is not an operation: preflights, the two pages, and `api.not_found`."""

from pathlib import Path

from keel.api.pages import Pages
from keel.api.resolver import Api

api = Api("api")
handler = api.handle

pages = Pages(Path(__file__).with_name("pages"))
api.page("/openapi.json", pages.document)
api.page("/docs", pages.reference)
