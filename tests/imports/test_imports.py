"""Test what rows become: records by the rules of the API, or errors, each row counted once."""

import csv
import io

import boto3
import pytest

PEOPLE = """First Name,Last Name,Email,Company,Source,Tags,Phone
Ada,Lovelace,ada@example.com,Analytical Engines,Web,vip;math,+44 20 7946 0001
Grace,Hopper,grace@example.com,US Navy,Fair,"navy, vip",+1 555 010 0002
Joan,Clarke,joan@example.com,analytical  ENGINES,web,,
"""


def counts(job):
    return tuple(job[f"{name}_count"] for name in ("created", "updated", "skipped", "failed"))


def settled(job):
    """A job that ended well: every row in one count."""
    assert job["status"] == "completed", job
    assert sum(counts(job)) == job["processed_rows"] == job["total_rows"]
    assert job["completed_at"]
    return counts(job)


def test_rows_create_contacts_with_companies_and_sources(importer):
    ours = importer()
    assert settled(ours.run(PEOPLE)) == (3, 0, 0, 0)
    ada, grace, joan = ours.all()
    assert (ada["first_name"], ada["last_name"], ada["email"]) == ("Ada", "Lovelace", "ada@example.com")
    assert (ada["company_name"], ada["source_name"]) == ("Analytical Engines", "Web")
    assert ada["tags"] == ["vip", "math"]
    assert ada["phone"] == "+44 20 7946 0001"
    assert grace["tags"] == ["navy", "vip"]
    assert joan["company_id"] == ada["company_id"]
    assert joan["source_id"] == ada["source_id"]
    assert ada["created_by"] == ours.session.user["id"]
    assert [company["name"] for company in ours.all("companies-list")] == ["Analytical Engines", "US Navy"]
    assert [source["name"] for source in ours.all("sources-list")] == ["Web", "Fair"]


def test_imported_contacts_are_found_by_search(importer):
    ours = importer()
    ours.run(PEOPLE)
    for search in ("lovel", "ada@example.com", "79460001", "analytical", "grace navy"):
        assert ours.call("contacts-list", {"search": search}, token=ours.token).result["items"], search
    assert len(ours.all(tags=["vip"])) == 2


def test_auto_confirm_starts_the_import(importer, pump):
    ours = importer()
    job_id = ours.request(auto_confirm=True)
    ours.put(job_id, PEOPLE)
    ours.announce(job_id)
    assert ours.job(job_id)["status"] == "processing"
    sent = [each for each in pump("import_worker").records["import_worker"] if job_id in each["body"]]
    assert len(sent) == 1
    assert settled(ours.job(job_id)) == (3, 0, 0, 0)


def test_repeated_notification_starts_an_import_whose_message_was_lost(importer, pump, monkeypatch):
    ours = importer()
    job_id = ours.request(auto_confirm=True)
    ours.put(job_id, PEOPLE)
    monkeypatch.setattr("keel.imports.jobs.send_to_worker", lambda _job: None)
    ours.announce(job_id)
    monkeypatch.undo()
    assert ours.job(job_id)["status"] == "processing"
    ours.announce(job_id)
    pump("import_worker")
    assert settled(ours.job(job_id)) == (3, 0, 0, 0)


def test_auto_confirm_with_an_invalid_mapping_fails_the_job(importer):
    ours = importer()
    job = ours.preview("color,size\nred,3\n", auto_confirm=True)["job"]
    assert job["status"] == "failed"
    assert "first_name" in job["error"]
    job = ours.preview(PEOPLE, auto_confirm=True, column_mapping={"Nowhere": "first_name"})["job"]
    assert job["status"] == "failed"
    assert job["error"] == 'The column mapping is invalid. The file has no column "Nowhere".'


