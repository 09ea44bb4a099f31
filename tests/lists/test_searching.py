"""Test `search` of the lists."""


def found(ask, search, resource="contacts"):
    items = ask(f"{resource}-list", search=search)["items"]
    return [item.get("first_name") or item.get("name") for item in items]


FOUND = [
    ({"first_name": "Zoë"}, "zoe"),
    ({"first_name": "Zoe"}, "ZOË"),
    ({"first_name": "Anna Maria"}, "mar"),
    ({"last_name": "O'Brien"}, "o'brien"),
    ({"last_name": "O'Brien"}, "brien"),
    ({"last_name": "Großmann"}, "GROSSMANN"),
    ({"last_name": "Στέφανος"}, "στεφανοσ"),
    ({"first_name": "小龙", "last_name": "李"}, "李"),
    ({"last_name": "李小龙"}, "李小"),
    ({"last_name": "김철수"}, "김철"),
    ({"email": "Jane.Doe@Mail.Example.com"}, "jane.doe@mail"),
    ({"email": "jane.doe@mail.example.com"}, "mail.example.com"),
    ({"email": "jane.doe@mail.example.com"}, "doe"),
    ({"email": "jane.doe@mail.example.com"}, "exam"),
    ({"phone": "+1 (555) 123-4567"}, "5551234567"),
    ({"phone": "+15551234567"}, "(555)"),
    ({"phone": "+15551234567"}, "234-56"),
    ({"phone": "+15551234567"}, "567"),
    ({"phone": "+1 (555) 123-4567"}, "555 123 4567"),
    ({"phone": "12-34"}, "34"),
    ({"first_name": "Jane", "last_name": "Doe"}, "doe ja"),
    ({"first_name": "Jane", "last_name": "Doe"}, "jane ... 🙂 -"),
    ({"first_name": "x" * 100, "last_name": "Long"}, "x" * 99),
    ({"first_name": "X"}, "x"),
]
NOT_FOUND = [
    ({"first_name": "Joanna"}, "anna"),
    ({"last_name": "O'Brien"}, "obrien"),
    ({"email": "jane@example.com"}, "doe@example.com"),
    ({"email": "jane@example.com"}, "@example.com"),
    ({"email": "jane@example.com"}, "ample"),
    ({"phone": "+1 555 123 4567"}, "55512399"),
    ({"phone": "123456"}, "45 67"),
    ({"notes": "secret"}, "secret"),
    ({"first_name": "x" * 100}, "x" * 50 + "y"),
    ({"first_name": "Jane"}, "jane doe"),
]


def test_a_contact_is_found_as_soon_as_it_is_written_and_no_more_when_it_is_deleted(ask):
    ask("contacts-create", first_name="Other", last_name="Person", email="nobody@elsewhere.test", phone="909")
    for fields, search in FOUND:
        contact = ask("contacts-create", **{"first_name": "Somebody"} | fields)
        assert found(ask, search) == [contact["first_name"]], search
        ask("contacts-delete", id=contact["id"])
        assert found(ask, search) == [], search


def test_a_contact_is_not_found_by_what_it_has_not(ask):
    for fields, search in NOT_FOUND:
        contact = ask("contacts-create", **{"first_name": "Somebody"} | fields)
        assert found(ask, search) == [], search
        assert found(ask, contact["first_name"]) == [contact["first_name"]]
        ask("contacts-delete", id=contact["id"])


def test_a_contact_is_found_by_the_current_name_of_its_company(ask):
    acme = ask("companies-create", name="Acme Rockets", domain="coyote.example")["id"]
    ask("contacts-create", first_name="Jane", company_id=acme)
    ask("contacts-create", first_name="Acme")
    assert found(ask, "rock") == ["Jane"]
    assert found(ask, "acme") == ["Acme", "Jane"]
    assert found(ask, "jane rockets") == ["Jane"]
    assert found(ask, "coyote") == []
    ask("companies-update", id=acme, name="Beta")
    assert found(ask, "rockets") == []
    assert found(ask, "beta") == ["Jane"]
    ask("companies-delete", id=acme)
    assert found(ask, "beta") == []


def test_a_changed_contact_is_found_by_its_present_words_only(ask):
    jane = ask("contacts-create", first_name="Jane", email="jane@example.com", phone="5551234")["id"]
    ask("contacts-update", id=jane, first_name="Mary", email="", phone="7779999")
    assert [found(ask, search) for search in ("jane", "jane@", "555", "example")] == [[], [], [], []]
    assert found(ask, "mary 7779") == ["Mary"]
    ask("contacts-delete", id=jane)
    assert found(ask, "mary") == []


def test_companies_and_projects_are_searched_in_their_own_fields(ask):
    ask("companies-create", name="Acme Ltd", domain="rockets.example.com", industry="Mining")
    ask("projects-create", name="Moon landing", description="Rockets")
    assert found(ask, "ltd rockets.example", "companies") == ["Acme Ltd"]
    assert found(ask, "mining", "companies") == []
    assert found(ask, "land", "projects") == ["Moon landing"]
    assert found(ask, "rockets", "projects") == []


def test_a_search_without_a_word_filters_nothing(ask):
    ask("contacts-create", first_name="Jane")
    for search in ("", "   ", "...", "🙂 🙃", "@", "\x01\x02", "' - _"):
        assert found(ask, search) == ["Jane"], search


def test_a_search_of_any_size_is_answered(ask):
    ask("contacts-create", first_name="Jane")
    for search in ("a " * 500, "a@b " * 250, "1" * 1_000, "é" * 1_000, "123-456 " * 125):
        assert found(ask, search) == [], search


def test_a_contact_of_many_words_is_found_by_each_of_them(ask):
    words = [f"{letter}{number}" for letter in "abcdefgh" for number in range(8)]
    jane = ask(
        "contacts-create", first_name=" ".join(words), phone="0123456789" * 20, last_name="ж".join("abcdefghijk")
    )["id"]
    for search in ("a0", "h7", "01234567890123", "e3 d2"):
        assert len(found(ask, search)) == 1
    ask("contacts-update", id=jane, first_name="Jane", phone="")
    assert found(ask, "h7") == []
    assert found(ask, "0123") == []
    assert found(ask, "jane") == ["Jane"]


def test_search_and_filters_apply_together(ask):
    ask("contacts-create", first_name="Jane", tags=["x"])
    ask("contacts-create", first_name="Janet", tags=["y"])
    assert [item["first_name"] for item in ask("contacts-list", search="jan", tags=["y"])["items"]] == ["Janet"]
