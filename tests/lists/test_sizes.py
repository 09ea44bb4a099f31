"""Does a page of the largest records still fit into an answer?"""

from tests.harness.accounts import Account


def test_a_page_ends_where_an_answer_would_become_too_large(account: Account) -> None:
    fields = [account.creates("custom-fields", label=str(number))["id"] for number in range(4)]
    widest = "\U0001f44b" * 10_000
    contacts = [
        account.creates("contacts", notes=widest, custom_fields=dict.fromkeys(fields, widest)) for _ in range(26)
    ]
    walked, cursor, pages = [], "", 0
    while pages == 0 or cursor:
        page = account.does("contacts-list", {"limit": 100, "cursor": cursor})
        assert 0 < len(page["items"]) < 26
        walked += [each["id"] for each in page["items"]]
        cursor, pages = page["next_cursor"], pages + 1
    assert sorted(walked) == sorted(each["id"] for each in contacts)
    assert pages == 2
