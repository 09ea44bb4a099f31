"""Use the reference in a browser, under the paths of a deployment."""

import re
import uuid
from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, Page, expect, sync_playwright

import browser

PATIENCE = 60_000  # milliseconds: the machine may have much else to do
SCREENS = {"wide": (1280, 900), "narrow": (390, 800)}


@pytest.fixture(scope="module")
def chromium() -> Iterator[Browser]:
    expect.set_options(timeout=PATIENCE)
    with sync_playwright() as playwright:
        chromium = playwright.chromium.launch(executable_path=browser.executable(), args=["--no-sandbox"])
        yield chromium
        chromium.close()


@pytest.fixture
def page(request, chromium) -> Iterator[Page]:
    """A page that must not have complained when the test is over; an answer of 401 is a complaint to a browser."""
    width, height = getattr(request, "param", SCREENS["wide"])
    page = chromium.new_page(viewport={"width": width, "height": height})
    page.set_default_timeout(PATIENCE)
    complaints: list[str] = []
    page.on("console", lambda said: complaints.append(said.text) if said.type in ("error", "warning") else None)
    page.on("pageerror", lambda error: complaints.append(str(error)))
    yield page
    page.close()
    assert [said for said in complaints if "status of 401" not in said] == []


@pytest.mark.parametrize("page", SCREENS.values(), ids=SCREENS, indirect=True)
def test_somebody_opens_an_account_and_creates_a_contact(site, page):
    page.goto(f"{site}/docs")
    page.get_by_role("button", name="New account").click()
    page.get_by_label("Email").fill(f"{uuid.uuid4().hex}@example.com")
    page.get_by_label("Password").fill("correct horse battery")
    page.get_by_label("Name", exact=True).fill("Ada")
    page.get_by_role("button", name="Open an account").click()
    expect(page.get_by_role("status")).to_contain_text("Signed in as Ada, owner")

    page.locator("#operations-tag-Contacts").click()
    operation = page.locator("#operations-Contacts-contacts-create")
    operation.locator(".opblock-summary-control").click()
    operation.get_by_role("button", name="Execute").click()
    answer = operation.locator(".live-responses-table tbody .response-col_description").first
    expect(answer).to_contain_text('"ok": true')
    expect(answer).to_contain_text('"first_name": "Ada"')
    assert page.evaluate("document.documentElement.scrollWidth <= window.innerWidth")


def test_a_wrong_password_is_told(site, page):
    page.goto(f"{site}/docs")
    page.get_by_label("Email").fill("nobody@example.com")
    page.get_by_label("Password").fill("wrong horse battery")
    page.get_by_role("button", name="Sign in").click()
    expect(page.get_by_role("status")).to_contain_text("auth.invalid_credentials")


def test_each_error_has_an_address_on_the_page(site, page):
    page.goto(f"{site}/docs#error-contacts.not_found")
    entry = page.locator("[id='error-contacts.not_found']")
    expect(entry).to_be_in_viewport()
    expect(entry).to_contain_text(re.compile("404"))
