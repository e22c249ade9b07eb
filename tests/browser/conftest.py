"""Headless Chromium for the tests of pages; what a page logs, throws or fetches from elsewhere fails its test."""

import shutil
from pathlib import Path

import pytest

CHROMIUM = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
HERE = Path(__file__).parent


def pytest_collection_modifyitems(items):
    for item in items:
        if HERE in item.path.parents:
            item.add_marker(pytest.mark.browser)


@pytest.fixture(scope="session")
def chromium():
    """The browser, one for all tests."""
    if CHROMIUM is None:
        pytest.skip("no Chromium on this machine: Debian's package is `chromium`")
    playwright = pytest.importorskip("playwright.sync_api", reason="pip install -e '.[browser]'")
    with playwright.sync_playwright() as driver:
        browser = driver.chromium.launch(executable_path=CHROMIUM)
        yield browser
        browser.close()


@pytest.fixture
def visit(chromium):
    """Open a file: `visit(path, width=1200, scheme="light")` gives the page, once its charts are drawn."""
    contexts, faults = [], []

    def open_page(path, width=1200, height=900, scheme="light", fragment=""):
        context = chromium.new_context(
            viewport={"width": width, "height": height}, color_scheme=scheme, reduced_motion="reduce"
        )
        contexts.append(context)
        page = context.new_page()
        page.set_default_timeout(15_000)
        page.on("console", lambda message: faults.append(f"{message.type}: {message.text}"))
        page.on("pageerror", lambda error: faults.append(f"error: {error}"))
        page.on("dialog", lambda dialog: (faults.append(f"dialog: {dialog.message}"), dialog.dismiss()))
        page.on("request", lambda request: faults.extend(_outside(request.url)))
        page.goto(Path(path).resolve().as_uri() + fragment)
        page.wait_for_selector("html[data-drawn=yes]")
        return page

    yield open_page
    for context in contexts:
        context.close()
    assert not faults


def _outside(url):
    return [] if url.startswith(("file:", "data:", "blob:")) else [f"fetched {url}"]


@pytest.fixture
def accessible():
    """Hold a page against the rules of axe-core, for WCAG 2.1 A and AA; `without` leaves out what it selects."""
    axe = pytest.importorskip("axe_playwright_python.sync_playwright", reason="pip install -e '.[browser]'")

    def check(page, without=None):
        rules = {"runOnly": {"type": "tag", "values": ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "best-practice"]}}
        found = axe.Axe().run(page, context={"exclude": [[without]]} if without else None, options=rules)
        assert not found.response["violations"], found.generate_report()

    return check
