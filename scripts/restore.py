"""Restore the table to any second of the last 35 days, into a new table beside the one in use.

restore.py [AT=2026-06-01T12:00:00Z] [INTO=NAME] [FROM=NAME]

AT      the time to restore; the latest possible time by default
INTO    the name of the new table; continues a restore into this table that was interrupted
FROM    the table to restore; the table in use by default

Nothing in use is changed. The last line of the output is the command that switches the stack to the new table.
"""

import sys
import time
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any, Final

import boto3
from botocore.exceptions import BotoCoreError, ClientError

import template
from deploy import CREDENTIALS, STACK, outputs

SETTINGS: Final = template.resources("AWS::DynamoDB::Table")["Table"]
PAUSE: Final = 15  # seconds between two requests for the state of the table

Wait = Callable[[float], None]


def begin(dynamodb: Any, table: str, into: str, at: datetime | None) -> None:
    """Start the restore, unless it has been started."""
    time_of = {"RestoreDateTime": at} if at else {"UseLatestRestorableTime": True}
    try:
        dynamodb.restore_table_to_point_in_time(SourceTableName=table, TargetTableName=into, **time_of)
    except (dynamodb.exceptions.TableAlreadyExistsException, dynamodb.exceptions.TableInUseException):
        print(f"The table {into} exists. Continuing with it.")


def until_active(dynamodb: Any, table: str, wait: Wait) -> dict[str, Any]:
    """The description of the table, as soon as it is active."""
    while (described := dynamodb.describe_table(TableName=table)["Table"])["TableStatus"] != "ACTIVE":
        wait(PAUSE)
    return dict(described)


def configure(dynamodb: Any, table: str, wait: Wait) -> str:
    """Apply the settings that DynamoDB does not restore. Returns the ARN of the table's stream."""
    stream = SETTINGS["StreamSpecification"] | {"StreamEnabled": True}
    if "LatestStreamArn" not in until_active(dynamodb, table, wait):
        dynamodb.update_table(TableName=table, StreamSpecification=stream)
    protected = SETTINGS["DeletionProtectionEnabled"]
    if until_active(dynamodb, table, wait)["DeletionProtectionEnabled"] != protected:
        dynamodb.update_table(TableName=table, DeletionProtectionEnabled=protected)
    described = until_active(dynamodb, table, wait)
    expiry = SETTINGS["TimeToLiveSpecification"]
    if dynamodb.describe_time_to_live(TableName=table)["TimeToLiveDescription"]["TimeToLiveStatus"] == "DISABLED":
        dynamodb.update_time_to_live(TableName=table, TimeToLiveSpecification=expiry)
    _enable_backups(dynamodb, table, wait)
    return str(described["LatestStreamArn"])


def _enable_backups(dynamodb: Any, table: str, wait: Wait) -> None:
    while True:
        try:
            dynamodb.update_continuous_backups(
                TableName=table, PointInTimeRecoverySpecification=SETTINGS["PointInTimeRecoverySpecification"]
            )
        except dynamodb.exceptions.ContinuousBackupsUnavailableException:
            wait(PAUSE)  # they are not available yet for some time after the table was created
        else:
            return


def parse_time(text: str) -> datetime:
    """A time in ISO 8601, in UTC if it names no time zone. Exits if it is malformed."""
    try:
        parsed = datetime.fromisoformat(text)
    except ValueError:
        raise SystemExit(f"AT={text}: AT must be a time such as 2026-06-01T12:00:00Z.") from None
    return parsed if parsed.tzinfo else parsed.replace(tzinfo=UTC)


def restore(options: dict[str, str], wait: Wait = time.sleep) -> str:
    """Restore the table. Returns the command that switches the stack to it."""
    dynamodb, now = boto3.client("dynamodb"), datetime.now(UTC)
    table = options.get("FROM") or outputs(boto3.client("cloudformation"))["TableName"]
    at = options.get("AT")
    into = options.get("INTO") or f"{STACK}-restored-{now:%Y%m%d-%H%M%S}"
    print(f"Restoring {table} as of {at or 'the latest possible time'} into {into}.", flush=True)
    print(f"This takes minutes to hours. To continue after an interruption: make restore INTO={into}", flush=True)
    begin(dynamodb, table, into, parse_time(at) if at else None)
    stream = configure(dynamodb, into, wait)
    print(f"{into} is ready after {(datetime.now(UTC) - now).seconds} s. To switch the stack to it:\n")
    return f'make deploy PARAMETERS="ExistingTable={into} ExistingTableStream={stream}"'


def main() -> None:
    options = dict(argument.split("=", 1) for argument in sys.argv[1:] if not argument.endswith("="))
    try:
        print(restore(options))
    except (ClientError, BotoCoreError) as error:
        raise SystemExit(f"AWS returned an error: {error}\n{CREDENTIALS}") from None


if __name__ == "__main__":
    main()
