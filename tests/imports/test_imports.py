"""What do rows become? Records, by the same rules as the API's, each counted once."""

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


def test_rows_become_contacts_with_their_companies_and_sources(importer):
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


def test_what_was_imported_is_found_at_once(importer):
    ours = importer()
    ours.run(PEOPLE)
    for search in ("lovel", "ada@example.com", "79460001", "analytical", "grace navy"):
        assert ours.call("contacts-list", {"search": search}, token=ours.token).result["items"], search
    assert len(ours.all(tags=["vip"])) == 2


def test_an_upload_with_auto_confirm_is_imported_by_itself(importer, pump):
    ours = importer()
    job_id = ours.request(auto_confirm=True)
    ours.put(job_id, PEOPLE)
    ours.announce(job_id)
    assert ours.job(job_id)["status"] == "processing"
    sent = [each for each in pump("import_worker").records["import_worker"] if job_id in each["body"]]
    assert len(sent) == 1
    assert settled(ours.job(job_id)) == (3, 0, 0, 0)


def test_an_import_whose_starter_died_is_started_when_storage_says_it_again(importer, pump, monkeypatch):
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


def test_auto_confirm_fails_where_the_columns_do_not_fit(importer):
    ours = importer()
    job = ours.preview("color,size\nred,3\n", auto_confirm=True)["job"]
    assert job["status"] == "failed"
    assert "first_name" in job["error"]
    job = ours.preview(PEOPLE, auto_confirm=True, column_mapping={"Nowhere": "first_name"})["job"]
    assert job["status"] == "failed"
    assert job["error"] == 'The column mapping is invalid. The file has no column "Nowhere".'


def test_auto_confirm_takes_the_mapping_that_it_was_given(importer):
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
def test_a_mapping_that_does_not_fit_is_refused_and_changes_nothing(importer, mapping):
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
def test_a_mapping_that_does_not_fit_is_told_by_its_columns_and_fields(importer, mapping, message):
    ours = importer()
    error = ours.confirm(ours.preview(PEOPLE)["job"]["id"], mapping).body["error"]
    assert error["message"] == error["details"][0]["message"] == message
    assert error["details"][0]["field"] == f"column_mapping.{next(iter(mapping))}"


def test_a_job_is_confirmed_once_and_only_with_its_file(importer):
    ours = importer()
    job_id = ours.request()
    assert ours.confirm(job_id, {"a": "first_name"}).code == "imports.invalid_request"
    ours.put(job_id, PEOPLE)
    ours.complete(job_id)
    assert ours.confirm(job_id, {"First Name": "first_name"}, date_format="xyz").code == "imports.invalid_request"
    assert ours.confirm(job_id, {"First Name": "first_name"}).result["column_mapping"] == {"First Name": "first_name"}
    assert ours.confirm(job_id, {"First Name": "first_name"}).code == "imports.invalid_request"


def test_bad_rows_fail_alone_with_their_reason(importer):
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


def test_errors_come_in_pages_by_row(importer):
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


def test_the_errors_file_holds_the_rows_to_mend(importer):
    ours = importer()
    job = ours.run('first_name,Note,email\n,=1+1,a@example.com\nAda,-5,\n,+44 20 7946 0001,"x\ny"\n')
    header, first, second = csv.reader(io.StringIO(errors_file(ours, job)))
    assert header == ["first_name", "Note", "email", "row", "field", "code", "message"]
    assert first[:6] == ["", "'=1+1", "a@example.com", "1", "first_name", "contacts.first_name_required"]
    assert second[:5] == ["", "+44 20 7946 0001", "x\ny", "3", "email"]


def test_a_row_with_too_many_cells_keeps_them_and_fails_again_until_it_is_mended(importer):
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


def test_skip_passes_over_what_is_there_already(importer):
    ours = importer()
    ours.make("contacts-create", first_name="Old", email="ADA@example.com")
    job = ours.run(PEOPLE + "Again,,grace@EXAMPLE.com,New Co,,,\nNo Mail,,,,,,\nNo Mail,,,,,,\n")
    assert settled(job) == (4, 0, 2, 0)
    assert [each["first_name"] for each in ours.all()] == ["Old", "Grace", "Joan", "No Mail", "No Mail"]
    assert "New Co" not in [company["name"] for company in ours.all("companies-list")]


