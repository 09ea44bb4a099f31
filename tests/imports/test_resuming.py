"""Test that an import ends the same whatever interrupts it: time-outs, kills, conflicts, duplicate messages."""

import csv
import io
import itertools
import json
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from functools import partial
from typing import Any

import boto3
import pytest

from tests.harness.wire import Killed, conflict, losing_answers
from tests.imports.test_imports import counts, settled

ROWS = 40


@pytest.fixture
def small_batches(monkeypatch: pytest.MonkeyPatch) -> Callable[[int], None]:
    from keel.imports import batch

    return lambda rows: monkeypatch.setattr(batch, "MAX_ROWS", rows)


def people(count: int = ROWS) -> str:
    """Rows of every kind: new, repeated, bad, with line breaks, with companies and sources that repeat."""
    rows = []
    for number in range(count):
        if number % 10 == 9:
            rows.append(f",nobody,n{number}@example.com,,,")
        else:
            email = f"p{number % 17}@example.com"
            rows.append(f'P{number},"Zoë\n""{number}""",{email},Co {number % 3},S {number % 2},t{number % 4}')
    return "\r\n".join(["first_name,last_name,email,company,source,tags", *rows, ""])


def without_times(value: Any) -> Any:
    """Records by what an import decides: neither ids nor the times of a run are compared."""
    if isinstance(value, list):
        return [without_times(each) for each in value]
    kept = ("first_name", "last_name", "email", "company_name", "source_name", "tags", "name")
    return {name: value[name] for name in kept if name in value}


def state(ours: Any) -> Any:
    lists = [ours.all(f"{model}-list") for model in ("contacts", "companies", "sources")]
    return [without_times(each) for each in lists]


@pytest.mark.parametrize("encoding", ["utf-8-sig", "utf-16", "cp1252"])
def test_import_continues_wherever_time_ran_out(importer, monkeypatch, small_batches, encoding):
    from keel.imports import worker

    ours, whole = importer(), importer()
    settled(whole.run(people(), duplicate_handling="update"))
    small_batches(3)
    monkeypatch.setattr(worker, "MARGIN_MILLISECONDS", 0)
    uploaded = ours.preview(people().encode(encoding))
    mapping = uploaded["preview"]["suggested_mapping"]
    job_id = ours.confirm(uploaded["job"]["id"], mapping, duplicate_handling="update").result["id"]
    invocations = 0
    while ours.job(job_id)["status"] == "processing":
        invocations += 1
        left = itertools.chain([1, 1], itertools.repeat(-1))  # as long as one batch takes
        worker.run({"account_id": ours.session.account_id, "job_id": job_id}, partial(next, left))
    assert invocations > 10
    settled(ours.job(job_id))
    assert state(ours) == state(whole)


@pytest.fixture
def without_errors_file(importer):
    """An import of wide rows that all failed, whose errors file is missing, and a function that reads the file."""
    ours = importer()
    row = "," + ",".join(["x" * 9_000] * 10)
    job = ours.run(f"first_name,{','.join('abcdefghij')}\n" + f"{row}\n" * 120)
    key, s3 = f"errors/{ours.session.account_id}/{job['id']}/120.csv", boto3.client("s3")
    s3.delete_object(Bucket=ours.bucket, Key=key)
    return ours, job["id"], lambda: s3.get_object(Bucket=ours.bucket, Key=key)["Body"].read().decode()


def test_errors_file_continues_wherever_time_ran_out(without_errors_file, monkeypatch):
    from keel.imports import row_errors, worker
    from keel.storage import objects
    from keel.workers import recovery

    ours, job_id, content = without_errors_file
    messages: list[Any] = []
    monkeypatch.setattr(recovery, "send_job", lambda *order, **more: messages.append((order, more)))
    monkeypatch.setattr(objects, "_PART", 5 << 20)
    monkeypatch.setattr(row_errors, "WAIT_SECONDS", -1)
    monkeypatch.setattr(worker, "MARGIN_MILLISECONDS", 0)
    for _ in range(2):
        answer = ours.call("imports-errors-file", {"id": job_id}, token=ours.token)
        assert answer.code == "imports.invalid_request"
        assert "Try again" in answer.body["error"]["message"]
    assert len(messages) == 1  # however often somebody asks
    for (_, account_id, id_), more in messages:  # to which each may add one
        message = json.loads(json.dumps({"account_id": account_id, "job_id": id_, **more}))
        left = itertools.chain([1] * 70, itertools.repeat(-1))
        worker.run(message, partial(next, left))
    assert len(messages) == 2
    found = list(csv.DictReader(io.StringIO(content())))
    assert [int(row["row"]) for row in found] == list(range(1, 121))
    assert all(row["j"] == "x" * 9_000 for row in found)
    assert ours.call("imports-errors-file", {"id": job_id}, token=ours.token).result["signed_url"]


