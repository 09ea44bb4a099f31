"""What did the operator decide? Every environment variable of the functions, validated at cold start."""

import os
import re
from functools import cache
from typing import Annotated, Final, NamedTuple

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
    model_config = ConfigDict(frozen=True)


class Settings(_Environment):
    """What every function is given."""

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
    """What the mailer is given besides."""

    sender: _Text = Field(alias="MAIL_SENDER")
    link_site: _Text = Field(alias="LINK_SITE")


class CascadeSettings(_Environment):
    """What the functions that follow a deletion are given besides."""

    queue: _Text = Field(alias="CASCADE_QUEUE")


class FileSettings(_Environment):
    """What the functions of imports and exports are given besides."""

    bucket: _Text = Field(alias="FILES_BUCKET")


class ImportSettings(_Environment):
    queue: _Text = Field(alias="IMPORT_QUEUE")


class ExportSettings(_Environment):
    queue: _Text = Field(alias="EXPORT_QUEUE")


class SigningSettings(_Environment):
    """What the functions that sign webhooks are given besides."""

    key: _Text = Field(alias="WEBHOOK_KEY")


class DeliverySettings(_Environment):
    """What the functions that pass deliveries on are given besides: the queues, by their URLs."""

    deliveries: _Text = Field(alias="DELIVERY_QUEUE")
    overflow: _Text = Field(alias="OVERFLOW_QUEUE")


class LaneSettings(_Environment):
    """What the function that makes deliveries is given besides: how many of it run at once in each of its lanes."""

    workers: int = Field(alias="WEBHOOK_WORKERS", gt=1)


class EventSettings(_Environment):
    """What the publisher of events is given besides."""

    bus: _Text = Field(alias="EVENT_BUS")
    failures: _Text = Field(alias="FAILURE_BUCKET")


@cache
def settings() -> Settings:
    """The settings; raises pydantic's ValidationError, which names each variable at fault."""
    return Settings.model_validate(os.environ)


@cache
def mail_settings() -> MailSettings:
    return MailSettings.model_validate(os.environ)


@cache
def cascade_settings() -> CascadeSettings:
    return CascadeSettings.model_validate(os.environ)


@cache
def file_settings() -> FileSettings:
    return FileSettings.model_validate(os.environ)


@cache
def import_settings() -> ImportSettings:
    return ImportSettings.model_validate(os.environ)


@cache
def signing_settings() -> SigningSettings:
    return SigningSettings.model_validate(os.environ)


@cache
def delivery_settings() -> DeliverySettings:
    return DeliverySettings.model_validate(os.environ)


@cache
def lane_settings() -> LaneSettings:
    return LaneSettings.model_validate(os.environ)


@cache
def event_settings() -> EventSettings:
    return EventSettings.model_validate(os.environ)


@cache
def export_settings() -> ExportSettings:
    return ExportSettings.model_validate(os.environ)