def test_update_writes_the_cells_that_are_not_empty_and_adds_tags(importer):
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


def test_create_makes_doubles(importer):
    ours = importer()
    for _ in range(2):
        assert settled(ours.run(PEOPLE, duplicate_handling="create")) == (3, 0, 0, 0)
    assert len(ours.all()) == 6
    assert len(ours.all("companies-list")) == 2


def test_earlier_rows_count_across_groups(importer):
    ours = importer()
    rows = [f"P{number},p{number % 100}@example.com,Co {number % 7}" for number in range(400)]
    content = "first_name,email,company\n" + "\n".join(rows) + "\n"
    assert settled(ours.run(content)) == (100, 0, 300, 0)
    assert len(ours.all("companies-list")) == 7
    assert settled(ours.run(content, duplicate_handling="update")) == (0, 300, 100, 0)
    assert {each["first_name"] for each in ours.all()} == {f"P{number}" for number in range(300, 400)}


def test_of_several_matches_the_oldest_counts(importer):
    ours = importer()
    first = ours.make("contacts-create", first_name="One", email="a@example.com")
    for name in ("Two", "Three"):
        ours.make("contacts-create", first_name=name, email="A@example.com")
    assert settled(ours.run("first_name,email\nNew,a@example.com\n", duplicate_handling="update")) == (0, 1, 0, 0)
    assert [each["first_name"] for each in ours.all()] == ["New", "Two", "Three"]
    ours.make("contacts-delete", id=first["id"])
    assert settled(ours.run("first_name,email\nNew,a@example.com\n", duplicate_handling="update")) == (0, 1, 0, 0)
    assert [each["first_name"] for each in ours.all()] == ["New", "Three"]


def test_a_match_that_was_changed_since_is_none(importer):
    ours = importer()
    made = ours.make("contacts-create", first_name="One", email="a@example.com")
    ours.make("contacts-update", id=made["id"], email="b@example.com")
    assert settled(ours.run("first_name,email\nA,a@example.com\nB,b@example.com\n")) == (1, 0, 1, 0)


def test_companies_match_by_domain_and_then_by_name(importer):
    ours = importer()
    by_name = ours.make("companies-create", name="Acme")
    by_domain = ours.make("companies-create", name="Other", domain="acme.example")
    content = "name,domain,industry\nACME,Acme.example,A\nacme,,B\nacme,elsewhere.example,C\nNew,,D\nnew,,E\n"
    assert settled(ours.run(content, model="companies", duplicate_handling="update")) == (1, 4, 0, 0)
    found = {company["id"]: company for company in ours.all("companies-list")}
    assert (found[by_domain["id"]]["name"], found[by_domain["id"]]["industry"]) == ("ACME", "A")
    assert (found[by_name["id"]]["domain"], found[by_name["id"]]["industry"]) == ("elsewhere.example", "C")
    assert len(found) == 3


def test_money_numbers_and_dates_are_read_as_people_write_them(importer):
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


def test_a_row_without_a_required_custom_field_fails(importer):
    ours = importer()
    body = {"entity_type": "contact", "label": "Badge", "field_type": "text", "required": True}
    badge = ours.make("custom-fields-create", **body)["id"]
    job = ours.run("first_name,badge\nAda,7\nBob,\n")
    assert settled(job) == (1, 0, 0, 1)
    [error] = ours.errors(job["id"])["items"]
    assert (error["field"], error["code"]) == (f"custom_fields.{badge}", "contacts.invalid_custom_fields")
    assert error["message"] == 'The custom field "Badge" must have a value.'


def test_an_archived_source_is_not_assigned_by_its_name(importer):
    ours = importer()
    source = ours.make("sources-create", name="Fair")
    ours.make("sources-archive", id=source["id"])
    job = ours.run("first_name,source\nAda,fair\nBob,Web\n")
    assert settled(job) == (1, 0, 0, 1)
    [error] = ours.errors(job["id"])["items"]
    assert (error["field"], error["code"]) == ("source_name", "contacts.invalid_source_id")
    ours.make("sources-unarchive", id=source["id"])
    assert settled(ours.run("first_name,source\nAda,fair\n")) == (1, 0, 0, 0)