def test_auto_confirm_uses_the_requested_mapping(importer):
    ours = importer()
    uploaded = ours.preview(PEOPLE, auto_confirm=True, column_mapping={"Last Name": "first_name"})
    ours.work(uploaded["job"]["id"])
    assert [each["first_name"] for each in ours.all()] == ["Lovelace", "Hopper", "Clarke"]


@pytest.mark.parametrize(
    "mapping",
    [
        {},
        {"Last Name": "last_name"},
        {"Nowhere": "first_name"},
        {"First Name": "first_name", "Email": "no_such_field"},
        {"First Name": "first_name", "\ud800": "email"},
        {"First Name": "first_name", "": "email"},
        {"First Name": "first_name", "Email": "account_id"},
        {"First Name": "first_name", "Last Name": "first_name"},
        {"First Name": "first_name", "Last Name": "full_name"},
        {"First Name": "first_name", "Email": "custom_fields.0190b2a4-5b1c-7def-8123-456789abcdef"},
    ],
)
def test_invalid_mapping_is_rejected_and_changes_nothing(importer, mapping):
    ours = importer()
    job_id = ours.preview(PEOPLE)["job"]["id"]
    assert ours.confirm(job_id, mapping).code == "imports.invalid_request"
    assert ours.job(job_id)["status"] == "uploaded"


@pytest.mark.parametrize(
    ("mapping", "message"),
    [
        ({"Nowhere": "first_name"}, 'The file has no column "Nowhere".'),
        ({"N" * 300: "first_name"}, f'The file has no column "{"N" * 100}…".'),
        ({"Email": "mail"}, 'Column "Email" is mapped to "mail", which is not a field.'),
        (
            {"First Name": "email", "Email": "email"},
            'Columns "First Name" and "Email" are both mapped to "email".',
        ),
    ],
)
def test_invalid_mapping_error_names_columns_and_fields(importer, mapping, message):
    ours = importer()
    error = ours.confirm(ours.preview(PEOPLE)["job"]["id"], mapping).body["error"]
    assert error["message"] == error["details"][0]["message"] == message
    assert error["details"][0]["field"] == f"column_mapping.{next(iter(mapping))}"


def test_job_is_confirmed_once_and_only_after_its_upload(importer):
    ours = importer()
    job_id = ours.request()
    assert ours.confirm(job_id, {"a": "first_name"}).code == "imports.invalid_request"
    ours.put(job_id, PEOPLE)
    ours.complete(job_id)
    assert ours.confirm(job_id, {"First Name": "first_name"}, date_format="xyz").code == "imports.invalid_request"
    assert ours.confirm(job_id, {"First Name": "first_name"}).result["column_mapping"] == {"First Name": "first_name"}
    assert ours.confirm(job_id, {"First Name": "first_name"}).code == "imports.invalid_request"


def test_invalid_rows_are_reported_without_stopping_the_import(importer):
    ours = importer()
    content = (
        "first_name,email,company_id,tags\n"
        "Ada,ada@example.com,,\n"
        ",nobody@example.com,,\n"
        "Bob,not an email,,\n"
        "\n"
        "Cid,,0190b2a4-5b1c-7def-8123-456789abcdef,\n"
        "Dan,,nonsense,\n"
        "Eve,,,x,y,z\n"
        'Fay,"a"b,,\n'
        f"Gus,,,{'t' * 65}\n"
        f"{'x' * 256},,,\n"
        "Hal\0,,,\n"
        "Ida\n"
    )
    job = ours.run(content, {name: name for name in ("first_name", "email", "company_id", "tags")})
    assert settled(job) == (2, 0, 0, 9)
    errors = ours.errors(job["id"])
    assert [(each["row"], each["field"], each["code"]) for each in errors["items"]] == [
        (2, "first_name", "contacts.first_name_required"),
        (3, "email", "contacts.invalid_request"),
        (4, "company_id", "contacts.invalid_company_id"),
        (5, "company_id", "contacts.invalid_company_id"),
        (6, "", "contacts.invalid_request"),
        (7, "", "contacts.invalid_request"),
        (8, "tags", "contacts.invalid_request"),
        (9, "first_name", "contacts.invalid_request"),
        (10, "first_name", "contacts.invalid_request"),
    ]
    assert errors["items"][1]["data"] == {"first_name": "Bob", "email": "not an email", "company_id": "", "tags": ""}
    assert all(each["message"] for each in errors["items"])
    assert errors["items"][7]["message"] == "must have at most 255 characters, but has 256"
    assert [each["first_name"] for each in ours.all()] == ["Ada", "Ida"]


