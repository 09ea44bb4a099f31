"""How are the operations called from Python? Made by make openapi; not to be edited."""

from collections.abc import AsyncIterator, Iterator
from typing import Any, Unpack

from keel_crm import models
from keel_crm.calls import AsyncCalls, AsyncResource, Calls, Resource


class Auth(Resource):
    """The operations of auth."""

    def register(self, **fields: Unpack[models.AuthRegisterFields]) -> models.SignedIn:
        """Open an account."""
        result: models.SignedIn = self._calls.call("auth-register", {**fields})
        return result

    def login(self, **fields: Unpack[models.AuthLoginFields]) -> models.SignedIn:
        """Sign in."""
        result: models.SignedIn = self._calls.call("auth-login", {**fields})
        return result

    def refresh_token(self, **fields: Unpack[models.AuthRefreshTokenFields]) -> models.Tokens:
        """Exchange a refresh token."""
        result: models.Tokens = self._calls.call("auth-refresh-token", {**fields})
        return result

    def logout(self) -> dict[str, Any]:
        """End this session."""
        result: dict[str, Any] = self._calls.call("auth-logout", {})
        return result

    def me(self) -> models.Me:
        """Show who is signed in."""
        result: models.Me = self._calls.call("auth-me", {})
        return result


class Users(Resource):
    """The operations of users."""

    def list(self, **fields: Unpack[models.UsersListFields]) -> models.UserPage:
        """List users."""
        result: models.UserPage = self._calls.call("users-list", {**fields})
        return result

    def get(self, id: str) -> models.User:
        """Get a user."""
        result: models.User = self._calls.call("users-get", {"id": id})
        return result

    def invite(self, *, idempotency_key: str | None = None, **fields: Unpack[models.UsersInviteFields]) -> models.User:
        """Invite a user."""
        result: models.User = self._calls.call("users-invite", {**fields}, idempotency_key=idempotency_key)
        return result

    def set_active(self, **fields: Unpack[models.UsersSetActiveFields]) -> models.User:
        """Deactivate or reactivate a user."""
        result: models.User = self._calls.call("users-set-active", {**fields})
        return result

    def change_password(self, **fields: Unpack[models.UsersChangePasswordFields]) -> dict[str, Any]:
        """Change one's own password."""
        result: dict[str, Any] = self._calls.call("users-change-password", {**fields})
        return result

    def forgot_password(self, **fields: Unpack[models.UsersForgotPasswordFields]) -> dict[str, Any]:
        """Ask for a reset by mail."""
        result: dict[str, Any] = self._calls.call("users-forgot-password", {**fields})
        return result

    def reset_password(self, **fields: Unpack[models.UsersResetPasswordFields]) -> dict[str, Any]:
        """Set a password with a mailed token."""
        result: dict[str, Any] = self._calls.call("users-reset-password", {**fields})
        return result


class Oauth(Resource):
    """The operations of oauth."""

    def token(self, **fields: Unpack[models.OauthTokenFields]) -> models.TokenGrant:
        """Get an app's access token."""
        result: models.TokenGrant = self._calls.call("oauth-token", {**fields})
        return result


class OauthApps(Resource):
    """The operations of oauth apps."""

    def create(self, **fields: Unpack[models.OauthAppsCreateFields]) -> models.AppWithSecret:
        """Create an app."""
        result: models.AppWithSecret = self._calls.call("oauth-apps-create", {**fields})
        return result

    def list(self) -> models.Apps:
        """List apps."""
        result: models.Apps = self._calls.call("oauth-apps-list", {})
        return result

    def get(self, id: str) -> models.App:
        """Get an app."""
        result: models.App = self._calls.call("oauth-apps-get", {"id": id})
        return result

    def update(self, id: str, **fields: Unpack[models.OauthAppsUpdateFields]) -> models.App:
        """Rename an app."""
        result: models.App = self._calls.call("oauth-apps-update", {"id": id, **fields})
        return result

    def rotate_secret(self, id: str) -> models.AppWithSecret:
        """Replace an app's secret."""
        result: models.AppWithSecret = self._calls.call("oauth-apps-rotate-secret", {"id": id})
        return result

    def revoke(self, id: str) -> models.App:
        """Revoke an app."""
        result: models.App = self._calls.call("oauth-apps-revoke", {"id": id})
        return result

    def delete(self, id: str) -> models.Deleted:
        """Delete an app."""
        result: models.Deleted = self._calls.call("oauth-apps-delete", {"id": id})
        return result


