"""Issue access tokens to apps: the client credentials grant of RFC 6749, in JSON, as a form, or with HTTP Basic."""

import base64
from typing import Any, Final
from urllib.parse import parse_qsl, unquote_plus

from keel import clock
from keel.api import access_tokens
from keel.api.access_tokens import AccessToken
from keel.api.fields import is_blank
from keel.api.principals import OAuthApp, app_key
from keel.errors import ApiError
from keel.oauth_apps.schemas import TokenRequest
from keel.oauth_apps.service import CLIENT_PREFIX
from keel.storage import table

FORM: Final = "application/x-www-form-urlencoded"
_PARAMETERS: Final = 100


def read_form(text: str) -> dict[str, Any] | None:
    """The parameters of a form, None for a text that is not a form or that repeats a parameter (RFC 6749, 3.2)."""
    try:
        pairs = parse_qsl(text, keep_blank_values=True, errors="strict", max_num_fields=_PARAMETERS)
    except ValueError:
        return None
    parameters = dict(pairs)
    return parameters if len(parameters) == len(pairs) else None


def grant(body: TokenRequest, authorization: str | None) -> dict[str, Any]:
    """A token for an app.

    Raises `invalid_request`, `unsupported_grant_type`, `missing_credentials` and `invalid_client`.
    """
    basic = _basic(authorization or "")
    if basic and any(basic) and (body.client_id or body.client_secret):
        raise ApiError("oauth.invalid_request", "Send the credentials either in the body or as HTTP Basic, not both.")
    if body.grant_type != "client_credentials":
        raise ApiError.for_field("oauth.unsupported_grant_type", "grant_type")
    client_id, secret = basic or (body.client_id, body.client_secret)
    if is_blank(client_id) or is_blank(secret):
        raise ApiError("oauth.missing_credentials")
    app = _authenticate(client_id, secret)
    access_token = AccessToken("app", app.account_id, app.sk, "", app.token_version)
    return {
        "access_token": access_tokens.issue(access_token),
        "token_type": "Bearer",
        "expires_in": access_tokens.APP_TOKEN_SECONDS,
    }


def _basic(authorization: str) -> tuple[str, str] | None:
    """The id and the secret of a Basic header, both percent-encoded (RFC 6749, 2.3.1); None for another header.

    Both are empty when the header is malformed.
    """
    scheme, _, credentials = authorization.partition(" ")
    if scheme.lower() != "basic":
        return None
    try:
        client_id, colon, secret = base64.b64decode(credentials.strip(), validate=True).decode().partition(":")
        return (unquote_plus(client_id, errors="strict"), unquote_plus(secret, errors="strict")) if colon else ("", "")
    except ValueError:  # also raised for invalid base64 and for bytes that are not UTF-8
        return "", ""


def _authenticate(client_id: str, secret: str) -> OAuthApp:
    """The app, with `last_used_at` set. One update compares the hashes."""
    named = access_tokens.ids_of(CLIENT_PREFIX, client_id, 2, secret=False)
    if named is None:
        raise ApiError("oauth.invalid_client")
    write = table.update(
        OAuthApp,
        app_key(*named),
        [OAuthApp.last_used_at.set(clock.text(clock.now()))],
        (OAuthApp.secret_digest == access_tokens.digest(secret)) & OAuthApp.revoked_at.does_not_exist(),
        on_failure=table.raise_(ApiError("oauth.invalid_client")),
    )
    app: OAuthApp = table.write(write, returning="ALL_NEW")
    return app
