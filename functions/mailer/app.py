"""What happens to a mail that a transaction left in the outbox? It is sent."""

from typing import Any

from keel.mails import sending
from keel.settings import mail_settings, settings

settings(), mail_settings()  # a wrong setting stops the function at its cold start


def handler(event: dict[str, Any], _context: Any) -> dict[str, Any]:
    return sending.handle(event)
