"""Serialize the batches of all imports of an account by an optimistic lock.

The lock is a count of batches. A batch was computed from stored records, so it is written only if no other batch of the
account has been written since they were read: then two imports at the same time create no duplicates.
"""

from keel.imports.models import AccountLock, account_lock_key
from keel.records import service
from keel.storage import table
from keel.storage.models import AttributeMap
from keel.storage.table import Write


def count_of(attributes: AttributeMap | None) -> int:
    """The count in the stored item, 0 before the first batch."""
    return AccountLock.from_raw_data(attributes).batches if attributes else 0


def read(account_id: str) -> int:
    lock = table.get(AccountLock, account_lock_key(account_id))
    return lock.batches if lock else 0


def advance(account_id: str, count: int) -> Write:
    """For the transaction of a batch: count it if the count is still this one, else fail with `service.Stale`."""
    condition = AccountLock.batches == count if count else AccountLock.pk.does_not_exist()
    lock = AccountLock(*account_lock_key(account_id), batches=count + 1)
    return table.put(lock, condition, on_failure=service.stale)
