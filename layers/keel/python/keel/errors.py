"""Which errors can Keel answer with? The catalogue of codes, and the one exception that carries them.

`ApiError` is the only exception meant for a client. A code outside `CODES` cannot be raised: building the
exception looks its status up here.
"""

from collections.abc import Sequence
from typing import Final, TypedDict

MALFORMED: Final = "The body or one of its fields is malformed."
NOT_A_UUID: Final = "The id must be a UUID."
FAULT: Final = "Something went wrong on our side; the request_id helps to find out what."

# code -> (HTTP status, what to tell a person). Clients build on names and statuses: none may change.
CATALOGUE: Final[dict[str, tuple[int, str]]] = {
    "auth.required": (401, "Send an access token in the Authorization header."),
    "auth.invalid_request": (400, MALFORMED),
    "auth.invalid_credentials": (401, "The email or the password is wrong."),
    "auth.email_taken": (400, "An account with this email exists already."),
    "auth.invalid_token": (401, "The token is not valid, or no longer."),
    "auth.deactivated": (403, "This user has been deactivated."),
    "auth.internal": (500, FAULT),
    "contacts.invalid_request": (400, MALFORMED),
    "contacts.invalid_id": (400, NOT_A_UUID),
    "contacts.not_found": (404, "This account has no such contact."),
    "contacts.first_name_required": (400, "A contact needs a first_name."),
    "contacts.invalid_company_id": (400, "company_id names no company of this account."),
    "contacts.invalid_source_id": (400, "source_id names no source that can be assigned in this account."),
    "contacts.invalid_custom_fields": (400, "custom_fields does not fit the definitions for contacts."),
    "contacts.internal": (500, FAULT),
    "companies.invalid_request": (400, MALFORMED),
    "companies.invalid_id": (400, NOT_A_UUID),
    "companies.not_found": (404, "This account has no such company."),
    "companies.invalid_custom_fields": (400, "custom_fields does not fit the definitions for companies."),
    "companies.internal": (500, FAULT),
    "projects.invalid_request": (400, MALFORMED),
    "projects.invalid_id": (400, NOT_A_UUID),
    "projects.not_found": (404, "This account has no such project."),
    "projects.name_required": (400, "A project needs a name."),
    "projects.invalid_stage": (400, "stage must be proposal, active, review, complete or archived."),
    "projects.invalid_company_id": (400, "company_id names no company of this account."),
    "projects.invalid_assigned_to": (400, "assigned_to names no active user of this account."),
    "projects.invalid_custom_fields": (400, "Projects have no custom fields."),
    "projects.internal": (500, FAULT),
    "activities.invalid_request": (400, MALFORMED),
    "activities.invalid_id": (400, NOT_A_UUID),
    "activities.invalid_type": (400, "activity_type must be call, email or meeting."),
    "activities.entity_required": (400, "Give at least one of contact_id, company_id and project_id."),
    "activities.invalid_metadata": (400, "metadata does not fit the schema of the activity type."),
    "activities.not_found": (404, "This account has no such activity."),
    "activities.internal": (500, FAULT),
    "sources.invalid_request": (400, MALFORMED),
    "sources.invalid_id": (400, NOT_A_UUID),
    "sources.not_found": (404, "This account has no such source."),
    "sources.name_required": (400, "A source needs a name."),
    "sources.internal": (500, FAULT),
    "webhooks.invalid_request": (400, MALFORMED),
    "webhooks.invalid_id": (400, NOT_A_UUID),
    "webhooks.not_found": (404, "This account has no such webhook endpoint or delivery."),
    "webhooks.url_required": (400, "An endpoint needs a url."),
    "webhooks.invalid_url": (400, "url must be a public HTTPS address."),
    "webhooks.internal": (500, FAULT),
    "custom_fields.invalid_request": (400, MALFORMED),
    "custom_fields.invalid_id": (400, NOT_A_UUID),
    "custom_fields.not_found": (404, "This account has no such custom field definition."),
    "custom_fields.invalid_entity_type": (400, "entity_type must be contact or company."),
    "custom_fields.label_required": (400, "A custom field needs a label."),
    "custom_fields.invalid_field_type": (400, "field_type must be text, number, date, boolean or enum."),
    "custom_fields.options_required": (400, "An enum field needs options."),
    "custom_fields.internal": (500, FAULT),
    "oauth.invalid_request": (400, "The body is malformed."),
    "oauth.unsupported_grant_type": (400, "grant_type must be client_credentials."),
    "oauth.missing_credentials": (400, "Send client_id and client_secret."),
    "oauth.invalid_client": (401, "The client is unknown, revoked, or its secret is wrong."),
    "oauth.internal": (500, FAULT),
    "oauth_apps.invalid_request": (400, MALFORMED),
    "oauth_apps.invalid_id": (400, NOT_A_UUID),
    "oauth_apps.not_found": (404, "This account has no such OAuth app."),
    "oauth_apps.name_required": (400, "An OAuth app needs a name."),
    "oauth_apps.internal": (500, FAULT),
    "imports.invalid_request": (400, MALFORMED),
    "imports.invalid_id": (400, NOT_A_UUID),
    "imports.not_found": (404, "This account has no such import job."),
    "imports.model_type_required": (400, "An import needs a model_type."),
    "imports.file_name_required": (400, "An import needs a file_name."),
    "imports.invalid_model_type": (400, "model_type must be contacts, companies or sources."),
    "imports.internal": (500, FAULT),
}

# The only codes in use beside the catalogue.
EXTENSIONS: Final[dict[str, tuple[int, str]]] = {
    "rate_limit.exceeded": (429, "Too many requests; wait as long as Retry-After says."),
    "auth.forbidden": (403, "This token may not call this operation."),
    "api.not_found": (404, "There is no such operation; operations are called as POST /api/{operation}."),
    "api.invalid_request": (400, "The request cannot be processed."),
    "api.internal": (500, FAULT),
    "users.invalid_request": (400, MALFORMED),
    "users.invalid_id": (400, NOT_A_UUID),
    "users.not_found": (404, "This account has no such user."),
    "users.email_taken": (400, "A user with this email exists already."),
    "users.internal": (500, FAULT),
    "exports.invalid_request": (400, MALFORMED),
    "exports.invalid_id": (400, NOT_A_UUID),
    "exports.not_found": (404, "This account has no such export job."),
    "exports.invalid_model_type": (
        400,
        "model_type must be contacts, companies, projects, activities or sources.",
    ),
    "exports.internal": (500, FAULT),
}

CODES: Final = CATALOGUE | EXTENSIONS


class Detail(TypedDict):
    field: str
    message: str


class ApiError(Exception):
    """An answer other than 200.

    `code` is a key of `CODES`; `message` replaces the catalogue's text where it can be more helpful;
    `details` name the fields at fault; `retry_after` is in whole seconds.
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
        """A fault of one field."""
        text = message or CODES[code][1]
        return cls(code, text, details=[{"field": field, "message": text}])