def test_next_worker_writes_a_missing_errors_file(without_errors_file):
    ours, job_id, content = without_errors_file
    ours.work(job_id)
    assert len(content().splitlines()) == 121


def test_storage_that_ignores_ranges_repeats_no_row(importer, monkeypatch, small_batches):
    from keel.storage import objects

    ask = objects.Blocks._get
    monkeypatch.setattr(objects.Blocks, "_get", lambda self, **asked: ask(self, IfMatch=asked["IfMatch"]))
    ours = importer()
    small_batches(3)
    settled(ours.run(people(), duplicate_handling="create"))
    assert len(ours.all()) == ROWS * 9 // 10


# ---- Kills -----------------------------------------------------------------------------------------------

FEW = "\n".join(
    [
        "first_name,email,company,source,tags",
        "One,old@example.com,Acme,Web,x",
        "Two,two@example.com,acme,Web,",
        ",nobody@example.com,,,",
        "Three,,Other,web,a;b",
        "Two again,TWO@example.com,Acme,Fair,c",
        "Four,four@example.com,,,",
        "Old,old@example.com,New,,d",
    ]
)


def begun(ours: Any, mode: str) -> str:
    """An import that waits for its worker, in an account that has a record already."""
    ours.make("contacts-create", first_name="Old", email="old@example.com", tags=["kept"])
    uploaded = ours.preview(FEW)
    mapping = uploaded["preview"]["suggested_mapping"]
    return str(ours.confirm(uploaded["job"]["id"], mapping, duplicate_handling=mode).result["id"])


def until_done(ours: Any, job_id: str) -> None:
    """As the queue does: the message comes again until it was handled."""
    while ours.job(job_id)["status"] in ("processing", "undoing"):
        ours.work(job_id)


def killed(ours: Any, job_id: str, inject: Any, wire: Any, skip: int, *, after: bool) -> bool:
    """A worker that dies at a call; False when it makes no such call."""
    injection = inject("*", Killed(), skip=skip, after=after)
    try:
        ours.work(job_id)
    except Killed:
        return True
    finally:
        wire.clear()
    return bool(injection.hits)


@pytest.mark.parametrize("after", [False, True], ids=["before a call", "after a call"])
@pytest.mark.parametrize("mode", ["skip", "update", "create"])
def test_worker_killed_at_any_call_loses_and_repeats_nothing(importer, inject, wire, small_batches, mode, after):
    small_batches(4)
    whole = importer()
    whole_id = begun(whole, mode)
    until_done(whole, whole_id)
    expected, expected_counts = state(whole), settled(whole.job(whole_id))
    points = 0
    while True:
        ours = importer()
        job_id = begun(ours, mode)
        if not killed(ours, job_id, inject, wire, points, after=after):
            break
        until_done(ours, job_id)
        assert settled(ours.job(job_id)) == expected_counts, points
        assert state(ours) == expected, points
        assert [error["row"] for error in ours.errors(job_id)["items"]] == [3], points
        points += 1
    assert points >= 10


@pytest.mark.parametrize("after", [False, True], ids=["before a call", "after a call"])
def test_undo_killed_at_any_call_is_completed(importer, inject, wire, small_batches, after):
    small_batches(4)
    points = int(after)  # every other call is killed before it, those between after it
    while True:
        ours = importer()
        job_id = begun(ours, "update")
        until_done(ours, job_id)
        edited = next(each for each in ours.all() if each["first_name"] == "Four")
        ours.make("contacts-update", id=edited["id"], notes="edited")
        ours.make("imports-undo", id=job_id)
        if not killed(ours, job_id, inject, wire, points, after=after):
            break
        until_done(ours, job_id)
        assert ours.job(job_id)["kept_count"] == 1, points
        assert [(each["first_name"], each["tags"]) for each in ours.all()] == [("Old", ["kept"]), ("Four", [])], points
        assert ours.all("companies-list") == ours.all("sources-list") == [], points
        points += 2
    assert points >= 10