class Contacts(Resource):
    """The operations of contacts."""

    def create(
        self, *, idempotency_key: str | None = None, **fields: Unpack[models.ContactsCreateFields]
    ) -> models.Contact:
        """Create a contact."""
        result: models.Contact = self._calls.call("contacts-create", {**fields}, idempotency_key=idempotency_key)
        return result

    def update(self, id: str, **fields: Unpack[models.ContactsUpdateFields]) -> models.Contact:
        """Change a contact."""
        result: models.Contact = self._calls.call("contacts-update", {"id": id, **fields})
        return result

    def list(self, **fields: Unpack[models.ContactsListFields]) -> models.ContactPage:
        """List and search contacts."""
        result: models.ContactPage = self._calls.call("contacts-list", {**fields})
        return result

    def iterate(self, **fields: Unpack[models.ContactsListFields]) -> Iterator[models.Contact]:
        """Every item of `contacts-list`, page by page."""
        return self._calls.pages("contacts-list", {**fields})

    def get(self, id: str) -> models.Contact:
        """Get a contact."""
        result: models.Contact = self._calls.call("contacts-get", {"id": id})
        return result

    def delete(self, id: str) -> models.Deleted:
        """Delete a contact."""
        result: models.Deleted = self._calls.call("contacts-delete", {"id": id})
        return result


class Companies(Resource):
    """The operations of companies."""

    def create(
        self, *, idempotency_key: str | None = None, **fields: Unpack[models.CompaniesCreateFields]
    ) -> models.Company:
        """Create a company."""
        result: models.Company = self._calls.call("companies-create", {**fields}, idempotency_key=idempotency_key)
        return result

    def update(self, id: str, **fields: Unpack[models.CompaniesUpdateFields]) -> models.Company:
        """Change a company."""
        result: models.Company = self._calls.call("companies-update", {"id": id, **fields})
        return result

    def list(self, **fields: Unpack[models.CompaniesListFields]) -> models.CompanyPage:
        """List and search companies."""
        result: models.CompanyPage = self._calls.call("companies-list", {**fields})
        return result

    def iterate(self, **fields: Unpack[models.CompaniesListFields]) -> Iterator[models.Company]:
        """Every item of `companies-list`, page by page."""
        return self._calls.pages("companies-list", {**fields})

    def get(self, id: str) -> models.Company:
        """Get a company."""
        result: models.Company = self._calls.call("companies-get", {"id": id})
        return result

    def delete(self, id: str) -> models.Deleted:
        """Delete a company."""
        result: models.Deleted = self._calls.call("companies-delete", {"id": id})
        return result


class Projects(Resource):
    """The operations of projects."""

    def create(
        self, *, idempotency_key: str | None = None, **fields: Unpack[models.ProjectsCreateFields]
    ) -> models.Project:
        """Create a project."""
        result: models.Project = self._calls.call("projects-create", {**fields}, idempotency_key=idempotency_key)
        return result

    def update(self, id: str, **fields: Unpack[models.ProjectsUpdateFields]) -> models.Project:
        """Change a project."""
        result: models.Project = self._calls.call("projects-update", {"id": id, **fields})
        return result

    def list(self, **fields: Unpack[models.ProjectsListFields]) -> models.ProjectPage:
        """List and search projects."""
        result: models.ProjectPage = self._calls.call("projects-list", {**fields})
        return result

    def iterate(self, **fields: Unpack[models.ProjectsListFields]) -> Iterator[models.Project]:
        """Every item of `projects-list`, page by page."""
        return self._calls.pages("projects-list", {**fields})

    def get(self, id: str) -> models.Project:
        """Get a project."""
        result: models.Project = self._calls.call("projects-get", {"id": id})
        return result

    def delete(self, id: str) -> models.Deleted:
        """Delete a project."""
        result: models.Deleted = self._calls.call("projects-delete", {"id": id})
        return result


class ProjectsContacts(Resource):
    """The operations of projects contacts."""

    def add(self, **fields: Unpack[models.ProjectsContactsAddFields]) -> models.ProjectContact:
        """Add a contact to a project."""
        result: models.ProjectContact = self._calls.call("projects-contacts-add", {**fields})
        return result

    def remove(self, **fields: Unpack[models.ProjectsContactsRemoveFields]) -> models.ProjectContactRemoved:
        """Remove a contact from a project."""
        result: models.ProjectContactRemoved = self._calls.call("projects-contacts-remove", {**fields})
        return result

    def list(self, **fields: Unpack[models.ProjectsContactsListFields]) -> models.ProjectContactPage:
        """List the contacts of a project."""
        result: models.ProjectContactPage = self._calls.call("projects-contacts-list", {**fields})
        return result


