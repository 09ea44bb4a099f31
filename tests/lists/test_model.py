"""Compare lists, filters and searches with a plain model while records change.

A state machine drives the real handlers, and a plain Python model beside them: dicts, and a search spelled out
anew. One run leaves the planner its room; in the other every bound is so small that it is met all the time.
"""

import functools
import re
import unicodedata
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, cast

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import Bundle, RuleBasedStateMachine, consumes, multiple, rule, run_state_machine_as_test

from keel.records import lists, query_plan

Values = dict[str, Any]

NAMES = st.sampled_from(["Ann", "Anna", "Änne", "Bo", "O'Brien", "李小龙", "Ann Bo", "x", "An-Na 12", "ann@home"])
EMAILS = st.sampled_from(["", "ann@acme.example", "Bo.Ann@home.example", "x+1@x.example"])
PHONES = st.sampled_from(["", "+1 (555) 123-4567", "5551234567", "12-34", "ann 555"])
COMPANY_NAMES = st.sampled_from(["Acme", "Ann & Sons", "Bo 555", "Home Example"])
TAGS = st.lists(st.sampled_from(["x", "y", "z"]), unique=True, max_size=3)
SEARCHES = st.sampled_from(
    [
        *("", "ann", "a", "AN", "anne", "bo ann", "o'brien", "李", "李小", "acme", "ann@", "ann@acme", "home.example"),
        *("555", "5551234", "(555) 123", "123-45", "4567", "12", "x", "x+1@", "...", "ann ...", "sons bo", "zzz"),
    ]
)
EXAMPLES, STEPS = 30, 60  # for each of the two runs

LIMITS = st.sampled_from([1, 2, 3, 5, 25, 100])


def plain(text: str) -> str:
    decomposed = unicodedata.normalize("NFD", unicodedata.normalize("NFD", text).casefold())
    return "".join(each for each in decomposed if not unicodedata.combining(each))


def words(text: str) -> list[str]:
    return re.findall(r"[^\W_]+", plain(text))


@functools.cache
def matches(search: str, first_name: str, last_name: str, email: str, phone: str, company: str) -> bool:
    has = [word for text in (first_name, last_name, email, phone, company) for word in words(text)]
    number = re.sub(r"\D", "", phone)
    for term in search.split():
        wanted, digits = words(term), re.sub(r"\D", "", term)
        if not wanted:
            continue
        if "@" in term:
            found = plain(email).startswith(plain(term))
        else:
            found = all(any(word.startswith(each) for word in has) for each in wanted)
            if len(digits) >= 3 and not re.search(r"[^\W\d_]", term):
                found = found or digits in number
        if not found:
            return False
    return True


@dataclass
class Walk:
    """A walk that has begun: what it must still show, and what it has shown."""

    filters: Values
    limit: int
    throughout: set[str]
    cursor: str = ""
    seen: list[str] = field(default_factory=list)


