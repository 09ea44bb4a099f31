"""How does an operator get back what is lost? As a table beside the one in use, of any second of the last 35 days.

restore.py [AT=2026-06-01T12:00:00Z] [INTO=NAME] [FROM=NAME]

Without AT it is the latest second there is; INTO goes on with a restore that was begun; FROM names another table than
the one in use, as after a restore to a time that turned out too late.

Nothing that is in use changes. The last line is the command that moves the stack over.
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
PAUSE: Final = 15  # seconds between two looks

Wait = Callable[[float], None]


def begin(dynamodb: Any, table: str, into: str, at: datetime | None) -> None:
    """Have AWS make the table, unless it is being made already."""
    moment = {"RestoreDateTime": at} if at else {"UseLatestRestorableTime": True}
    try:
        dynamodb.restore_table_to_point_in_time(SourceTableName=table, TargetTableName=into, **moment)
    except (dynamodb.exceptions.TableAlreadyExistsException, dynamodb.exceptions.TableInUseException):
        print(f"{into} is there already: going on with it.")


def until_active(dynamodb: Any, table: str, wait: Wait) -> dict[str, Any]:
    """The table once nothing is being done to it."""
    while (found := dynamodb.describe_table(TableName=table)["Table"])["TableStatus"] != "ACTIVE":
        wait(PAUSE)
    return dict(found)


def settle(dynamodb: Any, table: str, wait: Wait) -> str:
    """Give the table the settings that a restore leaves behind; gives the ARN of its stream."""
    stream = SETTINGS["StreamSpecification"] | {"StreamEnabled": True}
    if "LatestStreamArn" not in until_active(dynamodb, table, wait):
        dynamodb.update_table(TableName=table, StreamSpecification=stream)
    protected = SETTINGS["DeletionProtectionEnabled"]
    if until_active(dynamodb, table, wait)["DeletionProtectionEnabled"] != protected:
        dynamodb.update_table(TableName=table, DeletionProtectionEnabled=protected)
    found = until_active(dynamodb, table, wait)
    expiry = SETTINGS["TimeToLiveSpecification"]
    if dynamodb.describe_time_to_live(TableName=table)["TimeToLiveDescription"]["TimeToLiveStatus"] == "DISABLED":
        dynamodb.update_time_to_live(TableName=table, TimeToLiveSpecification=expiry)
    _keep_backups(dynamodb, table, wait)
    return str(found["LatestStreamArn"])


def _keep_backups(dynamodb: Any, table: str, wait: Wait) -> None:
    while True:
        try:
            dynamodb.update_continuous_backups(
                TableName=table, PointInTimeRecoverySpecification=SETTINGS["PointInTimeRecoverySpecification"]
            )
        except dynamodb.exceptions.ContinuousBackupsUnavailableException:
            wait(PAUSE)  # for a while after a table was made
        else:
            return


def moment(text: str) -> datetime:
    try:
        found = datetime.fromisoformat(text)
    except ValueError:
        raise SystemExit(f"AT={text}: write it as AT=2026-06-01T12:00:00Z") from None
    return found if found.tzinfo else found.replace(tzinfo=UTC)


def restored(given: dict[str, str], wait: Wait = time.sleep) -> str:
    """Do it, and give the command that moves the stack over."""
    dynamodb, now = boto3.client("dynamodb"), datetime.now(UTC)
    table = given.get("FROM") or outputs(boto3.client("cloudformation"))["TableName"]
    at = given.get("AT")
    into = given.get("INTO") or f"{STACK}-restored-{now:%Y%m%d-%H%M%S}"
    print(f"Restoring {table}, as it was at {at or 'the latest time possible'}, into {into}.", flush=True)
    print(f"This takes minutes to hours. If it is interrupted, make restore INTO={into} goes on.", flush=True)
    begin(dynamodb, table, into, moment(at) if at else None)
    stream = settle(dynamodb, into, wait)
    print(f"{into} is ready after {(datetime.now(UTC) - now).seconds} s; nothing uses it yet. To move over to it:\n")
    return f'make deploy PARAMETERS="ExistingTable={into} ExistingTableStream={stream}"'


def main() -> None:
    given = dict(argument.split("=", 1) for argument in sys.argv[1:] if not argument.endswith("="))
    try:
        print(restored(given))
    except (ClientError, BotoCoreError) as error:
        raise SystemExit(f"AWS says: {error}\n{CREDENTIALS}") from None


if __name__ == "__main__":
    main()
