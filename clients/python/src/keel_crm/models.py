"""What do operations take and answer? Made by make openapi; not to be edited."""

from datetime import datetime
from typing import Any, Literal, Required, TypedDict


class AuthRegisterFields(TypedDict, total=False):
    email: Required[str]
    password: Required[str]
    name: Required[str]
    account_name: str | None


class User(TypedDict):
    id: str
    account_id: str
    email: str
    name: str
    role: Literal["owner", "member"]
    must_change_password: bool
    deactivated_at: str | None
    created_at: str
    updated_at: str


class SignedIn(TypedDict):
    access_token: str
    refresh_token: str
    expires_in: int
    user: User


class AuthLoginFields(TypedDict, total=False):
    email: Required[str]
    password: Required[str]


class AuthRefreshTokenFields(TypedDict, total=False):
    refresh_token: Required[str]


class Tokens(TypedDict):
    access_token: str
    refresh_token: str
    expires_in: int


class Me(TypedDict):
    id: str
    account_id: str
    email: str
    name: str
    role: Literal["owner", "member"]
    must_change_password: bool
    deactivated_at: str | None
    created_at: str
    updated_at: str
    account_name: str


class UsersListFields(TypedDict, total=False):
    search: str | None
    limit: int | None
    offset: int | None


class UserPage(TypedDict):
    users: list[User]
    total: int


class UsersInviteFields(TypedDict, total=False):
    email: Required[str]
    name: Required[str]
    role: Literal["owner", "member", None]


class UsersSetActiveFields(TypedDict, total=False):
    user_id: Required[str]
    active: Required[bool]


class UsersChangePasswordFields(TypedDict, total=False):
    current_password: Required[str]
    new_password: Required[str]


class UsersForgotPasswordFields(TypedDict, total=False):
    email: Required[str]


class UsersResetPasswordFields(TypedDict, total=False):
    token: Required[str]
    new_password: Required[str]


class OauthTokenFields(TypedDict, total=False):
    grant_type: Required[Literal["client_credentials"]]
    client_id: str | None
    client_secret: str | None


class TokenGrant(TypedDict):
    access_token: str
    token_type: Literal["Bearer"]
    expires_in: int


class OauthAppsCreateFields(TypedDict, total=False):
    name: Required[str]


class App(TypedDict):
    id: str
    account_id: str
    created_by: str
    created_at: str
    updated_at: str
    name: str
    client_id: str
    client_secret_prefix: str
    last_used_at: str | None
    revoked_at: str | None


class AppWithSecret(TypedDict):
    app: App
    client_secret: str


class Apps(TypedDict):
    items: list[App]
    next_cursor: str


class OauthAppsUpdateFields(TypedDict, total=False):
    name: str | None


class Deleted(TypedDict):
    id: str
    deleted: Literal[True]


class ContactsCreateFields(TypedDict, total=False):
    first_name: Required[str]
    last_name: str | None
    email: str | None
    phone: str | None
    company_id: str | None
    job_title: str | None
    address: str | None
    city: str | None
    state: str | None
    zip_code: str | None
    country: str | None
    notes: str | None
    tags: list[str] | None
    source_id: str | None
    custom_fields: dict[str, Any] | None


class Contact(TypedDict):
    first_name: str
    last_name: str
    email: str
    phone: str
    company_id: str | None
    job_title: str
    address: str
    city: str
    state: str
    zip_code: str
    country: str
    notes: str
    tags: list[str]
    source_id: str | None
    custom_fields: dict[str, Any]
    id: str
    account_id: str
    created_by: str
    created_at: str
    updated_at: str
    company_name: str
    source_name: str


class ContactsUpdateFields(TypedDict, total=False):
    first_name: str | None
    last_name: str | None
    email: str | None
    phone: str | None
    company_id: str | None
    job_title: str | None
    address: str | None
    city: str | None
    state: str | None
    zip_code: str | None
    country: str | None
    notes: str | None
    tags: list[str] | None
    source_id: str | None
    custom_fields: dict[str, Any] | None