class Activities(Resource):
    """The operations of activities."""

    def create(
        self, *, idempotency_key: str | None = None, **fields: Unpack[models.ActivitiesCreateFields]
    ) -> models.Activity:
        """Record an activity."""
        result: models.Activity = self._calls.call("activities-create", {**fields}, idempotency_key=idempotency_key)
        return result

    def update(self, id: str, **fields: Unpack[models.ActivitiesUpdateFields]) -> models.Activity:
        """Change an activity."""
        result: models.Activity = self._calls.call("activities-update", {"id": id, **fields})
        return result

    def list(self, **fields: Unpack[models.ActivitiesListFields]) -> models.ActivityPage:
        """List activities."""
        result: models.ActivityPage = self._calls.call("activities-list", {**fields})
        return result

    def iterate(self, **fields: Unpack[models.ActivitiesListFields]) -> Iterator[models.Activity]:
        """Every item of `activities-list`, page by page."""
        return self._calls.pages("activities-list", {**fields})

    def get(self, id: str) -> models.Activity:
        """Get an activity."""
        result: models.Activity = self._calls.call("activities-get", {"id": id})
        return result

    def delete(self, id: str) -> models.Deleted:
        """Delete an activity."""
        result: models.Deleted = self._calls.call("activities-delete", {"id": id})
        return result


class ActivitySchemas(Resource):
    """The operations of activity schemas."""

    def list(self) -> models.ActivitySchemaPage:
        """List the schemas of metadata."""
        result: models.ActivitySchemaPage = self._calls.call("activity-schemas-list", {})
        return result


class Sources(Resource):
    """The operations of sources."""

    def create(
        self, *, idempotency_key: str | None = None, **fields: Unpack[models.SourcesCreateFields]
    ) -> models.Source:
        """Create a source."""
        result: models.Source = self._calls.call("sources-create", {**fields}, idempotency_key=idempotency_key)
        return result

    def update(self, id: str, **fields: Unpack[models.SourcesUpdateFields]) -> models.Source:
        """Rename a source."""
        result: models.Source = self._calls.call("sources-update", {"id": id, **fields})
        return result

    def get(self, id: str) -> models.Source:
        """Get a source."""
        result: models.Source = self._calls.call("sources-get", {"id": id})
        return result

    def list(self, **fields: Unpack[models.SourcesListFields]) -> models.SourcePage:
        """List sources."""
        result: models.SourcePage = self._calls.call("sources-list", {**fields})
        return result

    def archive(self, id: str) -> models.Source:
        """Archive a source."""
        result: models.Source = self._calls.call("sources-archive", {"id": id})
        return result

    def unarchive(self, id: str) -> models.Source:
        """Bring a source back."""
        result: models.Source = self._calls.call("sources-unarchive", {"id": id})
        return result


class CustomFields(Resource):
    """The operations of custom fields."""

    def create(
        self, *, idempotency_key: str | None = None, **fields: Unpack[models.CustomFieldsCreateFields]
    ) -> models.CustomField:
        """Define a custom field."""
        result: models.CustomField = self._calls.call(
            "custom-fields-create", {**fields}, idempotency_key=idempotency_key
        )
        return result

    def update(self, id: str, **fields: Unpack[models.CustomFieldsUpdateFields]) -> models.CustomField:
        """Change a definition."""
        result: models.CustomField = self._calls.call("custom-fields-update", {"id": id, **fields})
        return result

    def get(self, id: str) -> models.CustomField:
        """Get a definition."""
        result: models.CustomField = self._calls.call("custom-fields-get", {"id": id})
        return result

    def delete(self, id: str) -> models.Deleted:
        """Delete a definition."""
        result: models.Deleted = self._calls.call("custom-fields-delete", {"id": id})
        return result

    def list(self, **fields: Unpack[models.CustomFieldsListFields]) -> models.CustomFieldPage:
        """List definitions."""
        result: models.CustomFieldPage = self._calls.call("custom-fields-list", {**fields})
        return result


class Imports(Resource):
    """The operations of imports."""

    def request_upload(self, **fields: Unpack[models.ImportsRequestUploadFields]) -> models.Upload:
        """Begin an import."""
        result: models.Upload = self._calls.call("imports-request-upload", {**fields})
        return result

    def complete_upload(self, id: str) -> models.Uploaded:
        """Preview the uploaded file."""
        result: models.Uploaded = self._calls.call("imports-complete-upload", {"id": id})
        return result

    def confirm(self, id: str, **fields: Unpack[models.ImportsConfirmFields]) -> models.ImportJob:
        """Start the import."""
        result: models.ImportJob = self._calls.call("imports-confirm", {"id": id, **fields})
        return result

    def get(self, id: str) -> models.ImportJob:
        """Get an import."""
        result: models.ImportJob = self._calls.call("imports-get", {"id": id})
        return result

    def list(self, **fields: Unpack[models.ImportsListFields]) -> models.ImportJobPage:
        """List imports."""
        result: models.ImportJobPage = self._calls.call("imports-list", {**fields})
        return result

    def iterate(self, **fields: Unpack[models.ImportsListFields]) -> Iterator[models.ImportJob]:
        """Every item of `imports-list`, page by page."""
        return self._calls.pages("imports-list", {**fields})

    def cancel(self, id: str) -> models.ImportJob:
        """Stop an import."""
        result: models.ImportJob = self._calls.call("imports-cancel", {"id": id})
        return result

    def errors(self, id: str, **fields: Unpack[models.ImportsErrorsFields]) -> models.RowErrorPage:
        """List the rows that failed."""
        result: models.RowErrorPage = self._calls.call("imports-errors", {"id": id, **fields})
        return result

    def iterate_errors(self, id: str, **fields: Unpack[models.ImportsErrorsFields]) -> Iterator[models.RowError]:
        """Every item of `imports-errors`, page by page."""
        return self._calls.pages("imports-errors", {"id": id, **fields})

    def errors_file(self, id: str) -> models.Download:
        """Get the failed rows as a file."""
        result: models.Download = self._calls.call("imports-errors-file", {"id": id})
        return result

    def undo(self, id: str) -> models.ImportJob:
        """Undo an import."""
        result: models.ImportJob = self._calls.call("imports-undo", {"id": id})
        return result