def test_duplicate_message_repeats_nothing(importer, small_batches):
    ours = importer()
    job_id = begun(ours, "create")
    ours.work(job_id)
    done, found = ours.job(job_id), ours.all()
    ours.work(job_id)
    assert ours.job(job_id) == done
    assert ours.all() == found


def test_concurrent_workers_repeat_nothing(importer, small_batches):
    small_batches(2)
    for mode in ("skip", "update", "create"):
        whole, ours = importer(), importer()
        whole_id, job_id = begun(whole, mode), begun(ours, mode)
        until_done(whole, whole_id)
        with ThreadPoolExecutor(3) as pool:
            list(pool.map(ours.work, [job_id] * 3))
        until_done(ours, job_id)
        assert settled(ours.job(job_id)) == settled(whole.job(whole_id))
        assert state(ours) == state(whole)


def test_concurrent_imports_of_one_file_create_no_duplicates(importer, small_batches):
    small_batches(5)
    ours = importer()
    jobs = []
    for _ in range(2):
        uploaded = ours.preview(people())
        mapping = uploaded["preview"]["suggested_mapping"]
        jobs.append(ours.confirm(uploaded["job"]["id"], mapping).result["id"])
    with ThreadPoolExecutor(2) as pool:
        list(pool.map(ours.work, jobs))
    for job_id in jobs:
        until_done(ours, job_id)
    found = [settled(ours.job(job_id)) for job_id in jobs]
    assert all(skipped for _, _, skipped, _ in found)
    assert sum(created for created, *_ in found) == len(ours.all()) == 17
    assert len(ours.all("companies-list")) == 3
    assert len(ours.all("sources-list")) == 2


def test_rows_are_processed_again_after_a_conflict(importer, monkeypatch):
    from keel.imports import pipeline

    ours = importer()
    source = ours.make("sources-create", name="Web")
    uploaded = ours.preview(FEW)
    job_id = ours.confirm(uploaded["job"]["id"], uploaded["preview"]["suggested_mapping"]).result["id"]
    next_batch = pipeline.Pipeline.next_batch
    changes = [lambda: ours.make("sources-archive", id=source["id"])]

    def meanwhile(*arguments: Any) -> Any:
        batch = next_batch(*arguments)
        if changes:
            changes.pop()()
        return batch

    monkeypatch.setattr(pipeline.Pipeline, "next_batch", meanwhile)
    until_done(ours, job_id)
    assert settled(ours.job(job_id)) == (3, 0, 0, 4)
    assert all(each["source_id"] is None or each["source_name"] != "Web" for each in ours.all())


@pytest.fixture
def run_with_change(importer, monkeypatch, small_batches):
    """Imports four contacts of a company, two at a time, and changes the company while the first row is processed."""
    from keel.imports import pipeline

    small_batches(1)
    monkeypatch.setattr(pipeline, "MAX_ROWS", 2)
    ours = importer()
    acme = ours.make("companies-create", name="Acme")
    next_batch, counted = pipeline.Pipeline.next_batch, itertools.count(1)

    def run(do: Any) -> tuple[Any, dict[str, Any], list[Any]]:
        def meanwhile(*arguments: Any) -> Any:
            batch = next_batch(*arguments)
            if next(counted) == 1:
                do(ours, acme)
            return batch

        monkeypatch.setattr(pipeline.Pipeline, "next_batch", meanwhile)
        job = ours.run("First Name,Company\n" + "".join(f"{name},Acme\n" for name in ("A", "B", "C", "D")))
        assert settled(job) == (4, 0, 0, 0)
        return ours, acme, ours.all()

    return run


def test_deletion_of_a_company_counts_as_later_than_the_batch(run_with_change):
    from keel.contacts.entity_type import CONTACT
    from keel.records import index_entries
    from keel.storage import table
    from keel.workers import cascade

    ours, acme, found = run_with_change(lambda ours, acme: ours.make("companies-delete", id=acme["id"]))
    [new] = ours.all("companies-list")
    assert [each["company_id"] for each in found] == [None, None, new["id"], new["id"]]
    assert ours.all(company_id=acme["id"]) == []

    def points_to_acme(record: Any) -> bool:
        stored = table.get(CONTACT.model, CONTACT.key(record["account_id"], record["id"]))
        return stored is not None and stored.attribute_values.get("company_id") == acme["id"]

    assert [points_to_acme(each) for each in found] == [True, True, False, False]
    assert cascade.clear(acme["account_id"], "company", acme["id"], lambda: False)
    assert not any(points_to_acme(each) for each in found)
    partition = index_entries.value_partition(acme["account_id"], "contact", "company_id", acme["id"])
    assert table.query_attributes(partition).items == []
    assert ours.all() == found


