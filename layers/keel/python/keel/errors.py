"""The errors that the API returns: every code with its status and message, and the exception that carries one.

    ApiError             an error response: its code, status and message, and the fields that are wrong
    └── RejectedCall     rate_limit.exceeded or auth.forbidden; adds what is left of the rate limit

What a status tells the client:

    400    the request is invalid and stays invalid: *.invalid_*, *.*_required, *.email_taken
    401    the token or the credentials are missing, invalid or expired
    403    the user is deactivated, or the role or type of token does not allow the operation
    404    the operation or the record does not exist in this account
    429    the caller exceeded its rate: retry after the seconds in Retry-After
    500    *.internal, for every exception that is not an ApiError; it is logged and never shown

A code that is not in `CODES` cannot be raised: `ApiError` looks its status up there.
"""

from collections.abc import Sequence
from typing import Final, TypedDict

INVALID_REQUEST: Final = "The request body or one of its fields is invalid."
INVALID_ID: Final = "The id is missing or is not a UUID. Send it exactly as the API returned it."
INTERNAL: Final = "Something went wrong on the server. Try again; if it keeps failing, report the request_id."

# code -> (HTTP status, message). Clients depend on codes and statuses: never change them.
CATALOGUE: Final[dict[str, tuple[int, str]]] = {
    "auth.required": (401, "This operation requires an access token. Send it as Authorization: Bearer TOKEN."),
    "auth.invalid_request": (400, INVALID_REQUEST),
    "auth.invalid_credentials": (401, "The email or the password is incorrect."),
    "auth.email_taken": (400, "An account with this email already exists. Sign in, or reset the password."),
    "auth.invalid_token": (401, "The token is invalid, expired or revoked. Get a new one."),
    "auth.deactivated": (403, "This user is deactivated. An owner of the account can reactivate it."),
    "auth.internal": (500, INTERNAL),
    "contacts.invalid_request": (400, INVALID_REQUEST),
    "contacts.invalid_id": (400, INVALID_ID),
    "contacts.not_found": (404, "This account has no contact with this id."),
    "contacts.first_name_required": (400, "first_name is required and must not be blank."),
    "contacts.invalid_company_id": (400, "company_id must be the id of a company in this account."),
    "contacts.invalid_source_id": (400, "source_id must be the id of a source in this account that is not archived."),
    "contacts.invalid_custom_fields": (400, "custom_fields does not match the custom field definitions for contacts."),
    "contacts.internal": (500, INTERNAL),
    "companies.invalid_request": (400, INVALID_REQUEST),
    "companies.invalid_id": (400, INVALID_ID),
    "companies.not_found": (404, "This account has no company with this id."),
    "companies.invalid_custom_fields": (
        400,
        "custom_fields does not match the custom field definitions for companies.",
    ),
    "companies.internal": (500, INTERNAL),
    "projects.invalid_request": (400, INVALID_REQUEST),
    "projects.invalid_id": (400, INVALID_ID),
    "projects.not_found": (404, "This account has no project with this id."),
    "projects.name_required": (400, "name is required and must not be blank."),
    "projects.invalid_stage": (400, "stage must be proposal, active, review, complete or archived."),
    "projects.invalid_company_id": (400, "company_id must be the id of a company in this account."),
    "projects.invalid_assigned_to": (400, "assigned_to must be the id of an active user in this account."),
    "projects.invalid_custom_fields": (400, "Projects have no custom fields. Omit custom_fields."),
    "projects.internal": (500, INTERNAL),
    "activities.invalid_request": (400, INVALID_REQUEST),
    "activities.invalid_id": (400, INVALID_ID),
    "activities.invalid_type": (400, "activity_type must be call, email or meeting."),
    "activities.entity_required": (400, "At least one of contact_id, company_id and project_id is required."),
    "activities.invalid_metadata": (400, "metadata does not match the schema of its activity_type."),
    "activities.not_found": (404, "This account has no activity with this id."),
    "activities.internal": (500, INTERNAL),
    "sources.invalid_request": (400, INVALID_REQUEST),
    "sources.invalid_id": (400, INVALID_ID),
    "sources.not_found": (404, "This account has no source with this id."),
    "sources.name_required": (400, "name is required and must not be blank."),
    "sources.internal": (500, INTERNAL),
    "webhooks.invalid_request": (400, INVALID_REQUEST),
    "webhooks.invalid_id": (400, INVALID_ID),
    "webhooks.not_found": (404, "This account has no webhook endpoint or delivery with this id."),
    "webhooks.url_required": (400, "url is required and must not be blank."),
    "webhooks.invalid_url": (400, "url must be an HTTPS URL with a public host, on port 443 or 8443."),
    "webhooks.internal": (500, INTERNAL),
    "custom_fields.invalid_request": (400, INVALID_REQUEST),
    "custom_fields.invalid_id": (400, INVALID_ID),
    "custom_fields.not_found": (404, "This account has no custom field definition with this id."),
    "custom_fields.invalid_entity_type": (400, "entity_type must be contact or company."),
    "custom_fields.label_required": (400, "label is required and must not be blank."),
    "custom_fields.invalid_field_type": (400, "field_type must be text, number, date, boolean or enum."),
    "custom_fields.options_required": (400, "options is required for the field_type enum: send 1 to 200 strings."),
    "custom_fields.internal": (500, INTERNAL),
    "oauth.invalid_request": (400, INVALID_REQUEST),
    "oauth.unsupported_grant_type": (400, "grant_type must be client_credentials."),
    "oauth.missing_credentials": (400, "client_id and client_secret are required, in the body or as HTTP Basic."),
    "oauth.invalid_client": (401, "The app is unknown or revoked, or its client_secret is incorrect."),
    "oauth.internal": (500, INTERNAL),
    "oauth_apps.invalid_request": (400, INVALID_REQUEST),
    "oauth_apps.invalid_id": (400, INVALID_ID),
    "oauth_apps.not_found": (404, "This account has no OAuth app with this id."),
    "oauth_apps.name_required": (400, "name is required and must not be blank."),
    "oauth_apps.internal": (500, INTERNAL),
    "imports.invalid_request": (400, INVALID_REQUEST),
    "imports.invalid_id": (400, INVALID_ID),
    "imports.not_found": (404, "This account has no import with this id."),
    "imports.model_type_required": (400, "model_type is required and must not be blank."),
    "imports.file_name_required": (400, "file_name is required and must not be blank."),
    "imports.invalid_model_type": (400, "model_type must be contacts, companies or sources."),
    "imports.internal": (500, INTERNAL),
}