class Exports(Resource):
    """The operations of exports."""

    def create(
        self, *, idempotency_key: str | None = None, **fields: Unpack[models.ExportsCreateFields]
    ) -> models.ExportJob:
        """Begin an export."""
        result: models.ExportJob = self._calls.call("exports-create", {**fields}, idempotency_key=idempotency_key)
        return result

    def get(self, id: str) -> models.ExportJob:
        """Get an export."""
        result: models.ExportJob = self._calls.call("exports-get", {"id": id})
        return result


class Webhooks(Resource):
    """The operations of webhooks."""

    def create(self, **fields: Unpack[models.WebhooksCreateFields]) -> models.EndpointWithSecret:
        """Register an endpoint."""
        result: models.EndpointWithSecret = self._calls.call("webhooks-create", {**fields})
        return result

    def update(self, id: str, **fields: Unpack[models.WebhooksUpdateFields]) -> models.Endpoint:
        """Change an endpoint."""
        result: models.Endpoint = self._calls.call("webhooks-update", {"id": id, **fields})
        return result

    def list(self) -> models.Endpoints:
        """List endpoints."""
        result: models.Endpoints = self._calls.call("webhooks-list", {})
        return result

    def get(self, id: str) -> models.Endpoint:
        """Get an endpoint."""
        result: models.Endpoint = self._calls.call("webhooks-get", {"id": id})
        return result

    def delete(self, id: str) -> models.Deleted:
        """Delete an endpoint."""
        result: models.Deleted = self._calls.call("webhooks-delete", {"id": id})
        return result

    def rotate_secret(self, id: str) -> models.EndpointWithSecret:
        """Replace an endpoint's secret."""
        result: models.EndpointWithSecret = self._calls.call("webhooks-rotate-secret", {"id": id})
        return result

    def test(self, id: str) -> models.Delivery:
        """Deliver a test event now."""
        result: models.Delivery = self._calls.call("webhooks-test", {"id": id})
        return result

    def deliveries(self, **fields: Unpack[models.WebhooksDeliveriesFields]) -> models.Deliveries:
        """List deliveries of an endpoint."""
        result: models.Deliveries = self._calls.call("webhooks-deliveries", {**fields})
        return result

    def iterate_deliveries(self, **fields: Unpack[models.WebhooksDeliveriesFields]) -> Iterator[models.Delivery]:
        """Every item of `webhooks-deliveries`, page by page."""
        return self._calls.pages("webhooks-deliveries", {**fields})

    def redeliver(self, **fields: Unpack[models.WebhooksRedeliverFields]) -> models.Delivery:
        """Deliver once more."""
        result: models.Delivery = self._calls.call("webhooks-redeliver", {**fields})
        return result


class Operations:
    """Every operation of the API, by resource."""

    def __init__(self, calls: Calls) -> None:
        self.auth = Auth(calls)
        self.users = Users(calls)
        self.oauth = Oauth(calls)
        self.oauth_apps = OauthApps(calls)
        self.contacts = Contacts(calls)
        self.companies = Companies(calls)
        self.projects = Projects(calls)
        self.projects_contacts = ProjectsContacts(calls)
        self.activities = Activities(calls)
        self.activity_schemas = ActivitySchemas(calls)
        self.sources = Sources(calls)
        self.custom_fields = CustomFields(calls)
        self.imports = Imports(calls)
        self.exports = Exports(calls)
        self.webhooks = Webhooks(calls)