def test_errors_are_paginated_by_row(importer):
    ours = importer()
    rows = [f"{'' if number % 3 else 'Ada'},x{number}" for number in range(1, 301)]
    job = ours.run("first_name,last_name\n" + "\n".join(rows) + "\n")
    assert settled(job) == (100, 0, 0, 200)
    found, cursor = [], ""
    while True:
        page = ours.errors(job["id"], limit=70, cursor=cursor)
        assert len(page["items"]) <= 70
        found += [error["row"] for error in page["items"]]
        cursor = page["next_cursor"]
        if not cursor:
            break
    assert found == [number for number in range(1, 301) if number % 3]
    body = {"id": job["id"], "cursor": "x"}
    assert ours.call("imports-errors", body, token=ours.token).code == "imports.invalid_request"


def errors_file(ours, job):
    answer = ours.call("imports-errors-file", {"id": job["id"]}, token=ours.token).result
    assert answer["expires_in"] > 0
    key = f"errors/{ours.session.account_id}/{job['id']}/{job['failed_count']}.csv"
    assert key in answer["signed_url"]
    return boto3.client("s3").get_object(Bucket=ours.bucket, Key=key)["Body"].read().decode()


def test_errors_file_has_the_failed_rows_with_their_errors(importer):
    ours = importer()
    job = ours.run('first_name,Note,email\n,=1+1,a@example.com\nAda,-5,\n,+44 20 7946 0001,"x\ny"\n')
    header, first, second = csv.reader(io.StringIO(errors_file(ours, job)))
    assert header == ["first_name", "Note", "email", "row", "field", "code", "message"]
    assert first[:6] == ["", "'=1+1", "a@example.com", "1", "first_name", "contacts.first_name_required"]
    assert second[:5] == ["", "+44 20 7946 0001", "x\ny", "3", "email"]


def test_row_with_surplus_cells_fails_until_it_is_fixed(importer):
    ours = importer()
    job = ours.run("first_name,last_name,Column 3\nAda,Lovelace,+1,Met at fair, likes tea\nBob,,,,\n")
    assert settled(job) == (0, 0, 0, 2)
    ada, bob = ours.errors(job["id"])["items"]
    assert list(ada["data"].items())[2:] == [
        ("Column 3", "+1"),
        ("Column 4", "Met at fair"),
        ("Column 5", " likes tea"),
    ]
    assert bob["data"]["Column 5"] == ""
    content = errors_file(ours, job)
    header, first, second = csv.reader(io.StringIO(content))
    assert header == ["first_name", "last_name", "Column 3", "row", "field", "code", "message"]
    assert first[:4] == ["Ada", "Lovelace", "+1", "1"]
    assert first[len(header) :] == ["Met at fair", " likes tea"]
    assert second[len(header) :] == ["", ""]
    assert settled(ours.run(content)) == (0, 0, 0, 2)
    mended = content.replace(",Met at fair, likes tea", "")
    assert settled(ours.run(mended)) == (1, 0, 0, 1)


def test_skip_ignores_rows_of_existing_records(importer):
    ours = importer()
    ours.make("contacts-create", first_name="Old", email="ADA@example.com")
    job = ours.run(PEOPLE + "Again,,grace@EXAMPLE.com,New Co,,,\nNo Mail,,,,,,\nNo Mail,,,,,,\n")
    assert settled(job) == (4, 0, 2, 0)
    assert [each["first_name"] for each in ours.all()] == ["Old", "Grace", "Joan", "No Mail", "No Mail"]
    assert "New Co" not in [company["name"] for company in ours.all("companies-list")]


