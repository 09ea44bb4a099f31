"""Test uploads, previews and unreadable files."""

import json
import uuid
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest

from tests.harness.streams import queued
from tests.harness.wire import Killed

PEOPLE = (
    "First Name,Last Name,Email,Company\nAda,Lovelace,ada@example.com,Analytical\nGrace,Hopper,grace@example.com,Navy\n"
)


def test_request_upload_without_token_is_rejected(call):
    assert call("imports-request-upload", {"model_type": "contacts", "file_name": "a.csv"}).code == "auth.required"


@pytest.mark.parametrize(
    ("body", "code"),
    [
        ({}, "imports.model_type_required"),
        ({"model_type": " ", "file_name": ""}, "imports.model_type_required"),
        ({"model_type": None}, "imports.model_type_required"),
        ({"model_type": "projects", "file_name": ""}, "imports.invalid_model_type"),
        ({"model_type": "contacts"}, "imports.file_name_required"),
        ({"model_type": "contacts", "file_name": " "}, "imports.file_name_required"),
        ({"model_type": 1}, "imports.invalid_request"),
        ({"model_type": "contacts", "file_name": "a", "duplicate_handling": "merge"}, "imports.invalid_request"),
        ({"model_type": "contacts", "file_name": "a", "auto_confirm": "yes"}, "imports.invalid_request"),
        ({"model_type": "contacts", "file_name": "a", "column_mapping": []}, "imports.invalid_request"),
        ({"model_type": "contacts", "file_name": "a", "column_mapping": {"": "email"}}, "imports.invalid_request"),
        ({"model_type": "contacts", "file_name": "a", "column_mapping": {"\ud800": "a"}}, "imports.invalid_request"),
        ({"model_type": "contacts", "file_name": "a", "column_mapping": {"a": "\0"}}, "imports.invalid_request"),
        (
            {"model_type": "contacts", "file_name": "a", "column_mapping": {"é" * 30_000: "a"}},
            "imports.invalid_request",
        ),
        ({"model_type": "contacts", "file_name": "a", "content_type": "text/csv\r\nX: y"}, "imports.invalid_request"),
        ({"model_type": "contacts", "file_name": "a" * 256}, "imports.invalid_request"),
        (
            {"model_type": "contacts", "file_name": "a", "column_mapping": {"c" * 300_000: "a"}},
            "imports.invalid_request",
        ),
    ],
)
def test_invalid_requests_return_codes_in_order(call, owner, body, code):
    assert call("imports-request-upload", body, token=owner().token).code == code


def test_signed_url_is_bound_to_key_and_content_type(call, owner):
    ada = owner()
    body = {"model_type": "contacts", "file_name": "a.csv", "content_type": "text/plain"}
    upload = call("imports-request-upload", body, token=ada.token).result
    address = urlsplit(upload["signed_url"])
    query = parse_qs(address.query)
    assert query["X-Amz-Algorithm"] == ["AWS4-HMAC-SHA256"]
    assert "content-type" in query["X-Amz-SignedHeaders"][0].split(";")
    assert query["X-Amz-Expires"] == [str(upload["expires_in"])]
    assert address.path.endswith(f"{ada.account_id}/{upload['job_id']}")
    assert upload["headers"] == {"Content-Type": "text/plain"}


def test_new_job_is_pending(importer):
    ours = importer()
    job = ours.job(ours.request(duplicate_handling="update"))
    assert job["status"] == "pending"
    assert job["account_id"] == ours.session.account_id
    assert job["created_by"] == ours.session.user["id"]
    assert (job["total_rows"], job["processed_rows"], job["error"], job["completed_at"]) == (0, 0, None, None)
    answer = ours.call("imports-complete-upload", {"id": job["id"]}, token=ours.token)
    assert answer.code == "imports.invalid_request"


