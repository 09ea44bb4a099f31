"""Use an account in tests as its owner does, through the operations."""

from typing import Any

from tests.harness import items
from tests.harness.gateway import Answer, Session
from tests.harness.items import Item
from tests.harness.wire import written

# What a create needs at least; an activity needs something to point to as well.
LEAST: dict[str, dict[str, Any]] = {
    "contacts": {"first_name": "Ada"},
    "companies": {"name": "Analytical Engines"},
    "projects": {"name": "Difference Engine"},
    "activities": {"activity_type": "call"},
    "sources": {"name": "Fair"},
    "custom-fields": {"entity_type": "contact", "label": "Shoe size", "field_type": "text"},
}


class Account:
    """An account as its owner uses it; calling it calls an operation."""

    def __init__(self, call: Any, session: Session) -> None:
        self._call, self.session = call, session

    def __call__(self, operation: str, body: Any = None, **more: Any) -> Answer:
        answer: Answer = self._call(operation, body, token=self.session.token, **more)
        return answer

    def does(self, operation: str, body: Any = None, **more: Any) -> Any:
        """The result of an operation that succeeds."""
        answer = self(operation, body, **more)
        assert answer.status == 200, answer.body
        return answer.result

    def creates(self, resource: str, **fields: Any) -> Any:
        """A record: `creates("contacts", last_name="Lovelace")`."""
        return self.does(f"{resource}-create", LEAST[resource] | fields)

    def gets(self, resource: str, record: dict[str, Any]) -> Any:
        return self.does(f"{resource}-get", {"id": record["id"]})

    def updates(self, resource: str, record: dict[str, Any], **fields: Any) -> Any:
        return self.does(f"{resource}-update", {"id": record["id"], **fields})

    def deletes(self, resource: str, record: dict[str, Any]) -> None:
        gone = self.does(f"{resource}-delete", {"id": record["id"]})
        assert gone == {"id": record["id"], "deleted": True}

    def items(self) -> list[Item]:
        """Everything that the table has of the account."""
        partitions = sorted(written.get(self.session.account_id, ()))
        return [item for pk in partitions for item in items.iterate(pk)]


class World:
    """An account with one record of whatever is asked for."""

    def __init__(self, account: Account) -> None:
        self.account = account
        self._ids: dict[str, str] = {"users": account.session.user["id"]}

    def id_of(self, resource: str) -> str:
        if resource not in self._ids:
            self._ids[resource] = self._create(resource)
        return self._ids[resource]

    def _create(self, resource: str) -> str:
        does: Any = self.account.does
        if resource == "oauth-apps":
            return str(does("oauth-apps-create", {"name": "App"})["app"]["id"])
        if resource == "webhooks":
            body = {"url": "http://127.0.0.1:9/", "events": ["contact.created"]}
            return str(does("webhooks-create", body)["endpoint"]["id"])
        if resource == "deliveries":
            return str(does("webhooks-test", {"id": self.id_of("webhooks")})["id"])
        if resource == "imports":
            return str(does("imports-request-upload", {"model_type": "contacts", "file_name": "a.csv"})["job_id"])
        if resource == "exports":
            return str(does("exports-create", {"model_type": "contacts"})["id"])
        more = {"contact_id": self.id_of("contacts")} if resource == "activities" else {}
        return str(self.account.creates(resource, **more)["id"])