class ContactsListFields(TypedDict, total=False):
    cursor: str | None
    limit: int | None
    search: str | None
    tags: list[str] | None
    company_id: str | None
    company_ids: list[str] | None
    source_ids: list[str] | None


class ContactPage(TypedDict):
    items: list[Contact]
    next_cursor: str


class CompaniesCreateFields(TypedDict, total=False):
    name: Required[str]
    domain: str | None
    industry: str | None
    notes: str | None
    phone: str | None
    website: str | None
    linkedin_url: str | None
    address: str | None
    city: str | None
    state: str | None
    zip_code: str | None
    country: str | None
    employee_count: int | None
    annual_revenue: int | None
    tags: list[str] | None
    custom_fields: dict[str, Any] | None


class Company(TypedDict):
    name: str
    domain: str
    industry: str
    notes: str
    phone: str
    website: str
    linkedin_url: str
    address: str
    city: str
    state: str
    zip_code: str
    country: str
    employee_count: int | None
    annual_revenue: int | None
    tags: list[str]
    custom_fields: dict[str, Any]
    id: str
    account_id: str
    created_by: str
    created_at: str
    updated_at: str


class CompaniesUpdateFields(TypedDict, total=False):
    name: str | None
    domain: str | None
    industry: str | None
    notes: str | None
    phone: str | None
    website: str | None
    linkedin_url: str | None
    address: str | None
    city: str | None
    state: str | None
    zip_code: str | None
    country: str | None
    employee_count: int | None
    annual_revenue: int | None
    tags: list[str] | None
    custom_fields: dict[str, Any] | None


class CompaniesListFields(TypedDict, total=False):
    cursor: str | None
    limit: int | None
    search: str | None
    tags: list[str] | None


class CompanyPage(TypedDict):
    items: list[Company]
    next_cursor: str


class ProjectsCreateFields(TypedDict, total=False):
    name: Required[str]
    description: str | None
    stage: Literal["proposal", "active", "review", "complete", "archived", None]
    company_id: str | None
    assigned_to: str | None
    value: int | None
    start_date: str | None
    end_date: str | None
    is_retainer: bool | None
    renewal_date: str | None
    notes: str | None
    tags: list[str] | None
    custom_fields: dict[str, Any] | None


class Project(TypedDict):
    name: str
    description: str
    stage: Literal["proposal", "active", "review", "complete", "archived"]
    company_id: str | None
    assigned_to: str | None
    value: int | None
    start_date: str | None
    end_date: str | None
    is_retainer: bool
    renewal_date: str | None
    notes: str
    tags: list[str]
    custom_fields: dict[str, Any]
    id: str
    account_id: str
    created_by: str
    created_at: str
    updated_at: str
    company_name: str
    assigned_name: str


class ProjectsUpdateFields(TypedDict, total=False):
    name: str | None
    description: str | None
    stage: Literal["proposal", "active", "review", "complete", "archived", None] | None
    company_id: str | None
    assigned_to: str | None
    value: int | None
    start_date: str | None
    end_date: str | None
    is_retainer: bool | None
    renewal_date: str | None
    notes: str | None
    tags: list[str] | None
    custom_fields: dict[str, Any] | None


class ProjectsListFields(TypedDict, total=False):
    cursor: str | None
    limit: int | None
    search: str | None
    tags: list[str] | None
    stage: Literal["proposal", "active", "review", "complete", "archived", None]
    company_id: str | None
    assigned_to: str | None


class ProjectPage(TypedDict):
    items: list[Project]
    next_cursor: str


class ProjectsContactsAddFields(TypedDict, total=False):
    project_id: Required[str]
    contact_id: Required[str]
    role: str | None


class ProjectContact(TypedDict):
    contact_id: str
    contact_name: str
    role: str
    created_at: str


class ProjectsContactsRemoveFields(TypedDict, total=False):
    project_id: Required[str]
    contact_id: Required[str]


class ProjectContactRemoved(TypedDict):
    project_id: str
    contact_id: str
    deleted: Literal[True]


class ProjectsContactsListFields(TypedDict, total=False):
    project_id: Required[str]


class ProjectContactPage(TypedDict):
    items: list[ProjectContact]
    next_cursor: str


