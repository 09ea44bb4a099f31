"""Connect PynamoDB to the table through Keel's boto3 client."""

from functools import cache
from typing import TYPE_CHECKING, Final

from pynamodb.connection import Connection
from pynamodb.connection.base import MetaTable
from pynamodb.connection.table import TableConnection

from keel.settings import settings
from keel.storage import clients

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

_KEY_SCHEMA: Final = [{"AttributeName": "pk", "KeyType": "HASH"}, {"AttributeName": "sk", "KeyType": "RANGE"}]
_ATTRIBUTES: Final = [{"AttributeName": name, "AttributeType": "S"} for name in ("pk", "sk")]


class _Connection(Connection):
    @property
    def client(self) -> "DynamoDBClient":  # type: ignore[override] # PynamoDB's stub has a protocol of its own
        """Keel's client. PynamoDB would create one per thread, with time-outs that outlive a function."""
        return clients.client("dynamodb")


def table_connection() -> TableConnection:
    """The connection that all models share. It describes the table itself, so that no DescribeTable is sent."""
    return _connect(settings().table)


@cache
def _connect(table_name: str) -> TableConnection:
    meta = MetaTable({"TableName": table_name, "KeySchema": _KEY_SCHEMA, "AttributeDefinitions": _ATTRIBUTES})
    created = TableConnection(table_name)
    created.connection = _Connection()
    created.connection.add_meta_table(meta)
    return created