def test_update_writes_non_empty_cells_and_adds_tags(importer):
    ours = importer()
    fields = {"first_name": "Old", "email": "ADA@example.com", "tags": ["x", "vip"], "city": "Rome", "notes": "n"}
    old = ours.make("contacts-create", **fields)
    job = ours.run(PEOPLE + "Gracie,,grace@EXAMPLE.com,,,,\n", duplicate_handling="update")
    assert settled(job) == (2, 2, 0, 0)
    ada, grace, _ = ours.all()
    assert ada["id"] == old["id"]
    assert (ada["first_name"], ada["email"], ada["city"]) == ("Ada", "ada@example.com", "Rome")
    assert ada["tags"] == ["x", "vip", "math"]
    assert ada["company_name"] == "Analytical Engines"
    assert ada["created_at"] == old["created_at"]
    assert ada["updated_at"] > old["updated_at"]
    assert (grace["first_name"], grace["last_name"]) == ("Gracie", "Hopper")
    again = ours.run(PEOPLE, duplicate_handling="update")
    assert settled(again) == (0, 1, 2, 0)  # Gracie is Grace again
    assert settled(ours.run(PEOPLE, duplicate_handling="update")) == (0, 0, 3, 0)


def test_create_allows_duplicates(importer):
    ours = importer()
    for _ in range(2):
        assert settled(ours.run(PEOPLE, duplicate_handling="create")) == (3, 0, 0, 0)
    assert len(ours.all()) == 6
    assert len(ours.all("companies-list")) == 2


def test_rows_match_records_of_earlier_batches(importer):
    ours = importer()
    rows = [f"P{number},p{number % 100}@example.com,Co {number % 7}" for number in range(400)]
    content = "first_name,email,company\n" + "\n".join(rows) + "\n"
    assert settled(ours.run(content)) == (100, 0, 300, 0)
    assert len(ours.all("companies-list")) == 7
    assert settled(ours.run(content, duplicate_handling="update")) == (0, 300, 100, 0)
    assert {each["first_name"] for each in ours.all()} == {f"P{number}" for number in range(300, 400)}


def test_oldest_of_several_matches_is_used(importer):
    ours = importer()
    first = ours.make("contacts-create", first_name="One", email="a@example.com")
    for name in ("Two", "Three"):
        ours.make("contacts-create", first_name=name, email="A@example.com")
    assert settled(ours.run("first_name,email\nNew,a@example.com\n", duplicate_handling="update")) == (0, 1, 0, 0)
    assert [each["first_name"] for each in ours.all()] == ["New", "Two", "Three"]
    ours.make("contacts-delete", id=first["id"])
    assert settled(ours.run("first_name,email\nNew,a@example.com\n", duplicate_handling="update")) == (0, 1, 0, 0)
    assert [each["first_name"] for each in ours.all()] == ["New", "Three"]


def test_former_email_does_not_match(importer):
    ours = importer()
    made = ours.make("contacts-create", first_name="One", email="a@example.com")
    ours.make("contacts-update", id=made["id"], email="b@example.com")
    assert settled(ours.run("first_name,email\nA,a@example.com\nB,b@example.com\n")) == (1, 0, 1, 0)


def test_companies_match_by_domain_then_by_name(importer):
    ours = importer()
    by_name = ours.make("companies-create", name="Acme")
    by_domain = ours.make("companies-create", name="Other", domain="acme.example")
    content = "name,domain,industry\nACME,Acme.example,A\nacme,,B\nacme,elsewhere.example,C\nNew,,D\nnew,,E\n"
    assert settled(ours.run(content, model="companies", duplicate_handling="update")) == (1, 4, 0, 0)
    found = {company["id"]: company for company in ours.all("companies-list")}
    assert (found[by_domain["id"]]["name"], found[by_domain["id"]]["industry"]) == ("ACME", "A")
    assert (found[by_name["id"]]["domain"], found[by_name["id"]]["industry"]) == ("elsewhere.example", "C")
    assert len(found) == 3