def test_renamed_company_no_longer_matches_its_former_name(run_with_change):
    ours, _, found = run_with_change(lambda ours, acme: ours.make("companies-update", id=acme["id"], name="Emca"))
    assert [each["company_name"] for each in found] == ["Emca", "Emca", "Acme", "Acme"]
    assert {each["name"] for each in ours.all("companies-list")} == {"Acme", "Emca"}


def test_company_deleted_by_an_undo_is_created_again(importer, monkeypatch, small_batches):
    from keel.imports import pipeline

    small_batches(1)
    ours = importer()
    rows = "".join(f"{name},Acme\n" for name in ("A", "B", "C"))
    first = ours.run(f"First Name,Company\n{rows}")
    uploaded = ours.preview(f"First Name,Company\n{rows}")
    second = ours.confirm(uploaded["job"]["id"], uploaded["preview"]["suggested_mapping"]).result["id"]
    next_batch, undone = pipeline.Pipeline.next_batch, list[Any]()

    def meanwhile(*arguments: Any) -> Any:
        batch = next_batch(*arguments)
        if not undone:
            undone.append(ours.undo(first["id"]))
        return batch

    monkeypatch.setattr(pipeline.Pipeline, "next_batch", meanwhile)
    until_done(ours, second)
    [job], [acme] = undone, ours.all("companies-list")
    assert (job["status"], job["kept_count"]) == ("undone", 0)
    assert settled(ours.job(second)) == (3, 0, 0, 0)
    assert [each["company_id"] for each in ours.all()] == [acme["id"]] * 3


def test_known_name_is_found_behind_stale_index_entries(run_with_change):
    def rename(ours: Any, acme: Any) -> None:
        for _ in range(7):  # more stale index entries than one query reads
            other = ours.make("companies-create", name="Acme")
            ours.make("companies-update", id=other["id"], name="Other")
            plant_entry(acme["account_id"], other["id"])
        ours.make("companies-create", name="Acme")
        ours.make("companies-update", id=acme["id"], name="Emca")

    def plant_entry(account_id: str, company_id: str) -> None:
        from keel.records import index_entries
        from keel.storage import table

        pk = index_entries.match_partition(account_id, "company", "name", "Acme")
        table.write(table.put(index_entries.IndexEntry(pk, company_id, revision=1)))

    ours, _, found = run_with_change(rename)
    assert [each["company_name"] for each in found] == ["Emca", "Emca", "Acme", "Acme"]
    assert sorted(each["name"] for each in ours.all("companies-list")) == ["Acme", "Emca", *["Other"] * 7]


def test_concurrent_edit_is_not_overwritten(importer, monkeypatch):
    from keel.imports import pipeline

    ours = importer()
    job_id = begun(ours, "update")
    [old] = ours.all()
    next_batch = pipeline.Pipeline.next_batch
    changes = [lambda: ours.make("contacts-update", id=old["id"], notes="by hand", tags=["mine"])]

    def meanwhile(*arguments: Any) -> Any:
        batch = next_batch(*arguments)
        if changes:
            changes.pop()()
        return batch

    monkeypatch.setattr(pipeline.Pipeline, "next_batch", meanwhile)
    until_done(ours, job_id)
    found = ours.make("contacts-get", id=old["id"])
    assert (found["notes"], found["tags"], found["company_name"]) == ("by hand", ["mine", "x", "d"], "New")
    assert settled(ours.job(job_id)) == (3, 3, 0, 1)


def test_index_entries_that_failed_are_written_on_the_next_attempt(importer, monkeypatch, small_batches):
    from keel.imports.batch import Batch, BatchConflict
    from keel.storage import table

    small_batches(1)
    ours = importer()
    job_id = begun(ours, "create")
    begin, commit = table.begin_batch_write, Batch.commit
    counted, conflicts = itertools.count(1), [BatchConflict()]

    def second_fails(puts: Any) -> Any:
        if next(counted) != 2:
            return begin(puts)
        failed: Future[None] = Future()
        failed.set_exception(table.RetriesExhausted("BatchWriteItem"))
        return [failed]

    def first_has_a_conflict(*arguments: Any) -> Any:
        if conflicts:
            raise conflicts.pop()
        return commit(*arguments)

    monkeypatch.setattr(table, "begin_batch_write", second_fails)
    monkeypatch.setattr(Batch, "commit", first_has_a_conflict)
    ours.work(job_id)
    assert settled(ours.job(job_id)) == (6, 0, 0, 1)
    for name in ("One", "Two", "Three", "Four"):
        assert name in {each["first_name"] for each in ours.all(search=name)}