class ActivitiesCreateFields(TypedDict, total=False):
    activity_type: Required[Literal["call", "email", "meeting"]]
    contact_id: str | None
    company_id: str | None
    project_id: str | None
    occurred_at: datetime | str | None
    metadata: dict[str, Any] | None


class Activity(TypedDict):
    activity_type: Literal["call", "email", "meeting"]
    contact_id: str | None
    company_id: str | None
    project_id: str | None
    occurred_at: str
    metadata: dict[str, Any]
    id: str
    account_id: str
    created_by: str
    created_at: str
    updated_at: str
    created_by_name: str
    contact_name: str
    company_name: str
    project_name: str


class ActivitiesUpdateFields(TypedDict, total=False):
    occurred_at: datetime | str | None
    metadata: dict[str, Any] | None


class ActivitiesListFields(TypedDict, total=False):
    cursor: str | None
    limit: int | None
    contact_id: str | None
    company_id: str | None
    project_id: str | None
    types: list[Literal["call", "email", "meeting"]] | None


class ActivityPage(TypedDict):
    items: list[Activity]
    next_cursor: str


class ActivitySchema(TypedDict):
    activity_type: Literal["call", "email", "meeting"]
    schema: dict[str, Any]


class ActivitySchemaPage(TypedDict):
    items: list[ActivitySchema]
    next_cursor: str


class SourcesCreateFields(TypedDict, total=False):
    name: Required[str]


class Source(TypedDict):
    name: str
    id: str
    account_id: str
    created_by: str
    created_at: str
    updated_at: str
    archived_at: str | None


class SourcesUpdateFields(TypedDict, total=False):
    name: str | None


class SourcesListFields(TypedDict, total=False):
    include_archived: bool | None


class SourcePage(TypedDict):
    items: list[Source]
    next_cursor: str


class CustomFieldsCreateFields(TypedDict, total=False):
    entity_type: Required[Literal["contact", "company"]]
    label: Required[str]
    field_type: Required[Literal["text", "number", "date", "boolean", "enum"]]
    options: list[str] | None
    required: bool | None
    display_order: int | None


class CustomField(TypedDict):
    entity_type: Literal["contact", "company"]
    label: str
    field_type: Literal["text", "number", "date", "boolean", "enum"]
    options: list[str]
    required: bool
    display_order: int
    id: str
    account_id: str
    created_by: str
    created_at: str
    updated_at: str


class CustomFieldsUpdateFields(TypedDict, total=False):
    label: str | None
    options: list[str] | None
    required: bool | None
    display_order: int | None


class CustomFieldsListFields(TypedDict, total=False):
    entity_type: Literal["contact", "company", None]


class CustomFieldPage(TypedDict):
    items: list[CustomField]
    next_cursor: str


class ImportsRequestUploadFields(TypedDict, total=False):
    model_type: Required[Literal["contacts", "companies", "sources"]]
    file_name: Required[str]
    content_type: str | None
    column_mapping: dict[str, str | None] | None
    duplicate_handling: Literal["skip", "update", "create", None]
    date_format: Literal["ymd", "mdy", "dmy", None]
    auto_confirm: bool | None


class Upload(TypedDict):
    job_id: str
    signed_url: str
    headers: dict[str, str]
    expires_in: int


class ImportJob(TypedDict):
    id: str
    account_id: str
    created_by: str
    created_at: str
    updated_at: str
    model_type: Literal["contacts", "companies", "sources"]
    file_name: str
    content_type: str
    status: Literal["pending", "uploaded", "processing", "completed", "failed", "cancelled", "undoing", "undone"]
    total_rows: int
    processed_rows: int
    created_count: int
    updated_count: int
    skipped_count: int
    failed_count: int
    kept_count: int
    column_mapping: dict[str, str]
    duplicate_handling: Literal["skip", "update", "create"]
    date_format: Literal["ymd", "mdy", "dmy", None]
    auto_confirm: bool
    error: str | None
    completed_at: str | None


class AvailableField(TypedDict):
    value: str
    label: str


class Preview(TypedDict):
    headers: list[str]
    sample_rows: list[list[str]]
    total_rows: int
    suggested_mapping: dict[str, str]
    available_fields: list[AvailableField]