class AsyncAuth(AsyncResource):
    """The operations of auth."""

    async def register(self, **fields: Unpack[models.AuthRegisterFields]) -> models.SignedIn:
        """Open an account."""
        result: models.SignedIn = await self._calls.call("auth-register", {**fields})
        return result

    async def login(self, **fields: Unpack[models.AuthLoginFields]) -> models.SignedIn:
        """Sign in."""
        result: models.SignedIn = await self._calls.call("auth-login", {**fields})
        return result

    async def refresh_token(self, **fields: Unpack[models.AuthRefreshTokenFields]) -> models.Tokens:
        """Exchange a refresh token."""
        result: models.Tokens = await self._calls.call("auth-refresh-token", {**fields})
        return result

    async def logout(self) -> dict[str, Any]:
        """End this session."""
        result: dict[str, Any] = await self._calls.call("auth-logout", {})
        return result

    async def me(self) -> models.Me:
        """Show who is signed in."""
        result: models.Me = await self._calls.call("auth-me", {})
        return result


class AsyncUsers(AsyncResource):
    """The operations of users."""

    async def list(self, **fields: Unpack[models.UsersListFields]) -> models.UserPage:
        """List users."""
        result: models.UserPage = await self._calls.call("users-list", {**fields})
        return result

    async def get(self, id: str) -> models.User:
        """Get a user."""
        result: models.User = await self._calls.call("users-get", {"id": id})
        return result

    async def invite(
        self, *, idempotency_key: str | None = None, **fields: Unpack[models.UsersInviteFields]
    ) -> models.User:
        """Invite a user."""
        result: models.User = await self._calls.call("users-invite", {**fields}, idempotency_key=idempotency_key)
        return result

    async def set_active(self, **fields: Unpack[models.UsersSetActiveFields]) -> models.User:
        """Deactivate or reactivate a user."""
        result: models.User = await self._calls.call("users-set-active", {**fields})
        return result

    async def change_password(self, **fields: Unpack[models.UsersChangePasswordFields]) -> dict[str, Any]:
        """Change one's own password."""
        result: dict[str, Any] = await self._calls.call("users-change-password", {**fields})
        return result

    async def forgot_password(self, **fields: Unpack[models.UsersForgotPasswordFields]) -> dict[str, Any]:
        """Ask for a reset by mail."""
        result: dict[str, Any] = await self._calls.call("users-forgot-password", {**fields})
        return result

    async def reset_password(self, **fields: Unpack[models.UsersResetPasswordFields]) -> dict[str, Any]:
        """Set a password with a mailed token."""
        result: dict[str, Any] = await self._calls.call("users-reset-password", {**fields})
        return result


class AsyncOauth(AsyncResource):
    """The operations of oauth."""

    async def token(self, **fields: Unpack[models.OauthTokenFields]) -> models.TokenGrant:
        """Get an app's access token."""
        result: models.TokenGrant = await self._calls.call("oauth-token", {**fields})
        return result


class AsyncOauthApps(AsyncResource):
    """The operations of oauth apps."""

    async def create(self, **fields: Unpack[models.OauthAppsCreateFields]) -> models.AppWithSecret:
        """Create an app."""
        result: models.AppWithSecret = await self._calls.call("oauth-apps-create", {**fields})
        return result

    async def list(self) -> models.Apps:
        """List apps."""
        result: models.Apps = await self._calls.call("oauth-apps-list", {})
        return result

    async def get(self, id: str) -> models.App:
        """Get an app."""
        result: models.App = await self._calls.call("oauth-apps-get", {"id": id})
        return result

    async def update(self, id: str, **fields: Unpack[models.OauthAppsUpdateFields]) -> models.App:
        """Rename an app."""
        result: models.App = await self._calls.call("oauth-apps-update", {"id": id, **fields})
        return result

    async def rotate_secret(self, id: str) -> models.AppWithSecret:
        """Replace an app's secret."""
        result: models.AppWithSecret = await self._calls.call("oauth-apps-rotate-secret", {"id": id})
        return result

    async def revoke(self, id: str) -> models.App:
        """Revoke an app."""
        result: models.App = await self._calls.call("oauth-apps-revoke", {"id": id})
        return result

    async def delete(self, id: str) -> models.Deleted:
        """Delete an app."""
        result: models.Deleted = await self._calls.call("oauth-apps-delete", {"id": id})
        return result


class AsyncContacts(AsyncResource):
    """The operations of contacts."""

    async def create(
        self, *, idempotency_key: str | None = None, **fields: Unpack[models.ContactsCreateFields]
    ) -> models.Contact:
        """Create a contact."""
        result: models.Contact = await self._calls.call("contacts-create", {**fields}, idempotency_key=idempotency_key)
        return result

    async def update(self, id: str, **fields: Unpack[models.ContactsUpdateFields]) -> models.Contact:
        """Change a contact."""
        result: models.Contact = await self._calls.call("contacts-update", {"id": id, **fields})
        return result

    async def list(self, **fields: Unpack[models.ContactsListFields]) -> models.ContactPage:
        """List and search contacts."""
        result: models.ContactPage = await self._calls.call("contacts-list", {**fields})
        return result

    def iterate(self, **fields: Unpack[models.ContactsListFields]) -> AsyncIterator[models.Contact]:
        """Every item of `contacts-list`, page by page."""
        return self._calls.pages("contacts-list", {**fields})

    async def get(self, id: str) -> models.Contact:
        """Get a contact."""
        result: models.Contact = await self._calls.call("contacts-get", {"id": id})
        return result

    async def delete(self, id: str) -> models.Deleted:
        """Delete a contact."""
        result: models.Deleted = await self._calls.call("contacts-delete", {"id": id})
        return result


