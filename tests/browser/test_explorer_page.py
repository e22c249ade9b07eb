"""The market explorer as its reader has it: controls move, the numbers are the solver's, and a link shows the same."""

import sys

import pytest

import ttc_env
from tests.helpers.scripts import ROOT
from ttc_env import equilibrium

sys.path.append(str(ROOT / "docs"))
MARKETS = ["gsm8k/majority_voting", "nano/best_of_n", "mixed/majority_voting"]


@pytest.fixture(scope="module")
def explorer(tmp_path_factory):
    from explorer.build import build

    return build(tmp_path_factory.mktemp("site") / "explorer", MARKETS)


def fact(page, title):
    return page.locator("#facts div", has=page.get_by_text(title, exact=True)).locator("dd").text_content()


def settled(page):
    page.wait_for_selector("html[data-drawn=yes]")


def usd(value):
    return f"{1000 * value:.4f}"


def test_controls_move_and_the_numbers_are_those_of_the_solver(visit, explorer):
    page = visit(explorer)
    market = ttc_env.load_market(MARKETS[0], beta=1000.0)
    assert fact(page, "welfare") == usd(equilibrium.summarize(market).welfare)
    page.locator("#beta").press("ArrowRight")
    settled(page)
    market = ttc_env.load_market(MARKETS[0], beta=2000.0)
    assert page.locator("#beta-shown").text_content() == "2,000"
    assert fact(page, "user value") == usd(equilibrium.summarize(market).user_value)
    page.locator("#providers input").nth(8).uncheck()
    settled(page)
    market = market.select(range(8))
    assert fact(page, "provider profit") == usd(equilibrium.summarize(market).provider_profit)
    assert fact(page, "price of anarchy, per token") == f"{equilibrium.price_of_anarchy(market):.4f}"
    page.locator("#mechanism").select_option("second_price")
    settled(page)
    outcome = equilibrium.second_price_outcome(market)
    assert fact(page, "user value") == usd(outcome.user_value)
    assert fact(page, "winner") in market.providers[outcome.winner]
    rows = page.locator("#table tbody tr").all_text_contents()
    assert len(rows) == 8
    assert "100.00%" in rows[outcome.winner]


def test_a_link_shows_the_same_market(visit, explorer):
    page = visit(explorer, fragment="#market=nano/best_of_n&mechanism=posted_price&beta=500&markup=0.5&without=1")
    prices = equilibrium.nash_prices(ttc_env.load_market("nano/best_of_n", beta=500.0, markup=0.5).select([0, 2]))
    assert fact(page, "provider profit") == usd(prices.profit.sum())
    page.locator("#market").select_option("mixed/majority_voting")
    settled(page)
    page.wait_for_function("location.hash.includes('mixed')")
    shown = page.locator("#facts").text_content()
    again = visit(explorer, fragment=page.evaluate("location.hash"))
    assert again.locator("#facts").text_content() == shown


def test_nonsense_in_the_address_is_not_obeyed(visit, explorer):
    page = visit(explorer, fragment="#market=<img src=x>&mechanism=constructor&beta=none&markup=-1&without=99&step=77")
    assert page.locator("#market").input_value() == MARKETS[0]
    assert page.locator("#table tbody tr").count() == 9
    assert page.locator("#story-place").text_content() == "Step 5 of 5"


def test_five_steps_tell_the_story_and_set_the_controls(visit, explorer):
    page = visit(explorer)
    told = [page.locator("#story-title").text_content()]
    for _ in range(4):
        page.get_by_role("button", name="Next").press("Enter")
        settled(page)
        told.append(page.locator("#story-title").text_content())
    assert len(set(told)) == 5
    assert page.locator("#mechanism").input_value() == "second_price"
    assert page.get_by_role("button", name="Next").is_disabled()


@pytest.mark.parametrize(("width", "scheme"), [(1200, "dark"), (390, "light")])
def test_the_explorer_passes_an_accessibility_checker_and_fits(visit, accessible, explorer, width, scheme):
    page = visit(explorer, width=width, scheme=scheme)
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    accessible(page, without=".chart svg")
