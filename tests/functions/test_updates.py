"""Compare sequences of partial updates with a plain model."""

from dataclasses import dataclass, field
from typing import Any, Final

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.harness.accounts import Account

TEXTS: Final = st.sampled_from(["", " ", "Ada", "世界", None])
TAGS: Final = st.lists(st.sampled_from(["a", " a", "b", ""]), max_size=3)
NUMBERS: Final = st.sampled_from([0, -1.5, 1e200, None])
PATCH: Final = st.fixed_dictionaries(
    {},
    optional={
        "last_name": TEXTS,
        "notes": TEXTS,
        "tags": st.none() | TAGS,
        "company_id": st.sampled_from(["one", "two", None]),
        "custom_fields": st.fixed_dictionaries({}, optional={"text": TEXTS, "number": NUMBERS}),
    },
)


@dataclass
class World:
    """Where the updates happen; names in patches stand for these ids."""

    account: Account
    companies: dict[str, Any] = field(default_factory=dict)
    fields: dict[str, str] = field(default_factory=dict)

    def patch(self, drawn: dict[str, Any]) -> dict[str, Any]:
        sent = dict(drawn)
        if sent.get("company_id"):
            sent["company_id"] = self.companies[sent["company_id"]]["id"]
        if "custom_fields" in sent:
            sent["custom_fields"] = {self.fields[name]: value for name, value in sent["custom_fields"].items()}
        return sent

    def expected(self, record: dict[str, Any], sent: dict[str, Any]) -> dict[str, Any]:
        """What the update makes of the record."""
        after = dict(record)
        for name, value in sent.items():
            if name == "tags":
                after[name] = list(dict.fromkeys(tag.strip() for tag in value or () if tag.strip()))
            elif name == "custom_fields":
                merged = record[name] | value
                after[name] = {key: each for key, each in merged.items() if each is not None and str(each).strip()}
            else:
                after[name] = value if value is not None or name == "company_id" else ""
        names = {company["id"]: company["name"] for company in self.companies.values()}
        return after | {"company_name": names.get(after["company_id"], "")}


@pytest.fixture(scope="module")
def kept() -> dict[str, World]:
    return {}


@pytest.fixture
def world(kept: dict[str, World], account: Account) -> World:
    if not kept:
        world = kept["world"] = World(account)
        world.companies = {name: account.creates("companies", name=name) for name in ("one", "two")}
        for field_type in ("text", "number"):
            world.fields[field_type] = account.creates("custom-fields", field_type=field_type)["id"]
    return kept["world"]


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(patches=st.lists(PATCH, min_size=1, max_size=5))
def test_updates_leave_what_the_model_leaves(world: World, patches: list[dict[str, Any]]) -> None:
    record = world.account.creates("contacts")
    for drawn in patches:
        sent = world.patch(drawn)
        expected = world.expected(record, sent)
        after = world.account.updates("contacts", record, **sent)
        if expected == record:
            assert after == record
        else:
            assert after.pop("updated_at") > expected.pop("updated_at")
            assert after == expected
        record = world.account.gets("contacts", record)
        assert record == record | after
    assert world.account.does("contacts-list", {"limit": 1})["items"] == [record]