class AsyncCompanies(AsyncResource):
    """The operations of companies."""

    async def create(
        self, *, idempotency_key: str | None = None, **fields: Unpack[models.CompaniesCreateFields]
    ) -> models.Company:
        """Create a company."""
        result: models.Company = await self._calls.call("companies-create", {**fields}, idempotency_key=idempotency_key)
        return result

    async def update(self, id: str, **fields: Unpack[models.CompaniesUpdateFields]) -> models.Company:
        """Change a company."""
        result: models.Company = await self._calls.call("companies-update", {"id": id, **fields})
        return result

    async def list(self, **fields: Unpack[models.CompaniesListFields]) -> models.CompanyPage:
        """List and search companies."""
        result: models.CompanyPage = await self._calls.call("companies-list", {**fields})
        return result

    def iterate(self, **fields: Unpack[models.CompaniesListFields]) -> AsyncIterator[models.Company]:
        """Every item of `companies-list`, page by page."""
        return self._calls.pages("companies-list", {**fields})

    async def get(self, id: str) -> models.Company:
        """Get a company."""
        result: models.Company = await self._calls.call("companies-get", {"id": id})
        return result

    async def delete(self, id: str) -> models.Deleted:
        """Delete a company."""
        result: models.Deleted = await self._calls.call("companies-delete", {"id": id})
        return result


class AsyncProjects(AsyncResource):
    """The operations of projects."""

    async def create(
        self, *, idempotency_key: str | None = None, **fields: Unpack[models.ProjectsCreateFields]
    ) -> models.Project:
        """Create a project."""
        result: models.Project = await self._calls.call("projects-create", {**fields}, idempotency_key=idempotency_key)
        return result

    async def update(self, id: str, **fields: Unpack[models.ProjectsUpdateFields]) -> models.Project:
        """Change a project."""
        result: models.Project = await self._calls.call("projects-update", {"id": id, **fields})
        return result

    async def list(self, **fields: Unpack[models.ProjectsListFields]) -> models.ProjectPage:
        """List and search projects."""
        result: models.ProjectPage = await self._calls.call("projects-list", {**fields})
        return result

    def iterate(self, **fields: Unpack[models.ProjectsListFields]) -> AsyncIterator[models.Project]:
        """Every item of `projects-list`, page by page."""
        return self._calls.pages("projects-list", {**fields})

    async def get(self, id: str) -> models.Project:
        """Get a project."""
        result: models.Project = await self._calls.call("projects-get", {"id": id})
        return result

    async def delete(self, id: str) -> models.Deleted:
        """Delete a project."""
        result: models.Deleted = await self._calls.call("projects-delete", {"id": id})
        return result


class AsyncProjectsContacts(AsyncResource):
    """The operations of projects contacts."""

    async def add(self, **fields: Unpack[models.ProjectsContactsAddFields]) -> models.ProjectContact:
        """Add a contact to a project."""
        result: models.ProjectContact = await self._calls.call("projects-contacts-add", {**fields})
        return result

    async def remove(self, **fields: Unpack[models.ProjectsContactsRemoveFields]) -> models.ProjectContactRemoved:
        """Remove a contact from a project."""
        result: models.ProjectContactRemoved = await self._calls.call("projects-contacts-remove", {**fields})
        return result

    async def list(self, **fields: Unpack[models.ProjectsContactsListFields]) -> models.ProjectContactPage:
        """List the contacts of a project."""
        result: models.ProjectContactPage = await self._calls.call("projects-contacts-list", {**fields})
        return result