def test_preview_has_columns_samples_and_suggested_mapping(importer):
    uploaded = importer().preview(PEOPLE)
    assert uploaded["job"]["status"] == "uploaded"
    preview = uploaded["preview"]
    assert preview["headers"] == ["First Name", "Last Name", "Email", "Company"]
    assert preview["sample_rows"][1] == ["Grace", "Hopper", "grace@example.com", "Navy"]
    assert preview["total_rows"] == uploaded["job"]["total_rows"] == 2
    assert preview["suggested_mapping"] == {
        "First Name": "first_name",
        "Last Name": "last_name",
        "Email": "email",
        "Company": "company_name",
    }
    fields = {field["value"]: field["label"] for field in preview["available_fields"]}
    assert {"first_name", "tags", "company_id", "full_name", "company_name", "source_name"} <= fields.keys()
    assert "custom_fields" not in fields
    assert fields["zip_code"] == "Zip code"


def test_custom_fields_are_suggested_by_label(importer):
    ours = importer()
    body = {"entity_type": "contact", "label": "Shoe size", "field_type": "number"}
    size = ours.call("custom-fields-create", body, token=ours.token).result["id"]
    preview = ours.preview("first_name,shoe SIZE\nAda,38\n")["preview"]
    assert {"value": f"custom_fields.{size}", "label": "Shoe size"} in preview["available_fields"]
    assert preview["suggested_mapping"]["shoe SIZE"] == f"custom_fields.{size}"


@pytest.mark.parametrize("columns", ["name,row,field,code,message", "name,message,row,field,code,message"])
def test_error_columns_of_an_errors_file_are_not_mapped(importer, columns):
    ours = importer()
    for label in ("Row", "Code", "Message"):
        body = {"entity_type": "contact", "label": label, "field_type": "text"}
        ours.call("custom-fields-create", body, token=ours.token)
    suggested = ours.preview(f"{columns}\n")["preview"]["suggested_mapping"]
    assert list(suggested) == ["name"] + ["message"] * (columns.count("message") - 1)
    assert "code" in ours.preview("name,code\n")["preview"]["suggested_mapping"]


def test_notification_of_the_upload_plans_the_job(importer):
    ours = importer()
    job_id = ours.request()
    ours.put(job_id, PEOPLE)
    assert ours.announce(job_id) == {"batchItemFailures": []}
    assert ours.job(job_id)["status"] == "uploaded"
    assert ours.announce(job_id) == {"batchItemFailures": []}  # S3 promises at least once
    assert ours.job(job_id)["total_rows"] == 2


def test_notifications_of_other_objects_are_ignored(importer, invoke):
    ours = importer()
    job_id = ours.request()
    test_event = {"Service": "Amazon S3", "Event": "s3:TestEvent", "Bucket": ours.bucket}
    messages = [queued(json.dumps(test_event))]
    assert invoke("import_upload", {"Records": messages}) == {"batchItemFailures": []}
    for key in ("uploads/a b+c/nothing", f"uploads/{ours.session.account_id}/{uuid.uuid4()}", "elsewhere"):
        assert ours.announce(job_id, key=key) == {"batchItemFailures": []}
    assert ours.announce(job_id) == {"batchItemFailures": []}  # before the file
    assert ours.job(job_id)["status"] == "pending"


def test_failed_notification_is_redelivered(importer, inject):
    ours = importer()
    job_id = ours.request()
    ours.put(job_id, PEOPLE)
    inject("TransactWriteItems", RuntimeError("down"))
    assert ours.announce(job_id) == {"batchItemFailures": [{"itemIdentifier": "m"}]}
    assert ours.announce(job_id) == {"batchItemFailures": []}
    assert ours.job(job_id)["status"] == "uploaded"


def test_killed_planner_leaves_a_job_that_can_be_planned(importer, inject):
    ours = importer()
    job_id = ours.request()
    ours.put(job_id, PEOPLE)
    inject("TransactWriteItems", Killed(), after=True)
    with pytest.raises(Killed):
        ours.announce(job_id)
    assert ours.complete(job_id)["preview"]["total_rows"] == 2


