"""Which operations does the token endpoint have?"""

from typing import Any

from keel.api.resolver import Api, PublicCall, Request
from keel.oauth_apps import grants
from keel.oauth_apps.schemas import TokenGrant, TokenRequest

api = Api("oauth")
handler = api.handle


def _read(request: Request) -> dict[str, Any]:
    """The body as JSON or, if it says that it is one, as a form; curl says so of whatever it sends."""
    media_type = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    text = api.read_text(request)
    if media_type != grants.FORM or text.lstrip().startswith("{"):
        return api.read_json(request)
    parameters = grants.read_form(text)
    if parameters is None:
        raise api.malformed("The form is malformed.")
    return parameters


@api.public_operation("oauth-token", TokenRequest, result=TokenGrant, reads=_read)
def token(call: PublicCall[TokenRequest]) -> dict[str, Any]:
    return grants.grant(call.body, call.headers.get("authorization"))