def test_ids_match_records_of_the_account_alone(importer):
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


def test_formulas_stay_as_they_are_and_the_guard_comes_off(importer):
    ours = importer()
    ours.run("first_name,last_name,notes\n=1+1,-2,@x\n'=1+1,'plain,'+1\n")
    one, other = ours.all()
    assert (one["first_name"], one["last_name"], one["notes"]) == ("=1+1", "-2", "@x")
    assert (other["first_name"], other["last_name"], other["notes"]) == ("=1+1", "'plain", "+1")


def test_a_header_alone_is_an_import_of_no_rows(importer):
    assert settled(importer().run("first_name,email\n")) == (0, 0, 0, 0)


def test_cancelling_stops_an_import_and_keeps_what_is_written(importer):
    ours = importer()
    uploaded = ours.preview(PEOPLE)
    ours.confirm(uploaded["job"]["id"], {"First Name": "first_name"})
    cancelled = ours.make("imports-cancel", id=uploaded["job"]["id"])
    assert cancelled["status"] == "cancelled"
    assert ours.work(cancelled["id"]) == {"batchItemFailures": []}
    assert ours.job(cancelled["id"]) == cancelled
    assert ours.all() == []


def test_the_file_that_was_previewed_is_the_one_that_is_imported(importer):
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


def test_undo_deletes_what_was_created_and_restores_what_was_updated(importer):
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


def test_undo_takes_back_several_changes_of_one_record(importer):
    ours = importer()
    old = ours.make("contacts-create", first_name="Old", email="x@example.com")
    rows = [f"P{number},{'x' if number % 50 == 0 else f'p{number}'}@example.com" for number in range(300)]
    rows += [f"Q{number},p{number}@example.com" for number in (1, 299)]
    job = ours.run("first_name,email\n" + "\n".join(rows) + "\n", duplicate_handling="update")
    assert settled(job) == (294, 8, 0, 0)
    assert ours.undo(job["id"])["kept_count"] == 0
    [found] = ours.all()
    assert {**found, "updated_at": ""} == {**old, "updated_at": ""}


def test_undo_leaves_and_counts_what_was_edited_since(importer):
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


def test_imports_that_met_are_undone_one_after_the_other_the_newest_first(importer):
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


def test_undo_keeps_what_was_edited_between_two_imports_and_after_an_undo(importer):
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


def test_undo_gives_several_records_the_one_name_that_they_had(importer):
    ours = importer()
    rows = "".join(f"Acme,{number}.example\n" for number in range(3))
    ours.run(f"name,domain\n{rows}", model="companies", duplicate_handling="create")
    renamed = rows.replace("Acme", "Emca")
    job = ours.run(f"name,domain\n{renamed}", model="companies", duplicate_handling="update")
    assert settled(job) == (0, 3, 0, 0)
    assert ours.undo(job["id"])["kept_count"] == 0
    assert [each["name"] for each in ours.all("companies-list")] == ["Acme"] * 3


def test_undo_needs_a_job_that_has_ended_within_thirty_days(importer, monkeypatch):
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


def test_a_cancelled_import_can_be_undone(importer):
    ours = importer()
    job_id = ours.request()
    ours.make("imports-cancel", id=job_id)
    assert ours.undo(job_id)["status"] == "undone"


def test_errors_of_enormous_rows_come_in_answers_that_can_be_sent(importer):
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
def test_failing_rows_of_any_kind_are_kept(importer, columns, row):
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


def test_a_cell_that_is_too_long_fails_its_row_alone(importer):
    ours = importer()
    job = ours.run(f"first_name,notes\nAda,{'x' * 200_000}\nBob,\n")
    assert settled(job) == (1, 0, 0, 1)
    [error] = ours.errors(job["id"])["items"]
    assert (error["field"], error["code"]) == ("notes", "contacts.invalid_request")
    assert len(error["data"]["notes"]) < 50_000