FILES = {
    "bom": ("\ufeffname,city\nAda,Zürich\n".encode(), ["name", "city"], [["Ada", "Zürich"]]),
    "utf-16": ("name,city\nAda,Zürich 🏔\n".encode("utf-16"), ["name", "city"], [["Ada", "Zürich 🏔"]]),
    "utf-16-be": ("\ufeffname,city\nAda,Łódź\n".encode("utf-16-be"), ["name", "city"], [["Ada", "Łódź"]]),
    "cp1252": ("name,city\nAda,Zürich €\n".encode("cp1252"), ["name", "city"], [["Ada", "Zürich €"]]),
    "undefined in cp1252": (b"name,city\nAda,\xfc\x81\n", ["name", "city"], [["Ada", "ü\x81"]]),
    "late cp1252": (
        b"name,city\n" + b"Ada,Rome\n" * 20_000 + b"Ada,Z\xfcrich\n",
        ["name", "city"],
        [["Ada", "Rome"]] * 5,
    ),
    "semicolon": (b"name;amount\nAda;1,5\nBob;2,5\n", ["name", "amount"], [["Ada", "1,5"], ["Bob", "2,5"]]),
    "tab": (b"name\tcity\nAda\tRome, Italy\n", ["name", "city"], [["Ada", "Rome, Italy"]]),
    "pipe": (b"name|city\nAda|Rome\n", ["name", "city"], [["Ada", "Rome"]]),
    "a line for Excel": (
        b"sep=;\r\nname;city, country\r\nAda;Rome, Italy, EU\r\n",
        ["name", "city, country"],
        [["Ada", "Rome, Italy, EU"]],
    ),
    "a line for Excel in UTF-16": (
        "SEP=|\nname,x|city\nAda|Zürich\n".encode("utf-16"),
        ["name,x", "city"],
        [["Ada", "Zürich"]],
    ),
    "no line for Excel": (b"sep=;x\nname;city\n", ["sep=", "x"], [["name", "city"]]),
    "one column": (b"name\nAda\nBob\n", ["name"], [["Ada"], ["Bob"]]),
    "windows line ends": (b"name,city\r\nAda,Rome\r\n", ["name", "city"], [["Ada", "Rome"]]),
    "old mac line ends": (b"name,city\rAda,Rome\rBob,Oslo\r", ["name", "city"], [["Ada", "Rome"], ["Bob", "Oslo"]]),
    "mixed line ends": (b"name,city\r\nAda,Rome\nBob,Oslo", ["name", "city"], [["Ada", "Rome"], ["Bob", "Oslo"]]),
    "quoted line breaks": (
        b'name,city\n"Ada\nLovelace","Rome\r\n""Italy"""\n',
        ["name", "city"],
        [["Ada\nLovelace", 'Rome\r\n"Italy"']],
    ),
    "ragged": (b"name,city\nAda\nBob,Oslo,Norway\n", ["name", "city"], [["Ada", ""], ["Bob", "Oslo"]]),
    "blank lines": (
        b"\n\nname,city\n\nAda,Rome\n   \n\nBob,Oslo\n\n",
        ["name", "city"],
        [["Ada", "Rome"], ["Bob", "Oslo"]],
    ),
    "repeated and blank headers": (
        b"name,name, ,,name (2),name\n1,2,3,4,5,6\n",
        ["name", "name (2)", "Column 3", "Column 4", "name (2) (2)", "name (3)"],
        [["1", "2", "3", "4", "5", "6"]],
    ),
    "header only": (b"name,city\n", ["name", "city"], []),
    "header without end": (b"name,city", ["name", "city"], []),
}


@pytest.mark.parametrize("name", FILES)
def test_encodings_delimiters_and_line_ends_are_detected(importer, name):
    content, headers, samples = FILES[name]
    uploaded = importer().preview(content)
    assert uploaded["job"]["error"] is None
    assert uploaded["preview"]["headers"] == headers
    assert uploaded["preview"]["sample_rows"] == samples


