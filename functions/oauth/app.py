"""The token endpoint of OAuth."""

from typing import Any

from aws_lambda_powertools.utilities.data_classes import APIGatewayProxyEvent

from keel.api import request_body
from keel.api.resolver import Api, PublicCall
from keel.oauth_apps import grants
from keel.oauth_apps.schemas import TokenGrant, TokenRequest

api = Api("oauth")
handler = api.handle


def _read_body(event: APIGatewayProxyEvent, resource: str) -> dict[str, Any]:
    """The body as JSON or as a form. curl labels any body as a form, so one that starts with "{" is read as JSON."""
    media_type = event.headers.get("content-type", "").partition(";")[0].strip().lower()
    text = request_body.read_text(event, resource)
    if media_type != grants.FORM or text.lstrip().startswith("{"):
        return request_body.read_json(event, resource)
    parameters = grants.read_form(text)
    if parameters is None:
        raise request_body.invalid_request(resource, "The form is malformed.")
    return parameters


@api.public_operation("oauth-token", TokenRequest, result=TokenGrant, read_body=_read_body)
def token(call: PublicCall[TokenRequest]) -> dict[str, Any]:
    return grants.grant(call.body, call.headers.get("authorization"))
