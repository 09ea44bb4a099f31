"""What answers a path that is no operation? Preflights, and `api.not_found` for the rest."""

from keel.http import Api

api = Api("api")
handler = api.handle