NO_FILES = {
    "empty": (b"", "empty"),
    "only blank lines": (b"\n \r\n\n", "empty"),
    "only a mark": (b"\xef\xbb\xbf", "empty"),
    "no header": (b",,,\nAda,Rome,,\n", "no header"),
    "a workbook": (b"PK\x03\x04\x14\x00\x06\x00", "Excel"),
    "an archive": (b"\x1f\x8b\x08\x00\x00", "gzip"),
    "an old workbook": (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", "Office"),
    "an image": (b"\x89PNG\r\n\x1a\n\x00\x00", "PNG"),
    "a document": (b"%PDF-1.7\n%\xe2\xe3\xcf\xd3\n", "PDF"),
    "JSON": (b'{"name": "Ada",\n "city": "Rome"}\n', "JSON"),
    "HTML": (b"<!doctype html>\n<p>Ada, Rome</p>\n", "HTML"),
    "binary": (b"\x00\x01\x02\x03,\x04\n\x05", "header"),
    "UTF-16 without a mark": ("name,city\nAda,Rome\n".encode("utf-16-le"), "header"),
    "broken UTF-16": (b"\xff\xfen\x00a\x00\x00\xd8a\x00\n\x00", "UTF-16"),
    "an unclosed quote": (b'name,city\nAda,Rome\nBob,"Oslo\nEve,Kiel\n', "quote"),
    "an unclosed quote over megabytes": (b'name,city\nBob,"Oslo\n' + b"Eve,Kiel\n" * 200_000, "quote"),
    "names that are too long": (b",".join(b"%0255d" % number for number in range(900)) + b"\n", "names"),
    "names of control characters": (
        b",".join(b"%03d" % number + b"\x01" * 99 for number in range(900)) + b"\n",
        "names",
    ),
    "too many columns": (b",".join(b"c%d" % number for number in range(1_001)) + b"\n", "columns"),
}


@pytest.mark.parametrize("name", NO_FILES)
def test_unreadable_file_fails_the_job_with_a_reason(importer, name):
    content, reason = NO_FILES[name]
    ours = importer()
    uploaded = ours.preview(content)
    assert uploaded["preview"] is None
    assert uploaded["job"]["status"] == "failed"
    assert reason in uploaded["job"]["error"]
    assert uploaded["job"]["completed_at"]
    assert ours.complete(uploaded["job"]["id"]) == uploaded


def test_file_over_the_limits_fails_the_job(importer, monkeypatch):
    from keel.imports import planner

    monkeypatch.setattr(planner, "MAX_ROWS", 3)
    monkeypatch.setattr(planner, "MAX_BYTES", 100)
    assert importer().preview("name\n1\n2\n3\n")["job"]["status"] == "uploaded"
    assert "3 rows" in importer().preview("name\n1\n2\n3\n4\n")["job"]["error"]
    assert "MB" in importer().preview("name\n" + "x" * 200)["job"]["error"]


def test_malformed_or_foreign_id_finds_no_job(call, importer):
    ours, theirs = importer(), importer()
    job_id = ours.request()
    operations = ("get", "complete-upload", "confirm", "cancel", "errors", "errors-file", "undo")
    for operation in (f"imports-{name}" for name in operations):
        assert call(operation, {"id": job_id}, token=theirs.token).code == "imports.not_found"
        assert call(operation, {"id": str(uuid.uuid4())}, token=theirs.token).code == "imports.not_found"
        for malformed in (None, "", " ", "x"):
            assert call(operation, {"id": malformed}, token=ours.token).code == "imports.invalid_id"
        assert call(operation, {"id": 1}, token=ours.token).code == "imports.invalid_request"
    assert ours.job(job_id.upper())["id"] == job_id


def test_list_is_newest_first_and_filters_by_model_and_status(call, importer):
    ours = importer()
    made = [ours.request(model) for model in ("contacts", "companies", "contacts", "sources")]
    call("imports-cancel", {"id": made[2]}, token=ours.token)

    def listed(**body: object) -> Any:
        return call("imports-list", body, token=ours.token)

    assert [job["id"] for job in listed().result["items"]] == made[::-1]
    assert [job["id"] for job in listed(model_type="contacts").result["items"]] == [made[2], made[0]]
    assert [job["id"] for job in listed(status="cancelled").result["items"]] == [made[2]]
    assert listed(model_type="projects").code == "imports.invalid_model_type"
    assert listed(status="lost").code == listed(status="").code == "imports.invalid_request"
    assert listed(model_type="").code == "imports.invalid_model_type"
    assert listed(model_type=None, status=None).result == listed().result
    first = listed(limit=3).result
    assert len(first["items"]) == 3
    second = listed(limit=3, cursor=first["next_cursor"]).result
    assert [job["id"] for job in second["items"]] == made[:1]
    assert second["next_cursor"] == ""
    assert listed(status="pending", cursor=first["next_cursor"]).code == "imports.invalid_request"
    assert listed(cursor="x").code == "imports.invalid_request"


def test_cancel_is_idempotent_and_final(importer):
    ours = importer()
    job_id = ours.request()
    cancelled = ours.call("imports-cancel", {"id": job_id}, token=ours.token).result
    assert cancelled["status"] == "cancelled"
    assert cancelled["completed_at"]
    assert ours.call("imports-cancel", {"id": job_id}, token=ours.token).result == cancelled
    ours.put(job_id, PEOPLE)
    assert ours.announce(job_id) == {"batchItemFailures": []}
    assert ours.job(job_id) == cancelled


def test_later_upload_does_not_change_the_preview(importer):
    ours = importer()
    uploaded = ours.preview(PEOPLE)
    ours.put(uploaded["job"]["id"], "first_name\nMallory\n")
    ours.announce(uploaded["job"]["id"])
    assert ours.complete(uploaded["job"]["id"]) == uploaded


def test_bucket_is_private_and_expires_files():
    import template

    bucket = template.resources("AWS::S3::Bucket")["Files"]
    assert all(bucket["PublicAccessBlockConfiguration"].values())
    [rule] = bucket["LifecycleConfiguration"]["Rules"]
    assert rule["ExpirationInDays"] == 30
    assert rule["NoncurrentVersionExpiration"]["NoncurrentDays"] > 7  # for so long a preview can be confirmed


def test_preview_expires(importer):
    from keel import clock
    from keel.imports import jobs
    from keel.imports.models import ImportPreview, preview_key
    from keel.storage import table

    ours = importer()
    job_id = ours.preview(PEOPLE)["job"]["id"]
    kept = table.get(ImportPreview, preview_key(jobs.get(ours.session.account_id, job_id)))
    assert kept is not None
    week, rows = 7 * 86_400, 45 * 86_400  # until it is confirmed, and for as long as rows that failed are kept
    assert week + rows < kept.ttl - clock.now() // 1_000 < 90 * 86_400


def test_preview_of_long_cells_is_shortened(importer):
    columns = [f"column {number}" for number in range(1_000)]
    row = ",".join(["é" * 600] * 1_000)
    preview = importer().preview("\n".join([",".join(columns), *[row] * 6]))["preview"]
    assert preview["headers"] == columns
    assert {cell for row in preview["sample_rows"] for cell in row} == {"é" * 10}


@pytest.mark.parametrize("columns", [1, 40, 1_000])
def test_preview_of_escaped_characters_fits_into_an_item(importer, columns):
    from keel.imports import jobs
    from keel.imports.models import ImportPreview, preview_key
    from keel.storage import table

    names = [f"{number:03}" + "\x01" * (14_000 // columns % 250) for number in range(columns)]
    row = ",".join(["\x01" * 600] * columns)
    uploaded = importer().preview("\n".join([",".join(names), *[row] * 6]))
    assert uploaded["job"]["status"] == "uploaded"
    assert uploaded["preview"]["headers"] == names
    assert all(cell.strip("\x01") == "" for row in uploaded["preview"]["sample_rows"] for cell in row)
    ours = uploaded["job"]
    kept = table.get(ImportPreview, preview_key(jobs.get(ours["account_id"], ours["id"])))
    assert kept is not None
    assert len(kept.content.encode()) < 390_000


def test_preview_of_a_large_file_is_awaited(importer, monkeypatch):
    from keel.imports import jobs, uploads

    monkeypatch.setattr(uploads, "LARGE_BYTES", 10)
    monkeypatch.setattr(uploads, "WAIT_SECONDS", 0)
    ours = importer()
    job_id = ours.request()
    ours.put(job_id, PEOPLE)
    answer = ours.call("imports-complete-upload", {"id": job_id}, token=ours.token)
    assert answer.code == "imports.invalid_request"
    assert "Try again" in answer.body["error"]["message"]
    ours.announce(job_id)
    assert ours.complete(job_id)["preview"]["total_rows"] == 2
    monkeypatch.setattr(uploads, "WAIT_SECONDS", 60)
    large = ours.request()
    ours.put(large, PEOPLE)
    get = jobs.get

    def get_and_plan(*ids: str) -> Any:
        job = get(*ids)
        if job.status == "pending":
            uploads.plan_upload(job)
        return job

    monkeypatch.setattr(jobs, "get", get_and_plan)
    assert ours.complete(large)["job"]["status"] == "uploaded"


@pytest.mark.parametrize(
    ("headers", "mapping"),
    [
        (  # HubSpot
            "Record ID,First Name,Last Name,Email,Phone Number,Associated Company,Job Title,Postal Code,Country/Region",
            ",first_name,last_name,email,phone,company_name,job_title,zip_code,country",
        ),
        (  # Pipedrive
            "Person - Name,Person - Email - Work,Person - Phone - Work,Person - Organization",
            "full_name,email,phone,company_name",
        ),
        (  # Google
            "Given Name,Family Name,E-mail 1 - Value,Phone 1 - Value,Organization 1 - Name,Organization 1 - Title",
            "first_name,last_name,email,phone,company_name,job_title",
        ),
        (  # Outlook
            "Title,First Name,Last Name,Company,Job Title,Business Street,Business City,E-mail Address,Business Phone",
            ",first_name,last_name,company_name,job_title,address,city,email,phone",
        ),
        (  # Salesforce
            "First Name,Last Name,Account Name,Lead Source,Mailing Street,Mailing Zip/Postal Code",
            "first_name,last_name,company_name,source_name,address,zip_code",
        ),
        (
            "Vorname;Nachname;E-Mail-Adresse;Firma;PLZ;Straße",
            "first_name,last_name,email,company_name,zip_code,address",
        ),
        (  # Salesforce, by the names of its API
            "FirstName,LastName,Title,MobilePhone,MailingStreet,MailingCity,MailingState,MailingPostalCode,MailingCountry",
            "first_name,last_name,job_title,phone,address,city,state,zip_code,country",
        ),
        (  # Outlook in German
            "Vorname;Nachname;Firma;Position;Straße geschäftlich;Ort geschäftlich;Postleitzahl geschäftlich;"
            "Telefon (geschäftlich);Mobiltelefon;E-Mail-Adresse;Kategorien;Land/Region geschäftlich",
            "first_name,last_name,company_name,job_title,address,city,zip_code,phone,,email,tags,country",
        ),
        ("Mobiltelefon;Telefon geschäftlich;Vorname", "phone,,first_name"),
        ("Prénom;Nom;Courriel;Entreprise;Code postal", "first_name,last_name,email,company_name,zip_code"),
        ("email_address,Org,LABELS,First Name,Name", "email,company_name,tags,first_name,"),
    ],
)
def test_headers_of_other_systems_are_mapped(importer, headers, mapping):
    preview = importer().preview(headers + "\n")["preview"]
    fields = zip(preview["headers"], mapping.split(","), strict=True)
    assert preview["suggested_mapping"] == {column: field for column, field in fields if field}
