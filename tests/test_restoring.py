"""Restoring the table, against a stand-in for DynamoDB that needs time for each change."""

from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import boto3
import pytest

import restore

ERRORS = boto3.client("dynamodb", region_name="us-east-1").exceptions


class Slow:
    """DynamoDB with a table that is active three requests after each change and cannot enable backups at once."""

    exceptions = ERRORS

    def __init__(self) -> None:
        self.made = False
        self.busy = 0
        self.refusals = 2
        self.table: dict[str, Any] = {"DeletionProtectionEnabled": False}
        self.expiry = "DISABLED"
        self.kept: Any = None
        self.asked: dict[str, Any] = {}

    def restore_table_to_point_in_time(self, **asked: Any) -> None:
        if self.made:
            raise ERRORS.TableAlreadyExistsException({"Error": {}}, "RestoreTableToPointInTime")
        self.made, self.busy, self.asked = True, 3, asked

    def describe_table(self, **_: Any) -> Any:
        self.busy = max(0, self.busy - 1)
        return {"Table": {**self.table, "TableStatus": "UPDATING" if self.busy else "ACTIVE"}}

    def update_table(self, TableName: str, **change: Any) -> None:  # noqa: N803 - boto3's name
        assert not self.busy, "DynamoDB takes one change at a time"
        self.busy = 3
        if "StreamSpecification" in change:
            assert change["StreamSpecification"] == {"StreamEnabled": True, "StreamViewType": "NEW_AND_OLD_IMAGES"}
            self.table["LatestStreamArn"] = f"arn:aws:dynamodb:::table/{TableName}/stream/1"
        else:
            self.table |= change

    def describe_time_to_live(self, **_: Any) -> Any:
        return {"TimeToLiveDescription": {"TimeToLiveStatus": self.expiry}}

    def update_time_to_live(self, TimeToLiveSpecification: Any, **_: Any) -> None:  # noqa: N803
        assert TimeToLiveSpecification == {"AttributeName": "ttl", "Enabled": True}
        assert self.expiry == "DISABLED"
        self.expiry = "ENABLING"

    def update_continuous_backups(self, PointInTimeRecoverySpecification: Any, **_: Any) -> None:  # noqa: N803
        self.refusals -= 1
        if self.refusals >= 0:
            raise ERRORS.ContinuousBackupsUnavailableException({"Error": {}}, "UpdateContinuousBackups")
        self.kept = PointInTimeRecoverySpecification


def test_restored_table_gets_the_settings_of_the_template() -> None:
    dynamodb, waited = Slow(), list[float]()
    restore.begin(dynamodb, "old", "new", None)
    assert dynamodb.asked == {"SourceTableName": "old", "TargetTableName": "new", "UseLatestRestorableTime": True}
    assert restore.configure(dynamodb, "new", waited.append) == "arn:aws:dynamodb:::table/new/stream/1"
    assert dynamodb.table["DeletionProtectionEnabled"] is True
    assert (dynamodb.expiry, dynamodb.kept) == ("ENABLING", {"PointInTimeRecoveryEnabled": True})
    assert len(waited) == 2 + 2 + 2 + 2  # table, stream, deletion protection, backups


def test_interrupted_restore_continues(capsys: pytest.CaptureFixture[str]) -> None:
    dynamodb = Slow()
    restore.begin(dynamodb, "old", "new", None)
    restore.configure(dynamodb, "new", lambda _: None)
    dynamodb.refusals = 0
    restore.begin(dynamodb, "old", "new", None)
    assert "The table new exists." in capsys.readouterr().out
    assert restore.configure(dynamodb, "new", lambda _: pytest.fail("must not wait")).endswith("stream/1")


def test_time_without_a_zone_is_utc() -> None:
    noon = datetime(2026, 6, 1, 12, tzinfo=UTC)
    assert restore.parse_time("2026-06-01T12:00:00Z") == restore.parse_time("2026-06-01T12:00:00") == noon
    assert restore.parse_time("2026-06-01T12:00:00+02:00") == noon.astimezone(timezone(timedelta(hours=2))) - timedelta(
        hours=2
    )
    with pytest.raises(SystemExit, match="AT=yesterday: AT must be a time"):
        restore.parse_time("yesterday")