def test_oldest_match_is_used_among_cached_records(importer, small_batches):
    small_batches(1)
    ours = importer()
    old, new = (ours.make("companies-create", name="Acme") for _ in range(2))
    content = f"id,name,city\n{new['id']},,Lyon\n,acme,Rome\n"
    assert settled(ours.run(content, model="companies", duplicate_handling="update")) == (0, 2, 0, 0)
    cities = {each["id"]: each["city"] for each in ours.all("companies-list")}
    assert cities == {old["id"]: "Rome", new["id"]: "Lyon"}


def test_known_names_are_bounded(importer, monkeypatch, small_batches):
    from keel.imports import pipeline, worker

    small_batches(4)
    monkeypatch.setattr(worker, "MAX_KNOWN_NAMES", 1)
    monkeypatch.setattr(pipeline, "MAX_ROWS", 4)
    ours = importer()
    rows = [f"P{number},Co {number % 8}" for number in range(24)]
    assert settled(ours.run("first_name,company\n" + "\n".join(rows) + "\n")) == (24, 0, 0, 0)
    assert len(ours.all("companies-list")) == 8


def test_conflicts_and_throttling_are_retried(importer, inject):
    ours = importer()
    job_id = begun(ours, "skip")
    inject("TransactWriteItems", conflict(), times=3)
    inject("TransactWriteItems", conflict("None", "ThrottlingError"), times=2, skip=3)
    until_done(ours, job_id)
    settled(ours.job(job_id))


def test_lost_response_is_not_taken_for_another_worker(importer, inject):
    ours = importer()
    job_id = begun(ours, "create")
    lost = inject("TransactWriteItems", conflict(), after=True)
    assert ours.work(job_id) == {"batchItemFailures": []}
    assert lost.hits == 1
    assert settled(ours.job(job_id)) == (6, 0, 0, 1)


def test_import_cancelled_while_it_runs_stops(importer, monkeypatch, small_batches):
    from keel.imports.batch import Batch

    small_batches(4)
    ours = importer()
    job_id = begun(ours, "create")
    commit = Batch.commit

    def meanwhile(batch: Any, *arguments: Any, **named: Any) -> Any:
        after = commit(batch, *arguments, **named)
        ours.make("imports-cancel", id=job_id)
        return after

    monkeypatch.setattr(Batch, "commit", meanwhile)
    ours.work(job_id)
    job = ours.job(job_id)
    assert (job["status"], job["processed_rows"], sum(counts(job))) == ("cancelled", 4, 4)
    assert len(ours.all()) == 4
    assert ours.undo(job_id)["kept_count"] == 0
    assert [each["first_name"] for each in ours.all()] == ["Old"]


# ---- Stalled jobs --------------------------------------------------------------------------------------


def later(monkeypatch: pytest.MonkeyPatch, milliseconds: int, *, since: int | None = None) -> None:
    from keel import clock

    now = since or clock.now()
    monkeypatch.setattr(clock, "now", lambda: now + milliseconds)


def test_job_whose_message_was_lost_is_resumed(importer, invoke, monkeypatch, pump):
    from keel import clock

    ours = importer()
    monkeypatch.setattr("keel.imports.jobs.send_to_worker", lambda _job: None)
    begun_at = clock.now()
    job_id = begun(ours, "skip")
    monkeypatch.undo()
    pump("import_worker")
    assert ours.job(job_id)["status"] == "processing"
    later(monkeypatch, 2 * clock.MINUTE, since=begun_at)
    invoke("unfinished_jobs", {})  # a worker may still have it
    monkeypatch.undo()
    pump("import_worker")
    assert ours.job(job_id)["status"] == "processing"
    later(monkeypatch, 4 * clock.MINUTE)
    invoke("unfinished_jobs", {})
    monkeypatch.undo()
    pump("import_worker")
    settled(ours.job(job_id))


