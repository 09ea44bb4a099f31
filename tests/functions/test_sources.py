"""Test sources, archived and unarchived."""

from tests.harness.accounts import Account


def test_an_archived_source_is_listed_only_when_asked_for(account: Account) -> None:
    web, fair = account.creates("sources", name="Web"), account.creates("sources", name="Fair")
    archived = account.does("sources-archive", {"id": web["id"].upper()})
    assert web["updated_at"] <= archived["archived_at"] <= archived["updated_at"]
    assert archived == web | {"archived_at": archived["archived_at"], "updated_at": archived["updated_at"]}
    assert account.gets("sources", web) == archived
    for body in ({}, {"include_archived": None}, {"include_archived": False}):
        assert account.does("sources-list", body)["items"] == [fair]
    whole = account.does("sources-list", {"include_archived": True})
    assert whole == {"items": [archived, fair], "next_cursor": ""}
    assert account("sources-list", {"include_archived": "yes"}).code == "sources.invalid_request"


def test_archiving_twice_changes_nothing_and_unarchiving_undoes_it(account: Account) -> None:
    source = account.creates("sources")
    assert account.does("sources-unarchive", {"id": source["id"]}) == source
    archived = account.does("sources-archive", {"id": source["id"]})
    assert account.does("sources-archive", {"id": source["id"]}) == archived
    back = account.does("sources-unarchive", {"id": source["id"]})
    assert back == source | {"updated_at": back["updated_at"]}


def test_an_archived_source_can_be_renamed_and_archived_at_is_not_written(account: Account) -> None:
    source = account.creates("sources", archived_at="2020-01-01T00:00:00.000Z")
    assert source["archived_at"] is None
    archived = account.does("sources-archive", {"id": source["id"]})
    renamed = account.updates("sources", source, name="Trade fair", archived_at=None)
    assert renamed == archived | {"name": "Trade fair", "updated_at": renamed["updated_at"]}