def test_amounts_numbers_and_dates_are_parsed(importer):
    ours = importer()
    kinds = {"Size": "number", "Since": "date", "Partner": "boolean", "Tier": "enum", "Motto": "text"}
    made = {
        label: ours.make(
            "custom-fields-create",
            entity_type="company",
            label=label,
            field_type=kind,
            options=["Gold", "Silver"] if kind == "enum" else None,
        )["id"]
        for label, kind in kinds.items()
    }
    content = (
        "name,annual revenue,employees,Size,Since,Partner,Tier,Motto\n"
        'A,"1,234.5","1,200",1.50,03/04/2026,Yes,Gold,=go\n'
        'B,0.07,0,"1,000",2026-04-03,f,Silver,x\n'
        "C,1.234,,,,,,\nD,,1.5,,,,,\nE,,,x,,,,\nF,,,,13/13/2026,,,\nG,,,,,maybe,,\nH,,,,,,Bronze,\nI,-1,,,,,,\n"
    )
    job = ours.run(content, model="companies", date_format="mdy")
    assert settled(job) == (2, 0, 0, 7)
    a, b = ours.all("companies-list")
    assert (a["annual_revenue"], a["employee_count"], b["annual_revenue"], b["employee_count"]) == (123450, 1200, 7, 0)
    assert {label: a["custom_fields"][id_] for label, id_ in made.items()} == {
        "Size": 1.5,
        "Since": "2026-03-04",
        "Partner": True,
        "Tier": "Gold",
        "Motto": "=go",
    }
    assert b["custom_fields"][made["Size"]] == 1000
    assert b["custom_fields"][made["Partner"]] is False
    errors = ours.errors(job["id"])["items"]
    assert errors[2]["message"] == 'The custom field "Size" must be a number.'
    assert errors[5]["message"] == 'The custom field "Tier" must be one of its options: Gold, Silver.'
    assert [(each["field"], each["code"]) for each in errors] == [
        ("annual_revenue", "companies.invalid_request"),
        ("employee_count", "companies.invalid_request"),
        (f"custom_fields.{made['Size']}", "companies.invalid_custom_fields"),
        (f"custom_fields.{made['Since']}", "companies.invalid_custom_fields"),
        (f"custom_fields.{made['Partner']}", "companies.invalid_custom_fields"),
        (f"custom_fields.{made['Tier']}", "companies.invalid_custom_fields"),
        ("annual_revenue", "companies.invalid_request"),
    ]


def test_row_without_a_required_custom_field_fails(importer):
    ours = importer()
    body = {"entity_type": "contact", "label": "Badge", "field_type": "text", "required": True}
    badge = ours.make("custom-fields-create", **body)["id"]
    job = ours.run("first_name,badge\nAda,7\nBob,\n")
    assert settled(job) == (1, 0, 0, 1)
    [error] = ours.errors(job["id"])["items"]
    assert (error["field"], error["code"]) == (f"custom_fields.{badge}", "contacts.invalid_custom_fields")
    assert error["message"] == 'The custom field "Badge" must have a value.'


def test_archived_source_cannot_be_assigned_by_name(importer):
    ours = importer()
    source = ours.make("sources-create", name="Fair")
    ours.make("sources-archive", id=source["id"])
    job = ours.run("first_name,source\nAda,fair\nBob,Web\n")
    assert settled(job) == (1, 0, 0, 1)
    [error] = ours.errors(job["id"])["items"]
    assert (error["field"], error["code"]) == ("source_name", "contacts.invalid_source_id")
    ours.make("sources-unarchive", id=source["id"])
    assert settled(ours.run("first_name,source\nAda,fair\n")) == (1, 0, 0, 0)


