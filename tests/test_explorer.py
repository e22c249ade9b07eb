"""The explorer's numbers are the solvers', one market at a time, and its story is true."""

import sys
from functools import cache

import numpy as np
import pytest

import ttc_env
from tests.helpers.scripts import ROOT
from ttc_env import equilibrium

sys.path.append(str(ROOT / "docs"))
from explorer.solving import BETAS, MARKUPS, MONEY, SHARE, solve
from explorer.story import BETA, MARKET, story


@cache
def gsm8k():
    """Solved once for all tests."""
    return solve("gsm8k/majority_voting")


def place(data, mechanism, left_out, markup, beta):
    """The row of a choice, as the documentation of `solve` says."""
    betas = 1 if mechanism == "second_price" else len(BETAS)
    at = data["leftOut"].index(",".join(map(str, left_out))) * len(MARKUPS) + MARKUPS.index(markup)
    return at * betas + (0 if betas == 1 else BETAS.index(beta))


@pytest.mark.parametrize("left_out", [(), (4,), (1, 8)])
@pytest.mark.parametrize(("markup", "beta"), [(0.25, 1000.0), (1.0, 100000.0)])
def test_every_choice_is_the_equilibrium_of_that_market(left_out, markup, beta):
    data = gsm8k()
    whole = ttc_env.load_market("gsm8k/majority_voting", beta=beta, markup=markup)
    present = [i for i in range(whole.num_providers) if i not in left_out]
    market = whole.select(present)
    table, k = data["mechanisms"]["per_token"], place(data, "per_token", left_out, markup, beta)
    summary = equilibrium.summarize(market)
    assert table["welfare"][k] == pytest.approx(summary.welfare / MONEY, abs=0.51)
    assert table["user_value"][k] == pytest.approx(summary.user_value / MONEY, abs=0.51)
    assert table["optimum"][k] == pytest.approx(summary.welfare_optimum / MONEY, abs=0.51)
    profile = np.array([int(table["levels"][k][i], 36) for i in present])
    assert equilibrium.nash_conv(market, profile).total <= 1e-15
    np.testing.assert_allclose(np.array(table["shares"][k])[present], market.shares(profile) / SHARE, atol=0.51)
    np.testing.assert_allclose(np.array(table["profits"][k])[present], market.utility(profile) / MONEY, atol=0.51)
    assert all(table["shares"][k][i] == 0 for i in left_out)
    auction, k = data["mechanisms"]["second_price"], place(data, "second_price", left_out, markup, beta)
    outcome = equilibrium.second_price_outcome(market)
    assert auction["ranks"][k] == [present[outcome.winner], present[outcome.runner_up]]
    assert auction["user_value"][k] == pytest.approx(outcome.user_value / MONEY, abs=0.51)
    posted, k = data["mechanisms"]["posted_price"], place(data, "posted_price", left_out, markup, beta)
    prices = equilibrium.nash_prices(market)
    np.testing.assert_allclose(np.array(posted["profits"][k])[present], prices.profit / MONEY, atol=0.51)


def test_a_mixture_is_the_mean_of_its_types():
    mixture, data = ttc_env.load_market("mixed/best_of_n", beta=1000.0), solve("mixed/best_of_n")
    k = place(data, "per_token", (), 0.25, 1000.0)
    parts = [equilibrium.summarize(part) for part in mixture.markets]
    mean = np.average([part.user_value for part in parts], weights=mixture.weights)
    assert data["mechanisms"]["per_token"]["user_value"][k] == pytest.approx(mean / MONEY, abs=0.51)
    assert len(data["mechanisms"]["per_token"]["levels"][k]) == len(data["providers"]) * data["types"]
    assert "ranks" not in data["mechanisms"]["second_price"]


def test_one_provider_stays_however_few_there_are():
    data = solve("nano/best_of_n")
    assert len(data["leftOut"]) == 1 + 3 + 3
    alone = place(data, "second_price", (0, 1), 0.25, 1000.0)
    assert data["mechanisms"]["second_price"]["ranks"][alone] == [2, -1]


def test_what_the_story_says_in_words_is_so():
    market = ttc_env.load_market(MARKET, beta=BETA)
    steep, sharp = (
        ttc_env.load_market(MARKET, **{"beta": BETA, **changed}) for changed in ({"markup": 1}, {"beta": 1e5})
    )
    levels, efficient = equilibrium.pure_nash(market)[0], market.welfare_contribution.argmax(-1)
    assert (levels > efficient).sum() > market.num_providers / 2  # "they sell more"
    assert (equilibrium.pure_nash(steep) == levels).all()  # "nobody changes its level"
    assert equilibrium.price_of_anarchy(sharp) < equilibrium.price_of_anarchy(market)  # "users who choose well help"
    outcome = equilibrium.second_price_outcome(market)
    assert outcome.user_value > equilibrium.summarize(market).user_value
    steps = story()
    assert len(steps) == 5
    assert "mechanism" in steps[0].state
    assert f"{1000 * outcome.provider_profit:.2f}, all to the winner" in steps[4].text
