"""What answers a path that is no operation? Preflights, the two pages, and `api.not_found` for the rest."""

from pathlib import Path

from keel.api.pages import Pages
from keel.api.resolver import Api

api = Api("api")
handler = api.handle

pages = Pages(Path(__file__).with_name("pages"))
api.page("/openapi.json", pages.document)
api.page("/docs", pages.reference)