def test_ids_match_records_of_the_same_account_only(importer):
    ours, theirs = importer(), importer()
    mine = ours.make("contacts-create", first_name="One", email="a@example.com")
    foreign = theirs.make("contacts-create", first_name="Foreign")
    content = f"id,first_name\n{mine['id'].upper()},New\n{foreign['id']},X\nnonsense,Y\n,Z\n"
    mapping = {"id": "id", "first_name": "first_name"}
    job = ours.run(content, mapping, duplicate_handling="update")
    assert settled(job) == (1, 1, 0, 2)
    assert [(each["field"], each["code"]) for each in ours.errors(job["id"])["items"]] == [
        ("id", "contacts.not_found"),
        ("id", "contacts.invalid_id"),
    ]
    assert [each["first_name"] for each in ours.all()] == ["New", "Z"]
    assert settled(ours.run(content, mapping, duplicate_handling="create")) == (4, 0, 0, 0)


@pytest.mark.parametrize(
    ("cell", "first", "last"),
    [
        ("Ada Lovelace", "Ada", "Lovelace"),
        ("Lovelace, Ada", "Ada", "Lovelace"),
        ("Ada", "Ada", ""),
        ("  Ada   King  Lovelace ", "Ada", "King  Lovelace"),
    ],
)
def test_full_names_are_split(importer, cell, first, last):
    ours = importer()
    job = ours.run(f'Contact Name\n"{cell}"\n')
    assert settled(job) == (1, 0, 0, 0)
    [found] = ours.all()
    assert (found["first_name"], found["last_name"]) == (first, last)


def test_formulas_are_kept_and_escapes_removed(importer):
    ours = importer()
    ours.run("first_name,last_name,notes\n=1+1,-2,@x\n'=1+1,'plain,'+1\n")
    one, other = ours.all()
    assert (one["first_name"], one["last_name"], one["notes"]) == ("=1+1", "-2", "@x")
    assert (other["first_name"], other["last_name"], other["notes"]) == ("=1+1", "'plain", "+1")


def test_file_with_only_a_header_imports_no_rows(importer):
    assert settled(importer().run("first_name,email\n")) == (0, 0, 0, 0)


def test_cancelled_import_writes_no_more_rows(importer):
    ours = importer()
    uploaded = ours.preview(PEOPLE)
    ours.confirm(uploaded["job"]["id"], {"First Name": "first_name"})
    cancelled = ours.make("imports-cancel", id=uploaded["job"]["id"])
    assert cancelled["status"] == "cancelled"
    assert ours.work(cancelled["id"]) == {"batchItemFailures": []}
    assert ours.job(cancelled["id"]) == cancelled
    assert ours.all() == []


def test_replaced_file_is_not_imported(importer):
    ours = importer()
    uploaded = ours.preview(PEOPLE)
    job_id = ours.confirm(uploaded["job"]["id"], {"First Name": "first_name"}).result["id"]
    ours.put(job_id, "First Name\nMallory\n")
    ours.work(job_id)
    job = ours.job(job_id)
    # The tests' storage keeps no versions: what was replaced is gone, and the job says so.
    assert job["status"] == "failed"
    assert "file" in job["error"]
    assert ours.all() == []


def test_undo_deletes_created_and_restores_updated_records(importer):
    ours = importer()
    old = ours.make("contacts-create", first_name="Old", email="ada@example.com", tags=["x"])
    kept_company = ours.make("companies-create", name="US Navy")
    job = ours.run(PEOPLE + "Gracie,,grace@example.com,,,,\n", duplicate_handling="update")
    undone = ours.undo(job["id"])
    assert (undone["status"], undone["kept_count"]) == ("undone", 0)
    assert counts(undone) == counts(job)
    [ada] = ours.all()
    assert {**ada, "updated_at": ""} == {**old, "updated_at": ""}
    assert [company["id"] for company in ours.all("companies-list")] == [kept_company["id"]]
    assert ours.all("sources-list") == []
    assert ours.make("imports-undo", id=job["id"]) == undone
    assert ours.all(search="lovelace") == ours.all(tags=["vip"]) == []


