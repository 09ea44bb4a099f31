"""Test the documentation: commands run, links resolve, generated parts are current."""

import json
import re
import shutil
import subprocess
from itertools import pairwise

import pytest

import diagram
import template
from keel.webhooks import url_policy

DOCS = template.ROOT / "docs"
GUIDES = ("getting-started", "authentication", "pagination", "rate-limits", "idempotency", "webhooks")
PAGES = sorted([*DOCS.glob("*.md"), *template.ROOT.glob("*.md")])
SEPARATOR = "--- next block ---"
VOLATILE = r"^([0-9a-f]{8}-([0-9a-f]{4}-){3}[0-9a-f]{12}|\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z)$"


def commands(page: str) -> str:
    return "\n".join(re.findall(r"```bash\n(.*?)```", (DOCS / f"{page}.md").read_text(), re.DOTALL))


@pytest.mark.parametrize("page", GUIDES)
def test_the_commands_of_a_guide_do_what_it_says(page, site, owner, monkeypatch):
    monkeypatch.setattr(url_policy, "resolver", _no_such_name)  # the tests ask no name server
    script = commands(page)
    assert "curl" in script
    done = subprocess.run(
        [str(shutil.which("bash")), "-euo", "pipefail", "-c", script],
        env={"PATH": "/usr/bin:/bin:/usr/local/bin", "URL": site, "TOKEN": owner().token},
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert "Traceback" not in done.stderr
    refused = ["contacts.first_name_required"] if page == "getting-started" else []
    assert re.findall(r'"ok":false.*?"code":"([^"]+)"', done.stdout) == refused


def test_getting_started_shows_the_response_of_each_request(site):
    page = (DOCS / "getting-started.md").read_text()
    blocks = re.findall(r"```(bash|json)\n(.*?)```", page, re.DOTALL)
    script = "\n".join(f"{content}\necho; echo {SEPARATOR}" for language, content in blocks if language == "bash")
    done = subprocess.run(
        [str(shutil.which("bash")), "-euo", "pipefail", "-c", script],
        env={"PATH": "/usr/bin:/bin:/usr/local/bin", "URL": site},
        capture_output=True,
        text=True,
        timeout=300,
        check=True,
    )
    printed = [text.strip() for text in done.stdout.split(f"{SEPARATOR}\n") if text]
    following = [after for (language, _), after in pairwise([*blocks, ("", "")]) if language == "bash"]
    for output, (language, content) in zip(printed, following, strict=True):
        if language == "json":
            assert_same(json.loads(content), json.loads(output))
        else:
            assert output == "", "a request without its response"


def assert_same(example, response):
    """Ids and times differ from those of the page, and `…` stands for any text."""
    if isinstance(example, dict):
        assert example.keys() == response.keys()
        for name, value in example.items():
            assert_same(value, response[name])
    elif isinstance(example, list):
        for one, other in zip(example, response, strict=True):
            assert_same(one, other)
    elif isinstance(example, str) and "…" in example:
        before, after = example.split("…")
        assert response.startswith(before)
        assert response.endswith(after)
    else:
        assert re.sub(VOLATILE, "", str(response)) == re.sub(VOLATILE, "", str(example))


def _no_such_name(*_, **__):
    raise OSError


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_links_lead_somewhere(page):
    for target in re.findall(r"\]\(([^)\s]+)\)", page.read_text()):
        if not target.startswith(("http:", "https:")):
            place, _, anchor = target.partition("#")
            path = (page.parent / place) if place else page
            assert path.exists(), target
            if anchor:
                assert anchor in anchors(path.read_text()), target


def anchors(text: str) -> set[str]:
    """What GitHub makes of headings, and what a page sets itself."""
    headings = re.findall(r"^#+ (.+)$", text, re.MULTILINE)
    made = {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}
    return made | set(re.findall(r'<a id="([^"]+)"', text))


def test_what_is_claimed_has_a_place_that_shows_it():
    lines = (DOCS / "comparison.md").read_text().splitlines()
    rows = [[cell.strip() for cell in line.strip("|").split("|")] for line in lines if line.startswith("| ")][2:]
    assert len(rows) == 46
    for feature, keel, _, proof in rows:
        assert set(keel.split(" / ")) <= {"Y", "P", "N"}, feature
        assert bool(proof) is (keel != "N"), feature
        for path, test in re.findall(r"`(tests/[^`]+)::(\w+)`", proof):
            assert re.search(rf"^def {test}\(", (template.ROOT / path).read_text(), re.MULTILINE), proof


def test_every_page_is_in_the_index():
    index = (DOCS / "README.md").read_text()
    for page in DOCS.glob("*.md"):
        assert page.name == "README.md" or f"({page.name}" in index, page.name


def test_the_architecture_is_drawn_from_the_template():
    text = (DOCS / "architecture.md").read_text()
    assert diagram.inserted(text) == text, "run make openapi"
    assert "Table -- stream --> MailerFunction" in text
    # What a function is told of, and what it may put something into, are two things.
    assert "UnfinishedJobsFunction --> ExportQueue" in text
    assert "ImportUploadFunction --> Files" not in text


def test_each_resource_has_one_section_among_the_errors():
    sections = re.findall(r"^## (\w+)$", (DOCS / "errors.md").read_text(), re.MULTILINE)
    assert sorted(set(sections)) == sorted(sections)


def test_every_parameter_of_the_template_is_in_the_guide_for_operators():
    guide = (DOCS / "operating.md").read_text()
    for name in template.load()["Parameters"]:
        assert f"`{name}`" in guide, name