def test_failed_recovery_of_a_job_stops_no_other(importer, invoke, monkeypatch, log_lines):
    from keel import clock
    from keel.imports import jobs
    from keel.workers import recovery

    ours = importer()
    broken, whole = sorted(begun(ours, "skip") for _ in range(2))
    export = ours.make("exports-create", model_type="contacts")["id"]
    resume, resumed = jobs.resume, list[str]()

    def failing(job: Any) -> None:
        if job.id == broken:
            raise TypeError
        resumed.append(job.id)
        resume(job)

    monkeypatch.setattr(jobs, "resume", failing)
    monkeypatch.setattr("keel.exports.jobs.recovery.send_job", lambda *sent: resumed.append(sent[-1]))
    later(monkeypatch, 6 * clock.MINUTE)
    with pytest.raises(recovery.RecoveryFailed):  # in the end, for an alarm to tell
        invoke("unfinished_jobs", {})
    assert {whole, export} <= set(resumed)
    [line] = [line for line in log_lines() if line["message"] == "job_recovery_failed"]
    assert (line["job_type"], line["job_id"], line["error_type"]) == ("import", broken, "builtins.TypeError")


def test_recovery_continues_where_its_time_ran_out(importer, functions, invoke, monkeypatch):
    from keel.imports.models import job_key
    from keel.storage import table
    from keel.workers import recovery

    ours = importer()
    made = {ours.request() for _ in range(5)}
    monkeypatch.setattr(table, "READ_LIMIT", 2)
    seen = list[str]()
    works = {"import": recovery.JobType(job_key, lambda job: seen.append(job.id))}
    invoke("unfinished_jobs", {})  # to the end, wherever other tests have left it
    with functions.running("unfinished_jobs"):
        while not made <= set(seen):
            recovery.recover_stalled_jobs(works, lambda: True)
        assert len(seen) == len(set(seen))
        recovery.recover_stalled_jobs(works, lambda: False)
        seen.clear()
        recovery.recover_stalled_jobs(works, lambda: False)
        assert len(seen) == len(set(seen))
        assert made <= set(seen)


@pytest.mark.parametrize("operation", ["UpdateItem", "TransactWriteItems"])
def test_confirmation_with_a_lost_response_succeeds(importer, pump, operation):
    ours = importer()
    uploaded = ours.preview(FEW)
    with losing_answers(operation):
        confirmed = ours.confirm(uploaded["job"]["id"], uploaded["preview"]["suggested_mapping"])
    assert confirmed.result["status"] == "processing"
    pump("import_worker")
    settled(ours.job(uploaded["job"]["id"]))


def test_import_without_progress_fails(importer, invoke, monkeypatch):
    from keel import clock

    ours = importer()
    job_id = begun(ours, "skip")
    for _ in range(12):
        later(monkeypatch, 4 * clock.MINUTE)
        invoke("unfinished_jobs", {})
    assert ours.job(job_id)["status"] == "processing"
    later(monkeypatch, 4 * clock.MINUTE)
    invoke("unfinished_jobs", {})
    monkeypatch.undo()
    job = ours.job(job_id)
    assert job["status"] == "failed"
    assert "row 0" in job["error"]


def test_undo_is_resumed_without_limit(importer, invoke, monkeypatch, pump):
    from keel import clock

    ours = importer()
    job = ours.run(FEW)
    assert ours.make("imports-undo", id=job["id"])["status"] == "undoing"
    for _ in range(20):
        later(monkeypatch, 4 * clock.MINUTE)
        invoke("unfinished_jobs", {})
    assert ours.job(job["id"])["status"] == "undoing"
    later(monkeypatch, 4 * clock.MINUTE)
    invoke("unfinished_jobs", {})
    monkeypatch.undo()
    pump("import_worker")
    assert ours.job(job["id"])["status"] == "undone"
    assert ours.all() == []


def test_abandoned_uploads_and_previews_fail(importer, invoke, monkeypatch):
    from keel import clock

    ours = importer()
    waiting, previewed = ours.request(), ours.preview(FEW)["job"]["id"]
    invoke("unfinished_jobs", {})
    later(monkeypatch, clock.DAY + clock.MINUTE)
    invoke("unfinished_jobs", {})
    monkeypatch.undo()
    assert (ours.job(waiting)["status"], ours.job(previewed)["status"]) == ("failed", "uploaded")
    assert "24 hours" in ours.job(waiting)["error"]
    later(monkeypatch, 7 * clock.DAY + clock.MINUTE)
    invoke("unfinished_jobs", {})
    monkeypatch.undo()
    assert ours.job(previewed)["status"] == "failed"
