"""Compare the limits in the documentation with those that the code and the template enforce."""

import pytest

import template
from keel.api import access_tokens, fields, idempotency, request_body
from keel.custom_fields import entity_type as custom_fields
from keel.imports import planner
from keel.imports.service import UNDO_DAYS
from keel.records import schemas
from keel.storage import objects
from keel.users import password_hashing
from keel.webhooks import retry_schedule, sender

LIMITS = (template.ROOT / "docs/status-and-limits.md").read_text()
RATE_LIMITS = (template.ROOT / "docs/rate-limits.md").read_text()


@pytest.mark.parametrize(
    "row",
    [
        f"| request body | 1 MB ({request_body.MAX_BYTES:,} bytes) |",
        f"| items on a page | {schemas.LARGEST_PAGE}; the default is {schemas.PAGE}, ",
        f"| `Idempotency-Key` | 1 to {idempotency.KEY_LENGTH} characters, ",
        f"| password | 8 to {password_hashing.LONGEST} characters |",
        f"| tags | {fields.TAGS} for each record, of {fields.TAG_LENGTH} characters each |",
        f"| options of an enum | {custom_fields.OPTIONS}, ",
        f"| access token of a user | {access_tokens.USER_TOKEN_SECONDS // 60} minutes |",
        f"| access token of an app | {access_tokens.APP_TOKEN_SECONDS // 3_600} hour |",
        f"| signed URL for an upload or a download | {objects.EXPIRES_SECONDS // 3_600} hour |",
        f"| size of a file to import | {planner.MAX_BYTES // 1_000_000} MB |",
        f"| rows | {planner.MAX_ROWS:,} |",
        f"| columns | {planner.MAX_COLUMNS:,} |",
        f"| time to undo | {UNDO_DAYS} days after the import |",
        f"| time to respond | {sender.DEADLINE_SECONDS:g} seconds |",
        f"| attempts | {len(retry_schedule.STEPS) + 1} in about three days |",
    ],
)
def test_limits_page_shows_what_the_code_enforces(row: str) -> None:
    assert f"\n{row}" in LIMITS


@pytest.mark.parametrize("page", [LIMITS, RATE_LIMITS], ids=["status-and-limits", "rate-limits"])
@pytest.mark.parametrize(
    ("calls", "parameter"),
    [
        ("with a user token", "RateUser"),
        ("with an app token", "RateApp"),
        ("public operations", "RatePublic"),
        ("`auth-login`", "RateLogin"),
        ("`users-forgot-password`", "RateForgotPassword"),
        ("`users-reset-password`", "RateResetPassword"),
    ],
)
def test_rates_are_the_defaults_of_the_template(page: str, calls: str, parameter: str) -> None:
    rate, burst = template.load()["Parameters"][parameter]["Default"].split("/")
    [row] = [line for line in page.splitlines() if line.startswith("|") and calls in line]
    assert [cell.strip() for cell in row.split("|")][2:4] == [rate, burst]