class Lists(RuleBasedStateMachine):
    companies = Bundle("companies")
    contacts = Bundle("contacts")
    walks = Bundle("walks")

    def __init__(self, call: Callable[..., Any], token: str) -> None:
        super().__init__()
        self._call, self._token = call, token
        self.company_names: dict[str, str] = {}
        self.stored: dict[str, Values] = {}
        self.open: list[Walk] = []

    def does(self, operation: str, **body: Any) -> Any:
        answer = self._call(operation, body, token=self._token)
        assert answer.status == 200, answer.body
        return answer.result

    def writes(self, operation: str, **body: Any) -> Any:
        result = self.does(operation, **body)
        for walk in self.open:
            walk.throughout &= set(self.expected(walk.filters))
        return result

    def expected(self, filters: Values) -> list[str]:
        return [id_ for id_, contact in sorted(self.stored.items(), reverse=True) if self.holds(filters, contact)]

    def holds(self, filters: Values, contact: Values) -> bool:
        company_id = contact["company_id"] if contact["company_id"] in self.company_names else None
        texts = [contact[field] for field in ("first_name", "last_name", "email", "phone")]
        return (
            matches(filters["search"], *texts, self.company_names.get(company_id or "", ""))
            and set(filters.get("tags", [])) <= set(contact["tags"])
            and filters.get("company_id", company_id) == company_id
            and company_id in (filters.get("company_ids") or [company_id])
        )

    # --- What is written

    @rule(target=companies, name=COMPANY_NAMES)
    def create_company(self, name: str) -> str:
        id_ = str(self.writes("companies-create", name=name)["id"])
        self.company_names[id_] = name
        return id_

    @rule(company=companies, name=COMPANY_NAMES)
    def rename_company(self, company: str, name: str) -> None:
        if company in self.company_names:
            self.company_names[company] = name
            self.writes("companies-update", id=company, name=name)

    @rule(company=companies)
    def delete_company(self, company: str) -> None:
        if self.company_names.pop(company, None):
            self.writes("companies-delete", id=company)

    @rule(
        target=contacts,
        names=st.lists(st.tuples(NAMES, NAMES), min_size=1, max_size=5),
        email=EMAILS,
        phone=PHONES,
        tags=TAGS,
        company=st.none() | companies,
    )
    def create_contacts(
        self, names: list[tuple[str, str]], email: str, phone: str, tags: list[str], company: str | None
    ) -> Any:
        company_id = company if company in self.company_names else None
        made = []
        for first_name, last_name in names:
            contact: Values = {"first_name": first_name, "last_name": last_name, "email": email, "phone": phone}
            contact |= {"tags": tags, "company_id": company_id}
            id_ = str(self._call("contacts-create", contact, token=self._token).result["id"])
            self.stored[id_] = contact
            made.append(id_)
        return multiple(*made)

    @rule(
        contact=contacts,
        change=st.fixed_dictionaries(
            {}, optional={"first_name": NAMES, "last_name": NAMES, "email": EMAILS, "phone": PHONES, "tags": TAGS}
        ),
    )
    def update_contact(self, contact: str, change: Values) -> None:
        if contact in self.stored:
            self.stored[contact] |= change
            self.writes("contacts-update", id=contact, **change)

    @rule(contact=contacts, company=st.none() | companies)
    def move_contact(self, contact: str, company: str | None) -> None:
        if contact in self.stored and (company is None or company in self.company_names):
            self.stored[contact]["company_id"] = company
            self.writes("contacts-update", id=contact, company_id=company)

    @rule(contact=consumes(contacts))
    def delete_contact(self, contact: str) -> None:
        if self.stored.pop(contact, None):
            self.writes("contacts-delete", id=contact)

    # --- What is read

    @rule(
        target=walks,
        search=SEARCHES,
        tags=TAGS,
        company=st.none() | companies,
        several=st.lists(companies, max_size=3),
        limit=LIMITS,
    )
    def begin_walk(self, search: str, tags: list[str], company: str | None, several: list[str], limit: int) -> Walk:
        filters: Values = {"search": search, "tags": tags, "company_ids": several}
        if company:
            filters["company_id"] = company
        walk = Walk(filters, limit, set(self.expected(filters)))
        self.open.append(walk)
        return walk

    @rule(walk=walks, pages=st.integers(1, 3))
    def go_on(self, walk: Walk, pages: int) -> None:
        for _ in range(pages):
            if any(walk is each for each in self.open):
                self.next_page(walk)

    @rule(walk=consumes(walks))
    def finish(self, walk: Walk) -> None:
        began = len(walk.seen)
        expected = self.expected(walk.filters)
        at_rest = walk.seen[-1] if walk.seen else "~"
        for _ in range(2 * len(self.stored) + 3):
            if all(walk is not each for each in self.open):
                break
            self.next_page(walk)
        else:
            raise AssertionError("the walk does not end")
        if walk.cursor or not began:
            # Nothing was written while it went on: it shows exactly what there is, in order.
            assert walk.seen[began:] == [id_ for id_ in expected if id_ < at_rest]

    def next_page(self, walk: Walk) -> None:
        page = self.does("contacts-list", **walk.filters, limit=walk.limit, cursor=walk.cursor)
        ids = [item["id"] for item in page["items"]]
        assert len(ids) <= walk.limit
        assert set(ids) <= set(self.expected(walk.filters))
        walk.seen += ids
        assert walk.seen == sorted(set(walk.seen), reverse=True)
        walk.cursor = page["next_cursor"]
        if not walk.cursor:
            self.open = [each for each in self.open if each is not walk]
            assert walk.throughout <= set(walk.seen)


@pytest.mark.parametrize("roomy", [True, False])
def test_lists_agree_with_a_plain_model_of_the_contract(
    call: Any, owner: Any, monkeypatch: pytest.MonkeyPatch, roomy: bool
) -> None:
    if not roomy:
        for module, name, value in (
            (lists, "PAGE", 1),
            (lists, "READS_PER_RECORD", 12),
            (query_plan, "PAGE", 1),
            (query_plan, "MAX_QUERIES", 2),
            (query_plan, "MAX_TERMS", 1),
            (query_plan, "MAX_STREAMS", 2),
            (query_plan, "MAX_VALUES", 2),
            (query_plan, "MAX_TARGETS", 1),
        ):
            monkeypatch.setattr(module, name, value)

    def machine() -> Lists:
        return Lists(call, owner().token)

    run_state_machine_as_test(
        cast(Any, machine),
        settings=settings(
            max_examples=EXAMPLES,
            stateful_step_count=STEPS,
            deadline=None,
            database=None,
            derandomize=True,
            suppress_health_check=list(HealthCheck),
        ),
    )
