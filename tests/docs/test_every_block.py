"""List the test that runs each command and example of the documentation."""

import re
import shlex
from pathlib import Path
from typing import Any, Final

import boto3
import pytest
from botocore import xform_name
from typer.main import get_command

import deploy
from keel_crm.cli.app import app as keel_app
from template import ROOT

PAGES: Final = sorted([*ROOT.glob("*.md"), *ROOT.glob("docs/*.md"), ROOT / "clients/python/README.md"])

GUIDES: Final = "tests/reference/test_pages_of_docs.py::test_the_commands_of_a_guide_do_what_it_says"
RESPONSES: Final = "tests/reference/test_pages_of_docs.py::test_getting_started_shows_the_response_of_each_request"
RESOURCE: Final = "tests/docs/test_adding_a_resource.py::test_the_page_shows_a_whole_resource"
CLIENT: Final = "tests/client/test_documentation.py::test_the_python_of_the_readme_runs"
TYPED: Final = "tests/e2e/test_documentation.py::test_the_commands_of_the_guide_work_one_after_the_other"
OPERATED: Final = "tests/e2e/test_operating.py::"
AWS: Final = "tests/docs/test_every_block.py::test_what_is_asked_of_aws_is_what_it_offers"

# The blocks of each page in their order, by their languages, and what runs them or holds them to be true.
RUN_BY: Final = {
    "README.md": [
        ("bash", "tests/e2e/test_documentation.py::test_it_runs_here_takes_new_code_stops_and_keeps_what_it_had"),
        ("bash", "tests/e2e/test_documentation.py::test_the_first_call_of_the_readme_works_when_pasted"),
        ("bash", OPERATED + "test_a_second_deployment_asks_nothing_and_changes_nothing"),
        ("text", ""),  # the project layout: nothing to run
    ],
    "clients/python/README.md": [
        ("console", "tests/e2e/test_documentation.py::test_the_client_can_be_installed_as_its_page_says"),
        *[("python", CLIENT)] * 2,
        ("python", "tests/client/test_documentation.py::test_the_import_of_the_readme_brings_its_rows_in"),
        *[("python", CLIENT)] * 2,
        ("console", "tests/client/test_documentation.py::test_the_commands_of_the_pages_run"),
    ],
    "docs/adding-a-resource.md": [
        *[("python", RESOURCE)] * 4,
        ("python", "tests/docs/test_adding_a_resource.py::test_list_of_entity_types_is_the_one_of_the_page"),
        ("python", "tests/docs/test_adding_a_resource.py::test_its_codes_come_in_their_order"),
        ("python", RESOURCE),
        ("yaml", RESOURCE),
    ],
    "docs/architecture.md": [
        ("mermaid", "tests/reference/test_pages_of_docs.py::test_the_architecture_is_drawn_from_the_template"),
        ("text", ""),  # the packages of the layer
    ],
    "docs/authentication.md": [("bash", GUIDES)] * 2,
    "docs/client.md": [("console", TYPED)] * 5,
    "docs/data-model.md": [
        ("mermaid", "tests/docs/test_data_model.py::test_diagram_has_the_fields_of_each_entity_type")
    ],
    "docs/events.md": [("json", "tests/docs/test_events.py::test_an_event_has_the_fields_that_the_page_shows")] * 2,
    "docs/getting-started.md": [
        *[("bash", GUIDES), ("json", RESPONSES)],
        ("bash", GUIDES),
        *[("bash", GUIDES), ("json", RESPONSES)] * 5,
    ],
    "docs/idempotency.md": [("bash", GUIDES)],
    "docs/imports.md": [("bash", "tests/e2e/test_documentation.py::test_the_five_calls_of_an_import_work_when_pasted")],
    "docs/operating.md": [
        ("bash", OPERATED + "test_a_second_deployment_asks_nothing_and_changes_nothing"),
        ("bash", OPERATED + "test_a_changed_parameter_holds_for_the_next_call"),
        ("bash", AWS),
        ("bash", AWS),
        ("bash", "tests/test_operation.py::test_the_command_that_rotates_keys_does"),
        ("bash", OPERATED + "test_what_is_lost_comes_back_from_a_restored_table"),
        ("bash", OPERATED + "test_what_is_lost_comes_back_from_a_restored_table"),
    ],
    "docs/pagination.md": [
        ("json", "tests/docs/test_events.py::test_a_page_of_a_list_has_the_fields_that_the_guide_shows"),
        ("bash", GUIDES),
    ],
    "docs/rate-limits.md": [("bash", GUIDES)],
    "docs/webhooks.md": [
        ("bash", GUIDES),
        ("text", ""),  # what arrives: nothing to run
        ("python", "tests/docs/test_webhooks.py::test_python_verifies"),
        ("javascript", "tests/docs/test_webhooks.py::test_node_verifies"),
        ("sh", "tests/docs/test_webhooks.py::test_shell_computes_the_signature"),
        ("python", "tests/docs/test_webhooks.py::test_events_in_any_order_and_number_leave_the_last_state"),
    ],
}