class Uploaded(TypedDict):
    job: ImportJob
    preview: Preview | None


class ImportsConfirmFields(TypedDict, total=False):
    column_mapping: Required[dict[str, str | None] | None]
    duplicate_handling: Literal["skip", "update", "create", None]
    date_format: Literal["ymd", "mdy", "dmy", None]


class ImportsListFields(TypedDict, total=False):
    cursor: str | None
    limit: int | None
    model_type: Literal["contacts", "companies", "sources", None]
    status: Literal["pending", "uploaded", "processing", "completed", "failed", "cancelled", "undoing", "undone", None]


class ImportJobPage(TypedDict):
    items: list[ImportJob]
    next_cursor: str


class ImportsErrorsFields(TypedDict, total=False):
    cursor: str | None
    limit: int | None


class RowError(TypedDict):
    row: int
    field: str
    code: str
    message: str
    data: dict[str, Any]


class RowErrorPage(TypedDict):
    items: list[RowError]
    next_cursor: str


class Download(TypedDict):
    signed_url: str
    expires_in: int


class ExportsCreateFields(TypedDict, total=False):
    model_type: Required[Literal["contacts", "companies", "projects", "activities", "sources"]]
    format: Literal["csv", "jsonl", None]


class ExportJob(TypedDict):
    id: str
    account_id: str
    created_by: str
    created_at: str
    updated_at: str
    model_type: Literal["contacts", "companies", "projects", "activities", "sources"]
    format: Literal["csv", "jsonl"]
    status: Literal["pending", "processing", "completed", "failed"]
    row_count: int
    error: str | None
    completed_at: str | None
    signed_url: str | None
    expires_in: int | None


class WebhooksCreateFields(TypedDict, total=False):
    url: Required[str]
    description: str | None
    events: Required[
        list[
            Literal[
                "contact.created",
                "contact.updated",
                "contact.deleted",
                "company.created",
                "company.updated",
                "company.deleted",
                "activity.created",
                "activity.updated",
                "activity.deleted",
                "project.created",
                "project.updated",
                "project.deleted",
            ]
        ]
    ]


class Endpoint(TypedDict):
    id: str
    account_id: str
    created_by: str
    created_at: str
    updated_at: str
    url: str
    description: str
    secret_prefix: str
    events: list[
        Literal[
            "contact.created",
            "contact.updated",
            "contact.deleted",
            "company.created",
            "company.updated",
            "company.deleted",
            "activity.created",
            "activity.updated",
            "activity.deleted",
            "project.created",
            "project.updated",
            "project.deleted",
        ]
    ]
    is_active: bool
    disabled_reason: str
    last_success_at: str | None
    last_failure_at: str | None


class EndpointWithSecret(TypedDict):
    endpoint: Endpoint
    secret: str


class WebhooksUpdateFields(TypedDict, total=False):
    url: str | None
    description: str | None
    events: (
        list[
            Literal[
                "contact.created",
                "contact.updated",
                "contact.deleted",
                "company.created",
                "company.updated",
                "company.deleted",
                "activity.created",
                "activity.updated",
                "activity.deleted",
                "project.created",
                "project.updated",
                "project.deleted",
            ]
        ]
        | None
    )
    is_active: bool | None


class Endpoints(TypedDict):
    items: list[Endpoint]
    next_cursor: str


class Attempt(TypedDict):
    at: str
    status_code: int | None
    error: str
    duration_ms: int


class Delivery(TypedDict):
    id: str
    endpoint_id: str
    event: str
    status: Literal["pending", "succeeded", "failed"]
    attempts: list[Attempt]
    next_attempt_at: str | None
    payload: dict[str, Any]
    created_at: str


class WebhooksDeliveriesFields(TypedDict, total=False):
    cursor: str | None
    limit: int | None
    endpoint_id: Required[str]
    status: Literal["pending", "succeeded", "failed", None]


class Deliveries(TypedDict):
    items: list[Delivery]
    next_cursor: str


class WebhooksRedeliverFields(TypedDict, total=False):
    delivery_id: Required[str]
