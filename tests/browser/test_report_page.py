"""The report of a run as its reader has it: numbers, controls, keyboard, telephone, light and dark."""

import json
import re

import pytest

from tests.helpers.reports import HOSTILE, write_run
from train.reporting.kinds import write_report
from ttc_env.names import short_names


@pytest.fixture(scope="module")
def folders(tmp_path_factory):
    out = tmp_path_factory.mktemp("runs")
    found = [write_run(out / "one", seeds=1), write_run(out / "<i>three", seeds=3)]
    for folder in found:
        write_report([folder])
    write_report(found)
    return found


def cells(page, title):
    """The rows of a table by the text of their first cell."""
    table = page.locator("table", has=page.get_by_text(title, exact=True))
    rows = table.locator("tbody tr").evaluate_all("rows => rows.map(r => [...r.cells].map(c => c.textContent))")
    return {first: rest for first, *rest in rows}


def test_the_page_says_what_the_summary_says(visit, folders):
    summary = json.loads((folders[0] / "summary.json").read_text())
    page = visit(folders[0] / "report.html")
    shown = cells(page, "Learned and exact")
    assert shown["welfare"][:2] == [f"{1000 * summary[key]:.4f}" for key in ("welfare", "nash_welfare")]
    assert shown["price of anarchy"][1] == f"{summary['price_of_anarchy']:.4f}"
    providers = cells(page, "Every provider")
    assert list(providers) == short_names(HOSTILE)  # as they are, nothing in them obeyed
    first = providers[short_names(HOSTILE)[0]]
    assert float(first[0]) == [1, 4, 16][summary["levels"][0]]
    assert first[2] == f"{summary['shares'][0]:.2%}"
    assert page.locator(".chart svg").count() == page.locator("figure").count() == 8
    labels = page.locator("figure", has_text="Share of each provider").locator("svg text").all_text_contents()
    assert set(short_names(HOSTILE)) <= set(labels)


def test_a_chart_draws_the_numbers_of_metrics_csv(visit, folders):
    page = visit(folders[0] / "report.html")
    figure = page.locator("figure", has=page.get_by_text("welfare", exact=True))
    drawn = figure.locator("[aria-roledescription=point]").evaluate_all(
        "ps => ps.map(p => p.getAttribute('aria-label'))"
    )
    told = [float(re.search(r"queries: ([\d.]+)", label)[1]) for label in drawn]
    rows = (folders[0] / "metrics.csv").read_text().splitlines()
    column = rows[0].split(",").index("welfare")
    assert told == pytest.approx([1000 * float(row.split(",")[column]) for row in rows[1:]], rel=1e-3)


def test_a_click_sorts_a_table_and_so_does_the_keyboard(visit, folders):
    page = visit(folders[1] / "report.html")
    table = page.locator("table", has=page.get_by_text("Every seed", exact=True))
    button = table.get_by_role("button", name="welfare")
    column = lambda: [float(text) for text in table.locator("tbody tr td:nth-child(4)").all_text_contents()]  # noqa: E731
    assert column() != sorted(column())
    button.click()
    assert column() == sorted(column())
    assert table.locator("th[aria-sort=ascending]").count() == 1
    button.press("Enter")
    assert column() == sorted(column(), reverse=True)


def test_the_provider_chosen_is_the_one_drawn(visit, folders):
    page = visit(folders[0] / "report.html")
    figure = page.locator("figure", has=page.locator("select"))
    path = "[aria-roledescription='line mark'], .mark-line path"
    before = figure.locator(path).first.get_attribute("d")
    figure.locator("select").select_option(index=3)
    page.wait_for_function("([f, p, d]) => f.querySelector(p).getAttribute('d') !== d", arg=[
        figure.element_handle(), path, before,
    ])  # fmt: skip


def test_dark_as_the_system_says_and_light_at_the_press_of_a_key(visit, folders):
    page = visit(folders[0] / "report.html", scheme="dark")
    ground = lambda: page.evaluate("getComputedStyle(document.body).backgroundColor")  # noqa: E731
    dark = ground()
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.textContent") == "Skip to the content"
    page.keyboard.press("Tab")
    page.keyboard.press("Enter")
    assert ground() != dark


@pytest.mark.parametrize(("folder", "width", "scheme"), [(0, 1200, "light"), (1, 390, "dark")])
def test_pages_pass_an_accessibility_checker_and_fit(visit, accessible, folders, folder, width, scheme):
    page = visit(folders[folder] / "report.html", width=width, scheme=scheme)
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    accessible(page, without=".chart svg" if scheme == "dark" else None)  # the marks are the same in both


def test_runs_side_by_side(visit, folders):
    page = visit(folders[0].parent / "report.html", width=390)
    assert page.evaluate("document.documentElement.scrollWidth") <= 390
    assert page.title() == "2 runs side by side"
    heads = page.locator("table").first.locator("th[scope=col]").all_text_contents()
    assert heads == ["quantity", "one: learned", "exact", "<i>three: learned", "exact", "what it means"]
    assert next(iter(cells(page, "Options, those that differ first"))) == "num_seeds"