def blocks(page: Path) -> list[tuple[str, str]]:
    """The fenced blocks of a page: language and content."""
    return re.findall(r"^ *```(\w*)\n(.*?)^ *```$", page.read_text(), re.MULTILINE | re.DOTALL)


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_every_block_of_a_page_is_run_by_a_test(page: Path) -> None:
    run_by = RUN_BY.get(str(page.relative_to(ROOT)), [])
    assert [language for language, _ in blocks(page)] == [language for language, _ in run_by]
    for (language, content), (_, test) in zip(blocks(page), run_by, strict=True):
        if language == "text":
            assert not re.search(r"^\s*(\$ |curl|make|keel|aws|pip|python)\b", content, re.MULTILINE), content
        else:
            file, _, name = test.partition("::")
            assert re.search(rf"^(async )?def {name}\(", (ROOT / file).read_text(), re.MULTILINE), test


def test_no_page_is_listed_that_is_not_there() -> None:
    assert set(RUN_BY) <= {str(page.relative_to(ROOT)) for page in PAGES}


def test_every_make_that_a_page_names_is_in_the_makefile() -> None:
    targets = set(re.findall(r"^([a-z0-9-]+):", (ROOT / "Makefile").read_text(), re.MULTILINE))
    for page in PAGES:
        for target in re.findall(r"`(?:[A-Z_]+=\S+ )*make ([a-z0-9-]+)", page.read_text()):
            assert target in targets, f"{page.name}: make {target}"


def test_every_keel_that_a_page_names_is_a_command() -> None:
    app = get_command(keel_app)
    for page in PAGES:
        for named in re.findall(r"`keel ([a-z][^`]*)`", page.read_text()):
            group: Any = app
            for word in named.split():
                if not hasattr(group, "commands") or not word.islower():
                    break
                assert word in group.commands, f"{page.name}: keel {named}"
                group = group.commands[word]


def aws_commands() -> list[str]:
    """As pages show them, and as a first deployment suggests one."""
    shown = [content for page in PAGES for language, content in blocks(page) if language == "bash"]
    suggested = re.findall(r"aws \S+ \S+ --\S+", Path(deploy.__file__).read_text())
    return [*re.findall(r"^aws .+$", "\n".join(shown), re.MULTILINE), *suggested]


@pytest.mark.parametrize("command", aws_commands())
def test_what_is_asked_of_aws_is_what_it_offers(command: str) -> None:
    _, service, operation, *rest = shlex.split(command)
    model = boto3.client(service, region_name="us-east-1").meta.service_model  # type: ignore[call-overload]
    shape = next(model.operation_model(name) for name in model.operation_names if _cli(name) == operation).input_shape
    options = {_cli(name) for name in shape.members}
    given = [word.removeprefix("--") for word in rest if word.startswith("--")]
    assert given
    assert set(given) <= options
    assert {_cli(name) for name in shape.required_members} <= set(given)


def test_there_are_such_commands() -> None:
    assert {command.split()[1] for command in aws_commands()} == {"lambda", "sqs", "sesv2"}


def _cli(name: str) -> str:
    return xform_name(name, "-")