def test_undo_reverses_several_changes_of_one_record(importer):
    ours = importer()
    old = ours.make("contacts-create", first_name="Old", email="x@example.com")
    rows = [f"P{number},{'x' if number % 50 == 0 else f'p{number}'}@example.com" for number in range(300)]
    rows += [f"Q{number},p{number}@example.com" for number in (1, 299)]
    job = ours.run("first_name,email\n" + "\n".join(rows) + "\n", duplicate_handling="update")
    assert settled(job) == (294, 8, 0, 0)
    assert ours.undo(job["id"])["kept_count"] == 0
    [found] = ours.all()
    assert {**found, "updated_at": ""} == {**old, "updated_at": ""}


def test_undo_keeps_and_counts_edited_records(importer):
    ours = importer()
    ours.make("contacts-create", first_name="Old", email="joan@example.com")
    job = ours.run(PEOPLE, duplicate_handling="update")
    found = {each["email"]: each for each in ours.all()}
    edited = ours.make("contacts-update", id=found["ada@example.com"]["id"], notes="edited")
    ours.make("contacts-update", id=found["joan@example.com"]["id"], notes="edited")
    ours.make("contacts-delete", id=found["grace@example.com"]["id"])
    assert ours.undo(job["id"])["kept_count"] == 2
    assert {each["email"] for each in ours.all()} == {"ada@example.com", "joan@example.com"}
    assert ours.make("contacts-get", id=edited["id"])["company_name"] == "Analytical Engines"
    assert [company["name"] for company in ours.all("companies-list")] == ["Analytical Engines"]


def test_overlapping_imports_are_undone_newest_first(importer):
    ours = importer()
    old = ours.make("contacts-create", first_name="Old", email="old@example.com", notes="0")
    rows = "first_name,email,company_name,notes\nOld,old@example.com,Acme,{0}\nNew,new@example.com,Acme,{0}\n"
    first, second = (ours.run(rows.format(number), duplicate_handling="update") for number in (1, 2))
    assert [settled(each) for each in (first, second)] == [(1, 1, 0, 0), (0, 2, 0, 0)]
    assert ours.undo(second["id"])["kept_count"] == 0
    assert {each["notes"] for each in ours.all()} == {"1"}
    third = ours.run(rows.format(3), duplicate_handling="update")  # updates what an undo has restored
    assert ours.undo(third["id"])["kept_count"] == 0
    assert {each["notes"] for each in ours.all()} == {"1"}
    assert ours.undo(first["id"])["kept_count"] == 0
    [found] = ours.all()
    assert {**found, "updated_at": ""} == {**old, "updated_at": ""}
    assert ours.all("companies-list") == []


def test_undo_keeps_edits_between_imports_and_after_an_undo(importer):
    ours = importer()
    rows = "first_name,email,notes\nA,a@example.com,{0}\nB,b@example.com,{0}\n"
    first = ours.run(rows.format(1))
    a, b = ours.all()
    ours.make("contacts-update", id=a["id"], phone="1")
    second = ours.run(rows.format(2), duplicate_handling="update")
    assert ours.undo(second["id"])["kept_count"] == 0
    assert [each["notes"] for each in ours.all()] == ["1", "1"]
    ours.make("contacts-update", id=b["id"], phone="2")
    assert ours.undo(first["id"])["kept_count"] == 2
    assert sorted(each["phone"] for each in ours.all()) == ["1", "2"]