class AsyncActivities(AsyncResource):
    """The operations of activities."""

    async def create(
        self, *, idempotency_key: str | None = None, **fields: Unpack[models.ActivitiesCreateFields]
    ) -> models.Activity:
        """Record an activity."""
        result: models.Activity = await self._calls.call(
            "activities-create", {**fields}, idempotency_key=idempotency_key
        )
        return result

    async def update(self, id: str, **fields: Unpack[models.ActivitiesUpdateFields]) -> models.Activity:
        """Change an activity."""
        result: models.Activity = await self._calls.call("activities-update", {"id": id, **fields})
        return result

    async def list(self, **fields: Unpack[models.ActivitiesListFields]) -> models.ActivityPage:
        """List activities."""
        result: models.ActivityPage = await self._calls.call("activities-list", {**fields})
        return result

    def iterate(self, **fields: Unpack[models.ActivitiesListFields]) -> AsyncIterator[models.Activity]:
        """Every item of `activities-list`, page by page."""
        return self._calls.pages("activities-list", {**fields})

    async def get(self, id: str) -> models.Activity:
        """Get an activity."""
        result: models.Activity = await self._calls.call("activities-get", {"id": id})
        return result

    async def delete(self, id: str) -> models.Deleted:
        """Delete an activity."""
        result: models.Deleted = await self._calls.call("activities-delete", {"id": id})
        return result


class AsyncActivitySchemas(AsyncResource):
    """The operations of activity schemas."""

    async def list(self) -> models.ActivitySchemaPage:
        """List the schemas of metadata."""
        result: models.ActivitySchemaPage = await self._calls.call("activity-schemas-list", {})
        return result


class AsyncSources(AsyncResource):
    """The operations of sources."""

    async def create(
        self, *, idempotency_key: str | None = None, **fields: Unpack[models.SourcesCreateFields]
    ) -> models.Source:
        """Create a source."""
        result: models.Source = await self._calls.call("sources-create", {**fields}, idempotency_key=idempotency_key)
        return result

    async def update(self, id: str, **fields: Unpack[models.SourcesUpdateFields]) -> models.Source:
        """Rename a source."""
        result: models.Source = await self._calls.call("sources-update", {"id": id, **fields})
        return result

    async def get(self, id: str) -> models.Source:
        """Get a source."""
        result: models.Source = await self._calls.call("sources-get", {"id": id})
        return result

    async def list(self, **fields: Unpack[models.SourcesListFields]) -> models.SourcePage:
        """List sources."""
        result: models.SourcePage = await self._calls.call("sources-list", {**fields})
        return result

    async def archive(self, id: str) -> models.Source:
        """Archive a source."""
        result: models.Source = await self._calls.call("sources-archive", {"id": id})
        return result

    async def unarchive(self, id: str) -> models.Source:
        """Bring a source back."""
        result: models.Source = await self._calls.call("sources-unarchive", {"id": id})
        return result


class AsyncCustomFields(AsyncResource):
    """The operations of custom fields."""

    async def create(
        self, *, idempotency_key: str | None = None, **fields: Unpack[models.CustomFieldsCreateFields]
    ) -> models.CustomField:
        """Define a custom field."""
        result: models.CustomField = await self._calls.call(
            "custom-fields-create", {**fields}, idempotency_key=idempotency_key
        )
        return result

    async def update(self, id: str, **fields: Unpack[models.CustomFieldsUpdateFields]) -> models.CustomField:
        """Change a definition."""
        result: models.CustomField = await self._calls.call("custom-fields-update", {"id": id, **fields})
        return result

    async def get(self, id: str) -> models.CustomField:
        """Get a definition."""
        result: models.CustomField = await self._calls.call("custom-fields-get", {"id": id})
        return result

    async def delete(self, id: str) -> models.Deleted:
        """Delete a definition."""
        result: models.Deleted = await self._calls.call("custom-fields-delete", {"id": id})
        return result

    async def list(self, **fields: Unpack[models.CustomFieldsListFields]) -> models.CustomFieldPage:
        """List definitions."""
        result: models.CustomFieldPage = await self._calls.call("custom-fields-list", {**fields})
        return result


class AsyncImports(AsyncResource):
    """The operations of imports."""

    async def request_upload(self, **fields: Unpack[models.ImportsRequestUploadFields]) -> models.Upload:
        """Begin an import."""
        result: models.Upload = await self._calls.call("imports-request-upload", {**fields})
        return result

    async def complete_upload(self, id: str) -> models.Uploaded:
        """Preview the uploaded file."""
        result: models.Uploaded = await self._calls.call("imports-complete-upload", {"id": id})
        return result

    async def confirm(self, id: str, **fields: Unpack[models.ImportsConfirmFields]) -> models.ImportJob:
        """Start the import."""
        result: models.ImportJob = await self._calls.call("imports-confirm", {"id": id, **fields})
        return result

    async def get(self, id: str) -> models.ImportJob:
        """Get an import."""
        result: models.ImportJob = await self._calls.call("imports-get", {"id": id})
        return result

    async def list(self, **fields: Unpack[models.ImportsListFields]) -> models.ImportJobPage:
        """List imports."""
        result: models.ImportJobPage = await self._calls.call("imports-list", {**fields})
        return result

    def iterate(self, **fields: Unpack[models.ImportsListFields]) -> AsyncIterator[models.ImportJob]:
        """Every item of `imports-list`, page by page."""
        return self._calls.pages("imports-list", {**fields})

    async def cancel(self, id: str) -> models.ImportJob:
        """Stop an import."""
        result: models.ImportJob = await self._calls.call("imports-cancel", {"id": id})
        return result

    async def errors(self, id: str, **fields: Unpack[models.ImportsErrorsFields]) -> models.RowErrorPage:
        """List the rows that failed."""
        result: models.RowErrorPage = await self._calls.call("imports-errors", {"id": id, **fields})
        return result

    def iterate_errors(self, id: str, **fields: Unpack[models.ImportsErrorsFields]) -> AsyncIterator[models.RowError]:
        """Every item of `imports-errors`, page by page."""
        return self._calls.pages("imports-errors", {"id": id, **fields})

    async def errors_file(self, id: str) -> models.Download:
        """Get the failed rows as a file."""
        result: models.Download = await self._calls.call("imports-errors-file", {"id": id})
        return result

    async def undo(self, id: str) -> models.ImportJob:
        """Undo an import."""
        result: models.ImportJob = await self._calls.call("imports-undo", {"id": id})
        return result


