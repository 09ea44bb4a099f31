"""How does an app get its token? The client credentials grant of RFC 6749, in JSON, as a form, or with Basic."""

import base64
from typing import Any, Final
from urllib.parse import parse_qsl, unquote_plus

from keel import clock
from keel.api import access_tokens
from keel.api.access_tokens import AccessToken
from keel.api.fields import is_blank
from keel.api.principals import app_key
from keel.errors import ApiError
from keel.oauth_apps.schemas import TokenRequest
from keel.oauth_apps.service import CLIENT_PREFIX
from keel.storage import legacy_table as table
from keel.storage.legacy_table import Item

FORM: Final = "application/x-www-form-urlencoded"
_PARAMETERS: Final = 100


def read_form(text: str) -> dict[str, Any] | None:
    """The parameters of a form; None for what is no form, or names one twice (RFC 6749, 3.2)."""
    try:
        pairs = parse_qsl(text, keep_blank_values=True, errors="strict", max_num_fields=_PARAMETERS)
    except ValueError:
        return None
    found = dict(pairs)
    return found if len(found) == len(pairs) else None


def grant(body: TokenRequest, authorization: str | None) -> dict[str, Any]:
    """A token for an app; `invalid_request`, `unsupported_grant_type`, `missing_credentials`, `invalid_client`."""
    basic = _basic(authorization or "")
    if basic and any(basic) and (body.client_id or body.client_secret):
        raise ApiError("oauth.invalid_request", "Send the credentials in the body or as Basic, not both.")
    if body.grant_type != "client_credentials":
        raise ApiError.for_field("oauth.unsupported_grant_type", "grant_type")
    client_id, secret = basic or (body.client_id, body.client_secret)
    if is_blank(client_id) or is_blank(secret):
        raise ApiError("oauth.missing_credentials")
    app = _authenticate(client_id, secret)
    account_id = app["pk"].partition("#")[0]
    return {
        "access_token": access_tokens.issue(AccessToken("app", account_id, app["sk"], "", app["epoch"])),
        "token_type": "Bearer",
        "expires_in": access_tokens.APP_TOKEN_SECONDS,
    }


def _basic(authorization: str) -> tuple[str, str] | None:
    """The two parts of a Basic header, each percent-encoded before it was put in (RFC 6749, 2.3.1), both empty
    when it is malformed; None for another header."""
    scheme, _, credentials = authorization.partition(" ")
    if scheme.lower() != "basic":
        return None
    try:
        client_id, colon, secret = base64.b64decode(credentials.strip(), validate=True).decode().partition(":")
        return (unquote_plus(client_id, errors="strict"), unquote_plus(secret, errors="strict")) if colon else ("", "")
    except ValueError:  # what is no base64 and no text are both among these
        return "", ""


def _authenticate(client_id: str, secret: str) -> Item:
    """The app, as of now used; one round trip that compares hashes and leaves everything else as it is."""
    named = access_tokens.ids_of(CLIENT_PREFIX, client_id, 2, secret=False)
    if named is None:
        raise ApiError("oauth.invalid_client")
    write = table.update(
        app_key(*named),
        "SET #last_used_at = :now",
        "#secret_digest = :digest AND attribute_not_exists(#revoked_at)",
        failed=table.raise_(ApiError("oauth.invalid_client")),
        now=clock.text(clock.now()),
        digest=access_tokens.digest(secret),
    )
    return table.apply(write, returning="ALL_NEW")
