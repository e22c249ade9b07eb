"""The auction's analytic outcome against the mechanism itself, and honesty against every bid on a grid."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import ttc_env
from tests.helpers.markets import KINDS, market_of, random_market
from ttc_env import equilibrium
from ttc_env.mechanisms import SecondPrice

COARSE = (-0.05, -0.002, 0.0, 0.002, 0.05)
seeds = st.integers(0, 2**32 - 1)
kinds = st.sampled_from(KINDS)


@given(seeds, kinds)
def test_outcome_is_the_mechanisms_for_honest_bids(seed, kind):
    market = random_market(np.random.default_rng(seed), kind)
    outcome = equilibrium.second_price_outcome(market)
    auction = SecondPrice()
    cleared = auction.clear(market, auction.bids(market, auction.honest(market, outcome.levels)))
    near = {"rel": 1e-12, "abs": 1e-12 * np.abs(market.quality).max()}
    assert outcome.welfare == pytest.approx(cleared.welfare, **near)
    assert outcome.user_value == pytest.approx(cleared.user_value, **near)
    assert outcome.provider_profit == pytest.approx(cleared.utility.sum(), **near)
    if outcome.winner is None:
        assert cleared.outside_share == 1
    elif cleared.shares.max() == 1:  # without a tie
        assert outcome.winner == cleared.shares.argmax()
        assert outcome.payment == pytest.approx(cleared.payment.sum(), **near)


def test_one_provider_is_paid_its_quality_over_the_outside_value():
    outcome = equilibrium.second_price_outcome(market_of([[0.5, 0.2]], [[0.25, 0.75]], outside_value=0.125))
    assert (outcome.winner, outcome.runner_up, outcome.levels.tolist()) == (0, None, [1])
    assert (outcome.payment, outcome.user_value) == (0.95 - 0.125, 0.125)


def test_ties_report_the_lowest_index():
    outcome = equilibrium.second_price_outcome(market_of([[0.5], [1.0], [1.0]], [[0.0], [0.0], [0.0]]))
    assert (outcome.winner, outcome.runner_up, outcome.provider_profit) == (1, 2, 0.0)


def test_nobody_sells_below_the_outside_value():
    outcome = equilibrium.second_price_outcome(market_of([[-2.0], [-1.0]], [[0.5], [0.5]], outside_value=-0.25))
    assert outcome == (None, None, outcome.levels, 0.0, -0.25, 0.0, -0.25)


def test_a_runner_up_below_the_outside_value_sets_no_price():
    outcome = equilibrium.second_price_outcome(market_of([[2.0], [1.0]], [[0.0], [0.0]], outside_value=1.5))
    assert (outcome.winner, outcome.runner_up, outcome.user_value) == (0, None, 1.5)


@pytest.mark.parametrize("name", ["gsm8k/reasoning_effort", "gpqa/reasoning_effort"])
def test_honesty_is_dominant_and_individually_rational(name):
    check = equilibrium.check_honesty(ttc_env.load_market(name), SecondPrice(grid=COARSE))
    assert np.all(check.largest_gain <= 1e-15)
    assert np.all(check.lowest_profit >= 0)


@given(seeds, kinds)
def test_honesty_is_dominant_in_any_market(seed, kind):
    market = random_market(np.random.default_rng(seed), kind, max_providers=3, max_levels=3)
    check = equilibrium.check_honesty(market, SecondPrice(grid=(-0.1, 0.0, 0.1)))
    rounding = 1e-12 * np.abs(market.quality).max()
    assert np.all(check.largest_gain <= rounding)
    assert np.all(check.lowest_profit >= -rounding)


def test_a_liar_gains_where_the_claim_is_paid():
    market = ttc_env.load_market("gsm8k/majority_voting")
    levels = market.welfare_contribution.argmax(axis=1)
    paper, declared = SecondPrice(grid=COARSE), SecondPrice(settlement="declared", grid=COARSE)
    np.testing.assert_allclose(equilibrium.auction_regret(market, paper, paper.honest(market, levels)), 0, atol=1e-15)
    regret = equilibrium.auction_regret(market, declared, declared.honest(market, levels))
    winner = equilibrium.second_price_outcome(market).winner
    assert regret[winner] == pytest.approx(0.05 * market.unit)  # it asks for the largest lie on the grid
    assert np.all(equilibrium.check_honesty(market, declared).largest_gain > 0)