def test_undo_restores_a_shared_name_to_several_records(importer):
    ours = importer()
    rows = "".join(f"Acme,{number}.example\n" for number in range(3))
    ours.run(f"name,domain\n{rows}", model="companies", duplicate_handling="create")
    renamed = rows.replace("Acme", "Emca")
    job = ours.run(f"name,domain\n{renamed}", model="companies", duplicate_handling="update")
    assert settled(job) == (0, 3, 0, 0)
    assert ours.undo(job["id"])["kept_count"] == 0
    assert [each["name"] for each in ours.all("companies-list")] == ["Acme"] * 3


def test_undo_is_possible_for_thirty_days_after_the_end(importer, monkeypatch):
    from keel.imports import service

    ours = importer()
    uploaded = ours.preview(PEOPLE)
    body = {"id": uploaded["job"]["id"]}
    assert ours.call("imports-undo", body, token=ours.token).code == "imports.invalid_request"
    job = ours.run(PEOPLE)
    monkeypatch.setattr(service, "UNDO_DAYS", -1)
    assert ours.call("imports-undo", {"id": job["id"]}, token=ours.token).code == "imports.invalid_request"
    monkeypatch.undo()
    assert ours.undo(job["id"])["status"] == "undone"


def test_cancelled_import_can_be_undone(importer):
    ours = importer()
    job_id = ours.request()
    ours.make("imports-cancel", id=job_id)
    assert ours.undo(job_id)["status"] == "undone"


def test_error_pages_of_large_rows_fit_into_a_response(importer):
    ours = importer()
    row = "," + ",".join(["é" * 9_000] * 4)
    job = ours.run("first_name,a,b,c,d\n" + f"{row}\n" * 60)
    assert settled(job) == (0, 0, 0, 60)
    rows, cursor, pages = [], "", 0
    while True:
        page = ours.errors(job["id"], limit=100, cursor=cursor)
        rows += [error["row"] for error in page["items"]]
        cursor, pages = page["next_cursor"], pages + 1
        if not cursor:
            break
    assert rows == list(range(1, 61))
    assert pages > 1


@pytest.mark.parametrize(
    ("columns", "row"),
    [
        ([f"a column with a long name{number:03}" for number in range(160)], "," * 160),
        ([f"{number:03}" + "\x01" * 16 for number in range(900)], "," * 900),
        (["a", "b"], "," + "\x01" * 60_000),
        (["a", "b"], ",\U0001f3d4" + "," * 100_000),
    ],
    ids=["many names", "names of control characters", "cells of control characters", "many cells too much"],
)
def test_failed_rows_of_any_size_are_stored(importer, columns, row):
    from keel.imports import jobs
    from keel.imports.models import ImportErrors, errors_key
    from keel.storage import table

    ours = importer()
    job = ours.run(",".join(["first_name", *columns]) + "\n" + f"{row}\n" * 100)
    assert settled(job) == (0, 0, 0, 100)
    rows, cursor = [], ""
    while True:
        page = ours.errors(job["id"], limit=100, cursor=cursor)
        assert all(error["data"]["first_name"] == "" for error in page["items"])
        rows += [error["row"] for error in page["items"]]
        cursor = page["next_cursor"]
        if not cursor:
            break
    assert rows == list(range(1, 101))
    # The tests' storage holds no transaction to the 400 KB that an item may have.
    kept = table.iterate(errors_key(jobs.get(job["account_id"], job["id"])).pk)
    assert max(len(item.content.encode()) for item in kept if isinstance(item, ImportErrors)) < 390_000


def test_too_long_cell_fails_only_its_row(importer):
    ours = importer()
    job = ours.run(f"first_name,notes\nAda,{'x' * 200_000}\nBob,\n")
    assert settled(job) == (1, 0, 0, 1)
    [error] = ours.errors(job["id"])["items"]
    assert (error["field"], error["code"]) == ("notes", "contacts.invalid_request")
    assert len(error["data"]["notes"]) < 50_000
