"""Measure how the cost of a list grows with the account: time, round trips and items read."""

import random
import statistics
import time
from collections.abc import Iterator
from typing import Any, Final

from bench.counting import counting
from bench.system import Account

FIRST: Final = ("Ann", "Bob", "Carla", "David", "Elena", "Frank", "Grace", "Hugo", "Irene", "Jack", "Karin", "Liam")
LAST: Final = tuple(
    a + b for a in ("Sm", "Br", "Kl", "Mar", "Del", "Wat", "Fog", "Hol") for b in ("ith", "own", "eine", "tin", "son")
)
DOMAINS: Final = ("mail.example", "post.example", "home.example")
# What stays the same however many contacts there are: a page of equal size.
COMPANY_CONTACTS: Final = 100
RARE: Final = 20

Contacts = Iterator[tuple[str, dict[str, Any]]]


class Populated:
    """An account with a number of contacts; a twentieth has a tag, a few have a rare name or an important client."""

    def __init__(self, size: int) -> None:
        self.size = size
        self.email = ""
        self.account = Account.open()
        self.company = self.account.does("companies-create", name="Quux Industries")["id"]
        self.other = self.account.does("companies-create", name="Another Company")["id"]
        self.account.fill(self._contacts())

    def _contacts(self) -> Contacts:
        chance = random.Random(self.size)  # noqa: S311 - the same contacts each time
        step = self.size // COMPANY_CONTACTS
        for number in range(self.size):
            first, last = chance.choice(FIRST), chance.choice(LAST)
            yield (
                "contact",
                {
                    "first_name": first,
                    "last_name": "Zanzibar" if number % (self.size // RARE) == 7 else last,
                    "email": self._email(number, f"{first}.{last}{number}@{chance.choice(DOMAINS)}".lower()),
                    "phone": f"+1 555 {chance.randrange(10**7):07}" if number % 4 == 0 else "",
                    "company_id": self.company if number % step == 4 else self.other if number % 3 == 0 else None,
                    "tags": [tag for tag, every in (("twentieth", 20), ("half", 2)) if number % every == 0],
                },
            )

    def _email(self, number: int, email: str) -> str:
        self.email = email if number == 0 else self.email
        return email

    def cases(self) -> dict[str, dict[str, Any]]:
        return {
            "no filter": {},
            "a tag that half have": {"tags": ["half"]},
            "a tag that a twentieth have": {"tags": ["twentieth"]},
            "a company of 100": {"company_id": self.company},
            "any of two companies": {"company_ids": [self.company, self.other]},
            "two tags": {"tags": ["half", "twentieth"]},
            "a company of 100 and a tag that half have": {"company_id": self.company, "tags": ["half"]},
            "search: a rare name": {"search": "zanzibar"},
            "search: its beginning": {"search": "zan"},
            "search: a common name": {"search": "grace"},
            "search: a letter": {"search": "e"},
            "search: two common names": {"search": "grace smith"},
            "search: a rare and a common one": {"search": "zanzibar grace"},
            "search: the name of a company of 100": {"search": "quux"},
            "search: a whole email": {"search": self.email},
            "search: a phone's digits": {"search": "555"},
            "search: a common name, with a tag that half have": {"search": "grace", "tags": ["half"]},
        }


def measure(sizes: list[int], rounds: int) -> list[dict[str, Any]]:
    """For each case and size of account: the median of the time, the calls, the items read and found."""
    accounts = [Populated(size) for size in sizes]
    rows = []
    for case in accounts[0].cases():
        times: dict[int, list[float]] = {each.size: [] for each in accounts}
        facts: dict[int, dict[str, Any]] = {}
        for _ in range(rounds):
            for each in accounts:
                body = each.cases()[case]
                with counting() as counted:
                    started = time.perf_counter()
                    page = each.account.does("contacts-list", **body)
                    times[each.size].append(time.perf_counter() - started)
                facts[each.size] = {
                    "found": len(page["items"]),
                    "more": bool(page["next_cursor"]),
                    "calls": counted.calls,
                    "items": counted.items,
                }
        for size, taken in times.items():
            milliseconds = round(1_000 * statistics.median(taken), 2)
            rows.append({"case": case, "contacts": size, "milliseconds": milliseconds, **facts[size]})
    return rows