class AsyncExports(AsyncResource):
    """The operations of exports."""

    async def create(
        self, *, idempotency_key: str | None = None, **fields: Unpack[models.ExportsCreateFields]
    ) -> models.ExportJob:
        """Begin an export."""
        result: models.ExportJob = await self._calls.call("exports-create", {**fields}, idempotency_key=idempotency_key)
        return result

    async def get(self, id: str) -> models.ExportJob:
        """Get an export."""
        result: models.ExportJob = await self._calls.call("exports-get", {"id": id})
        return result


class AsyncWebhooks(AsyncResource):
    """The operations of webhooks."""

    async def create(self, **fields: Unpack[models.WebhooksCreateFields]) -> models.EndpointWithSecret:
        """Register an endpoint."""
        result: models.EndpointWithSecret = await self._calls.call("webhooks-create", {**fields})
        return result

    async def update(self, id: str, **fields: Unpack[models.WebhooksUpdateFields]) -> models.Endpoint:
        """Change an endpoint."""
        result: models.Endpoint = await self._calls.call("webhooks-update", {"id": id, **fields})
        return result

    async def list(self) -> models.Endpoints:
        """List endpoints."""
        result: models.Endpoints = await self._calls.call("webhooks-list", {})
        return result

    async def get(self, id: str) -> models.Endpoint:
        """Get an endpoint."""
        result: models.Endpoint = await self._calls.call("webhooks-get", {"id": id})
        return result

    async def delete(self, id: str) -> models.Deleted:
        """Delete an endpoint."""
        result: models.Deleted = await self._calls.call("webhooks-delete", {"id": id})
        return result

    async def rotate_secret(self, id: str) -> models.EndpointWithSecret:
        """Replace an endpoint's secret."""
        result: models.EndpointWithSecret = await self._calls.call("webhooks-rotate-secret", {"id": id})
        return result

    async def test(self, id: str) -> models.Delivery:
        """Deliver a test event now."""
        result: models.Delivery = await self._calls.call("webhooks-test", {"id": id})
        return result

    async def deliveries(self, **fields: Unpack[models.WebhooksDeliveriesFields]) -> models.Deliveries:
        """List deliveries of an endpoint."""
        result: models.Deliveries = await self._calls.call("webhooks-deliveries", {**fields})
        return result

    def iterate_deliveries(self, **fields: Unpack[models.WebhooksDeliveriesFields]) -> AsyncIterator[models.Delivery]:
        """Every item of `webhooks-deliveries`, page by page."""
        return self._calls.pages("webhooks-deliveries", {**fields})

    async def redeliver(self, **fields: Unpack[models.WebhooksRedeliverFields]) -> models.Delivery:
        """Deliver once more."""
        result: models.Delivery = await self._calls.call("webhooks-redeliver", {**fields})
        return result


class AsyncOperations:
    """Every operation of the API, by resource."""

    def __init__(self, calls: AsyncCalls) -> None:
        self.auth = AsyncAuth(calls)
        self.users = AsyncUsers(calls)
        self.oauth = AsyncOauth(calls)
        self.oauth_apps = AsyncOauthApps(calls)
        self.contacts = AsyncContacts(calls)
        self.companies = AsyncCompanies(calls)
        self.projects = AsyncProjects(calls)
        self.projects_contacts = AsyncProjectsContacts(calls)
        self.activities = AsyncActivities(calls)
        self.activity_schemas = AsyncActivitySchemas(calls)
        self.sources = AsyncSources(calls)
        self.custom_fields = AsyncCustomFields(calls)
        self.imports = AsyncImports(calls)
        self.exports = AsyncExports(calls)
        self.webhooks = AsyncWebhooks(calls)