# The only codes in use beside the catalogue.
EXTENSIONS: Final[dict[str, tuple[int, str]]] = {
    "rate_limit.exceeded": (429, "Too many requests. Wait for the seconds in the Retry-After header, then try again."),
    "auth.forbidden": (403, "Your role or type of token does not allow this operation."),
    "api.not_found": (404, "There is no such operation. Send operations as POST /api/{operation}."),
    "api.invalid_request": (400, "The request could not be processed. It may be too large or malformed."),
    "api.internal": (500, INTERNAL),
    "users.invalid_request": (400, INVALID_REQUEST),
    "users.invalid_id": (400, INVALID_ID),
    "users.not_found": (404, "This account has no user with this id."),
    "users.email_taken": (400, "A user with this email already exists."),
    "users.internal": (500, INTERNAL),
    "exports.invalid_request": (400, INVALID_REQUEST),
    "exports.invalid_id": (400, INVALID_ID),
    "exports.not_found": (404, "This account has no export with this id."),
    "exports.invalid_model_type": (
        400,
        "model_type must be contacts, companies, projects, activities or sources.",
    ),
    "exports.internal": (500, INTERNAL),
}

CODES: Final = CATALOGUE | EXTENSIONS


class Detail(TypedDict):
    """A field that is wrong, and what to change."""

    field: str
    message: str


class ApiError(Exception):
    """An error response.

    Args:
        code: a key of `CODES`, which also gives the status.
        message: replaces the message of the catalogue where a more specific one helps.
        details: the fields that are wrong.
        retry_after: whole seconds, sent as `Retry-After`.

    Raises:
        KeyError: if `code` is not in `CODES`.
    """

    def __init__(
        self,
        code: str,
        message: str | None = None,
        *,
        details: Sequence[Detail] = (),
        retry_after: int | None = None,
    ) -> None:
        self.status, default = CODES[code]
        self.code = code
        self.message = message or default
        self.details = list(details)
        self.retry_after = retry_after
        super().__init__(code)

    @classmethod
    def for_field(cls, code: str, field: str, message: str | None = None) -> "ApiError":
        """An error about one field: `details` names it."""
        text = message or CODES[code][1]
        return cls(code, text, details=[{"field": field, "message": text}])
