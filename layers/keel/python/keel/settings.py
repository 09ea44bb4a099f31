"""Read and validate the environment variables of the functions at cold start."""

import os
import re
from functools import cache
from typing import Annotated, Final, NamedTuple, TypeVar

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, StringConstraints

_RATE: Final = re.compile(r"(\d+)/(\d+)")


class Rate(NamedTuple):
    """A token bucket: calls per second, and how many may come at once."""

    per_second: int
    burst: int

    @classmethod
    def read(cls, text: str) -> "Rate":
        match = _RATE.fullmatch(text)
        if match is None or int(match[1]) < 1 or int(match[2]) < 1:
            raise ValueError(f"must be calls per second and burst, such as 10/20, not {text!r}")
        return cls(int(match[1]), int(match[2]))


def _names(text: str) -> frozenset[str]:
    return frozenset(name for part in text.split(",") if (name := part.strip()))


_Text = Annotated[str, StringConstraints(min_length=1)]
_Rate = Annotated[Rate, BeforeValidator(Rate.read)]
_Names = Annotated[frozenset[str], BeforeValidator(_names)]


class _Environment(BaseModel):
    # pydantic-settings would read the same models. Importing it takes as much CPU time as importing pydantic itself.
    model_config = ConfigDict(frozen=True)


class Settings(_Environment):
    """What every function has."""

    table: _Text = Field(alias="TABLE_NAME")
    token_keys_secret: _Text = Field(alias="TOKEN_KEYS_SECRET")
    allowed_origins: _Names = Field(alias="ALLOWED_ORIGINS")
    rate_public: _Rate = Field(alias="RATE_PUBLIC")
    rate_user: _Rate = Field(alias="RATE_USER")
    rate_app: _Rate = Field(alias="RATE_APP")
    rate_login: _Rate = Field(alias="RATE_LOGIN")
    rate_forgot_password: _Rate = Field(alias="RATE_FORGOT_PASSWORD")
    rate_reset_password: _Rate = Field(alias="RATE_RESET_PASSWORD")
    webhook_exempt_hosts: _Names = Field(alias="WEBHOOK_EXEMPT_HOSTS")


class MailSettings(_Environment):
    """What the mailer has in addition."""

    sender: _Text = Field(alias="MAIL_SENDER")
    link_site: _Text = Field(alias="LINK_SITE")


class CascadeSettings(_Environment):
    """What the functions that clear references have in addition."""

    queue: _Text = Field(alias="CASCADE_QUEUE")


class FileSettings(_Environment):
    """What the functions of imports and exports have in addition."""

    bucket: _Text = Field(alias="FILES_BUCKET")


class ImportSettings(_Environment):
    queue: _Text = Field(alias="IMPORT_QUEUE")


class ExportSettings(_Environment):
    queue: _Text = Field(alias="EXPORT_QUEUE")


class SigningSettings(_Environment):
    """What the functions that sign webhooks have in addition."""

    key: _Text = Field(alias="WEBHOOK_KEY")


class DeliverySettings(_Environment):
    """What the functions that send deliveries have in addition: the URLs of both delivery queues."""

    delivery_queue: _Text = Field(alias="DELIVERY_QUEUE")
    overflow_queue: _Text = Field(alias="OVERFLOW_QUEUE")


class WorkerSettings(_Environment):
    """What the delivery function has in addition: its maximum concurrency for each of its queues."""

    workers: int = Field(alias="WEBHOOK_WORKERS", gt=1)


class EventSettings(_Environment):
    """What the event publisher has in addition."""

    bus: _Text = Field(alias="EVENT_BUS")
    failures: _Text = Field(alias="FAILURE_BUCKET")


S = TypeVar("S", bound=_Environment)


@cache
def _load(model: type[_Environment]) -> _Environment:
    return model.model_validate(os.environ)


def load_settings(model: type[S]) -> S:
    """The settings of one model, read from the environment once.

    Raises pydantic's ValidationError, which names each variable at fault.
    """
    loaded = _load(model)
    assert isinstance(loaded, model)  # noqa: S101 - for mypy: a cache loses the type
    return loaded


def settings() -> Settings:
    """The settings that every function has."""
    return load_settings(Settings)
